"""From a package to a directory with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.errors import PackageError, PackageFileMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.packages import Artifact, ModelPackage


def place_package(package: ModelPackage) -> Path:
    """Finds the directory that holds a package's files.

    Args:
        package: A package whose files are on this machine already: of a path, or inside a distribution.

    Returns:
        The directory; every declared file is there with the declared size.

    Raises:
        PackageFileMissingError: If a declared file is missing.
        PackageError: If a file has another size than declared, or the package's files are not on this machine.
    """
    if package.directory is None:
        raise PackageError(f"the files of package {package.package_id} are not on this machine")
    for artifact in package.artifacts:
        _check_present(package.directory, artifact)
    return package.directory


def _check_present(directory: Path, artifact: Artifact) -> None:
    path = directory / artifact.handle
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PackageFileMissingError(f"the package's file {artifact.handle} is missing in {directory}") from error
    if artifact.size is not None and size != artifact.size:
        raise PackageError(
            f"{path} has {size} bytes, {artifact.size} were expected", hint="install or copy the package again"
        )

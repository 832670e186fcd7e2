"""Packages whose files are on this machine already: at a path, or inside a distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.errors import PackageError, PackageFileMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.packages import Artifact, ModelPackage


class InPlace(NamedTuple):
    """A directory that is not ours: whoever put it there answers for its content."""

    directory: Path

    def check_unchanged(self) -> bool:
        """Always: nothing was promised about its content."""
        return True

    def close(self) -> None:
        """Nothing is held."""


def find_in_place(package: ModelPackage, directory: Path) -> InPlace:
    """Checks that every declared file is there with the declared size.

    Raises:
        PackageFileMissingError: If one is missing.
        PackageError: If one has another size.
    """
    for artifact in package.artifacts:
        _check_present(directory, artifact)
    return InPlace(directory)


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

"""What a provider's plugin says is looked at as if a stranger had said it: not every plugin uses our readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.errors import MalformedDocumentError
from inference_models_core.names import MAX_MODEL_ID, check_handles, check_identifier
from inference_models_core.parsing import as_integer, as_md5, as_sha256, as_text
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage


def checked_answer(metadata: ModelMetadata) -> ModelMetadata:
    """An answer whose names and digests can be used for files and folders, and be written down.

    Args:
        metadata: What a provider said.

    Returns:
        The same; packages with a fault cannot be used and say why. Files that are in a directory already keep their
        names: the directory is not ours.

    Raises:
        MalformedDocumentError: If an id of the model, or one of its dependencies, is none.
    """
    check_identifier(metadata.model_id, "model id", longest=MAX_MODEL_ID)
    for dependency in metadata.dependencies:
        check_identifier(dependency.name, "name of a dependency")
        check_identifier(dependency.model_id, "model id of a dependency", longest=MAX_MODEL_ID)
    packages = [_checked(package, number) for number, package in enumerate(metadata.packages)]
    if all(new is old for new, old in zip(packages, metadata.packages, strict=True)):
        return metadata
    return attrs.evolve(metadata, packages=packages)


def _checked(package: ModelPackage, number: int) -> ModelPackage:
    where, name = f"packages[{number}]", f"packages[{number}]"
    try:
        name = check_identifier(package.package_id, f"{where}: id")
        if package.directory is None:
            _check_files(package.artifacts, where)
    except MalformedDocumentError as error:
        fault = Rejection(code="malformed-metadata", reason=error.message)
        return attrs.evolve(package, package_id=name, artifacts=(), graph_files={}, unusable=fault)
    return package


def _check_files(artifacts: tuple[Artifact, ...], where: str) -> None:
    check_handles([artifact.handle for artifact in artifacts], f"{where}: files")
    for artifact in artifacts:
        if artifact.sha256 is not None:
            as_sha256(artifact.sha256, f"{where}: sha256")
        if artifact.md5 is not None:
            as_md5(artifact.md5, f"{where}: md5")
        if artifact.size is not None:
            as_integer(artifact.size, f"{where}: size", minimum=0)
        for url in artifact.urls:
            as_text(url, f"{where}: url")

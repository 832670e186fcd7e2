"""The document that makes a cached package a package that can be loaded from its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference_models_core.types.packages import (
        ModelDependency,
        ModelMetadata,
        ModelPackage,
        RecommendedParameters,
    )


def model_config(provider: str, metadata: ModelMetadata, package: ModelPackage) -> dict[str, Any]:
    """What ``model_config.json`` says: everything that the provider said and the files do not.

    Args:
        provider: Name of the provider that knew the model.
        metadata: The model.
        package: One of its packages.

    Returns:
        Plain JSON values; the local provider reads them when the directory is given as a path.
    """
    parameters = package.recommended_parameters or metadata.recommended_parameters
    config = {
        "model_id": metadata.model_id,
        "model_package_id": package.package_id,
        "model_architecture": package.architecture or metadata.architecture,
        "task_type": package.task or metadata.task,
        "backend_type": package.backend,
        "model_features": dict(package.features) or None,
        "quantization": package.quantization,
        "dynamic_batch_size_supported": package.batch.static is None if package.batch.known else None,
        "static_batch_size": package.batch.static,
        "model_dependencies": [_dependency(provider, each) for each in metadata.dependencies] or None,
        "recommended_parameters": None if parameters is None else _parameters(parameters),
    }
    return {key: value for key, value in config.items() if value is not None}


def _dependency(provider: str, dependency: ModelDependency) -> dict[str, Any]:
    # With its provider: loaded from a path, a model has none to ask.
    model_id = f"{provider}://{dependency.model_id}"
    return {"name": dependency.name, "model_id": model_id, "model_package_id": dependency.package_id}


def _parameters(parameters: RecommendedParameters) -> dict[str, Any]:
    return {
        "confidence": parameters.confidence,
        "perClassConfidence": dict(parameters.per_class_confidence),
    }

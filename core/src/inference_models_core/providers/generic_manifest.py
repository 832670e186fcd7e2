"""The package manifest that needs no plugin: backend, precision and batch, and nothing that only one backend knows.

For packages whose provider says no more than that, and for remembering those that were described without a document::

    {"type": "inference-models-package-v1", "backendType": "onnx", "quantization": "fp16", "dynamicBatchSize": true,
     "minBatchSize": 1, "maxBatchSize": 16}

``quantization`` and everything about batches may be missing. A batch is dynamic (with bounds, if any) or has one
``staticBatchSize``; with neither, nothing is known about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.names import check_identifier
from inference_models_core.parsing import as_object, malformed
from inference_models_core.types.backends import UNKNOWN_BATCH, BackendDetails, BatchSupport

if TYPE_CHECKING:
    from inference_models_core.parsing import Fields
    from inference_models_core.types.packages import ModelPackage

GENERIC_MANIFEST = "inference-models-package-v1"
_LARGEST_BATCH = 65_536


def read_generic_manifest(manifest: Any, where: str) -> BackendDetails:
    """Reads a manifest of this type.

    Args:
        manifest: The manifest.
        where: Its path, for errors.

    Returns:
        The details, without requirements.

    Raises:
        MalformedDocumentError: If a field is missing, of a wrong type, or contradicts another.
    """
    fields = as_object(manifest, where)
    quantization = fields.read("quantization", check_identifier, None)
    return BackendDetails(
        backend=fields.read("backendType", check_identifier),
        quantization=None if quantization == "unknown" else quantization,
        batch=_batch(fields),
    )


def _batch(fields: Fields) -> BatchSupport:
    static = fields.integer("staticBatchSize", None, minimum=1, maximum=_LARGEST_BATCH)
    if not fields.boolean("dynamicBatchSize", False):
        return UNKNOWN_BATCH if static is None else BatchSupport(static=static)
    if static is not None:
        malformed(f"{fields.where}.staticBatchSize", "nothing beside dynamicBatchSize", str(static))
    smallest = fields.integer("minBatchSize", 1, minimum=1, maximum=_LARGEST_BATCH)
    largest = fields.integer("maxBatchSize", None, minimum=smallest, maximum=_LARGEST_BATCH)
    return BatchSupport(minimum=smallest, maximum=largest)


def generic_manifest(package: ModelPackage) -> dict[str, Any]:
    """The manifest of a package without requirements; :func:`read_generic_manifest` reads it back."""
    return {
        "type": GENERIC_MANIFEST,
        "backendType": package.backend,
        **({"quantization": package.quantization} if package.quantization else {}),
        **_batch_fields(package.batch),
    }


def _batch_fields(batch: BatchSupport) -> dict[str, Any]:
    if not batch.known:
        return {}
    if batch.static is not None:
        return {"staticBatchSize": batch.static}
    bounds = {"minBatchSize": batch.minimum, "maxBatchSize": batch.maximum}
    return {"dynamicBatchSize": True, **{key: value for key, value in bounds.items() if value is not None}}

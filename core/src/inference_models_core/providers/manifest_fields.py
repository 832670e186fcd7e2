"""Fields that package manifests of several backends have in common, for their parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.parsing import malformed
from inference_models_core.types.backends import BatchSupport

if TYPE_CHECKING:
    from inference_models_core.parsing import Fields

_QUANTIZATIONS = ("fp32", "fp16", "bf16", "int8", "unknown")
_LARGEST_BATCH = 65_536


def read_quantization(fields: Fields) -> str | None:
    """Reads ``quantization``.

    Args:
        fields: The manifest.

    Returns:
        ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``; ``None`` where the manifest says ``"unknown"``.

    Raises:
        MalformedDocumentError: If it is missing or something else.
    """
    quantization = fields.text("quantization", choices=_QUANTIZATIONS)
    return None if quantization == "unknown" else quantization


def read_batch(fields: Fields) -> BatchSupport:
    """Reads ``dynamicBatchSize`` (default false) and ``staticBatchSize``.

    Args:
        fields: The manifest.

    Returns:
        Any batch, or one.

    Raises:
        MalformedDocumentError: If a package without dynamic batch does not name its static one, or one with dynamic
            batch does.
    """
    dynamic = fields.boolean("dynamicBatchSize", False)
    static = fields.integer("staticBatchSize", None, minimum=1, maximum=_LARGEST_BATCH)
    if dynamic and static is not None:
        malformed(f"{fields.where}.staticBatchSize", "nothing beside dynamicBatchSize", str(static))
    if not dynamic and static is None:
        malformed(f"{fields.where}.staticBatchSize", "a whole number where the batch is not dynamic", "nothing")
    return BatchSupport(static=static)

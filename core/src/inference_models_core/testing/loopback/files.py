"""Reading loopback files and manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.parsing import read_json
from inference_models_core.types.backends import BackendDetails, BatchSupport
from inference_models_core.types.local_files import LocalFileFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def parse_manifest(manifest: Mapping[str, Any], readers: Any) -> BackendDetails:
    """Reads ``{"type": "loopback-model-package-v1", "quantization": ..., "staticBatchSize": ...}``."""
    fields = readers.Fields(manifest, "packageManifest")
    static = fields.integer("staticBatchSize", None, minimum=1)
    return BackendDetails(
        backend="loopback", quantization=fields.text("quantization", "fp32"), batch=BatchSupport(static=static)
    )


def inspect_file(path: Path) -> LocalFileFacts:
    """Facts of a graph file; ``architecture``, ``task`` and ``class_names`` may stand in it."""
    fields = read_json(path)
    names = fields.items("class_names", lambda value, _: str(value), None)
    return LocalFileFacts(
        details=BackendDetails(backend="loopback", quantization="fp32", batch=BatchSupport()),
        architecture=fields.text("architecture", None),
        task=fields.text("task", None),
        class_names=names,
    )

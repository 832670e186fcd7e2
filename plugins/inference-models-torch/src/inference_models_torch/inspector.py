"""What a single TorchScript archive says about the model in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.exporters.ultralytics import read_batch, read_ultralytics
from inference_models_core.types.backends import UNKNOWN_BATCH, BackendDetails
from inference_models_core.types.local_files import LocalFileFacts

from inference_models_torch.manifest import TorchRequirements
from inference_models_torch.torchscript_file import read_torchscript_file

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_torch.torchscript_file import TorchScriptFile

_PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "int8": "int8", "uint8": "int8"}


def inspect_file(path: Path) -> LocalFileFacts:
    """Reads a TorchScript archive, without PyTorch.

    Args:
        path: The file.

    Returns:
        Precision of most weights, whether torchvision is needed, and whatever the exporter wrote beside the graph: so
        far, ``config.txt`` of Ultralytics exports is understood. The graph itself tells neither sizes nor batches.

    Raises:
        PackageError: If it cannot be read; see
            :func:`~inference_models_torch.torchscript_file.read_torchscript_file`.
    """
    content = read_torchscript_file(path, describe_only=True)
    exported = read_ultralytics(content.metadata, None, path.name, graph_says_sizes=False)
    details = BackendDetails(
        backend="torch-script",
        quantization=quantization(content),
        batch=UNKNOWN_BATCH if exported is None else read_batch(content.metadata, path.name),
        requirements=TorchRequirements(torchvision="0" if "torchvision" in content.libraries else ""),
    )
    return LocalFileFacts(details=details, **(exported or {}))


def quantization(content: TorchScriptFile) -> str | None:
    """The precision that most numbers are stored in; ``None`` where none are."""
    counts = {kind: count for kind, count in content.weights.items() if kind in _PRECISIONS and count}
    return _PRECISIONS[max(counts, key=lambda kind: counts[kind])] if counts else None

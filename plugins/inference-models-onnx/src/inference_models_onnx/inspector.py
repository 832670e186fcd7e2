"""What a single ONNX file says about the model in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from inference_models_core.exporters.ultralytics import read_dynamic_batch, read_ultralytics
from inference_models_core.types.backends import UNKNOWN_BATCH, BackendDetails, BatchSupport
from inference_models_core.types.local_files import LocalFileFacts

from inference_models_onnx.manifest import OnnxRequirements
from inference_models_onnx.onnx_file import read_onnx_file

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.tensors import TensorSpec

    from inference_models_onnx.onnx_file import OnnxFile

_PRECISIONS = {1: "fp32", 2: "int8", 3: "int8", 10: "fp16", 16: "bf16"}
"""``TensorProto.DataType`` -> precision, for types that weights are stored in."""
_INPUT_PRECISIONS = {"float32": "fp32", "float16": "fp16"}
_MAX_CHANNELS = 4


def inspect_file(path: Path) -> LocalFileFacts:
    """Reads an ONNX file.

    Args:
        path: The file.

    Returns:
        Backend details from the graph (precision of most weights, batch, opset), the input size, and whatever the
        exporter wrote into the metadata: so far, that of Ultralytics exports is understood.

    Raises:
        PackageError: If it cannot be read; see :func:`~inference_models_onnx.onnx_file.read_onnx_file`.
    """
    content = read_onnx_file(path)
    details = BackendDetails(
        backend="onnx",
        quantization=_quantization(content),
        batch=_batch(content),
        requirements=OnnxRequirements(opset=content.opsets.get(""), ir_version=content.ir_version),
    )
    size = _input_size(content.inputs)
    exported = read_ultralytics(content.metadata, size, path.name)
    if exported is None:
        return LocalFileFacts(details=details, input_size=size, origin=content.producer)
    if details.batch == BatchSupport():
        details = attrs.evolve(details, batch=read_dynamic_batch(content.metadata, path.name))
    return LocalFileFacts(details=details, **exported)


def _quantization(content: OnnxFile) -> str | None:
    counts = {code: count for code, count in content.weights.items() if code in _PRECISIONS and count}
    if counts:
        return _PRECISIONS[max(counts, key=lambda code: counts[code])]
    return _INPUT_PRECISIONS.get(content.inputs[0].dtype or "") if content.inputs else None


def _batch(content: OnnxFile) -> BatchSupport:
    """From the first axis of the first input; a dynamic one counts only if no output is fixed to one picture."""
    if not content.inputs or not content.inputs[0].shape:
        return UNKNOWN_BATCH
    size = content.inputs[0].batch
    if isinstance(size, int):
        return BatchSupport(static=size) if size > 0 else UNKNOWN_BATCH
    first_axes = {spec.batch for spec in content.outputs if spec.shape}
    return BatchSupport(static=1) if first_axes == {1} else BatchSupport()


def _input_size(inputs: tuple[TensorSpec, ...]) -> tuple[int, int] | None:
    """(height, width) of the first input that looks like a batch of pictures, channels first or last."""
    for spec in inputs:
        if spec.shape is None or len(spec.shape) != 4:
            continue
        _batch_axis, first, second, last = spec.shape
        channels_last = _is_channels(last) and not _is_channels(first)
        height, width = (first, second) if channels_last else (second, last)
        if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
            return height, width
    return None


def _is_channels(size: object) -> bool:
    return isinstance(size, int) and 1 <= size <= _MAX_CHANNELS

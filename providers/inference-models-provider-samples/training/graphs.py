"""A trained network as ONNX graph and as TorchScript archive, and the proof that both say what PyTorch says."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks import Task
    from torch import nn

OPSET = 17
TOLERANCE = 1e-4
#: What PyTorch aligns the bytes of tensors to.
ALIGNMENT = 64
_TRACE_NUMBER = re.compile(rb"[./]___torch_mangle_[0-9]+")
_NOTES = (".debug_pkl", "/serialization_id")


def onnx_bytes(model: nn.Module, task: Task, batch: int | None) -> bytes:
    """The graph as ONNX, weights inside, no doc strings: the same checkpoint gives the same bytes."""
    example = torch.zeros(batch or 1, 3, task.size, task.size)
    axes = {} if batch else {name: {0: "batch"} for name in ("images", *task.outputs)}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter that gives a plain graph is the older one
        torch.onnx.export(
            model, (example,), buffer, dynamo=False, opset_version=OPSET,
            input_names=["images"], output_names=list(task.outputs), dynamic_axes=axes,
        )  # fmt: skip
    graph = onnx.load_from_string(buffer.getvalue())
    for node in graph.graph.node:
        node.ClearField("doc_string")
    onnx.checker.check_model(graph, full_check=True)
    return graph.SerializeToString(deterministic=True)


def torchscript_bytes(model: nn.Module, task: Task, batch: int | None) -> bytes:
    """The network as TorchScript archive, normalisation folded into the weights, without notes on source files."""
    del batch  # a traced graph takes any
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(model, torch.zeros(2, 3, task.size, task.size))
        frozen = torch.jit.freeze(traced)
    buffer = io.BytesIO()
    torch.jit.save(frozen, buffer)
    return _reproducible(buffer.getvalue())


def _reproducible(archive: bytes) -> bytes:
    """Leaves out which source files were traced, and the how manieth trace of the process it was.

    Tensors stay aligned, as PyTorch maps them into memory.
    """
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            if entry.filename.endswith(_NOTES):
                continue
            kept, data = zipfile.ZipInfo(_unnumbered(entry.filename.encode()).decode()), old.read(entry)
            header = result.tell() + zipfile.sizeFileHeader + len(kept.filename)
            kept.extra = _padding(-header % ALIGNMENT)
            new.writestr(kept, _unnumbered(data) if entry.filename.endswith((".py", "/data.pkl")) else data)
    return result.getvalue()


def _unnumbered(text: bytes) -> bytes:
    return _TRACE_NUMBER.sub(b"", text)


def _padding(length: int) -> bytes:
    """An extra field as PyTorch writes it, so long that what follows is aligned."""
    length += 0 if length >= 4 else ALIGNMENT
    return struct.pack("<2sH", b"FB", length - 4) + b"Z" * (length - 4)


def onnx_runner(data: bytes, task: Task) -> Callable[[torch.Tensor], list[np.ndarray]]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda images: session.run(list(task.outputs), {"images": images.numpy()})


def torchscript_runner(data: bytes, _: Task) -> Callable[[torch.Tensor], list[np.ndarray]]:
    module = torch.jit.load(io.BytesIO(data))
    return lambda images: arrays(module(images))


def arrays(result: torch.Tensor | tuple[torch.Tensor, ...]) -> list[np.ndarray]:
    parts = result if isinstance(result, tuple) else (result,)
    return [part.detach().numpy() for part in parts]


@torch.no_grad()
def largest_difference(
    model: nn.Module, task: Task, run: Callable[[torch.Tensor], list[np.ndarray]], batch: int | None
) -> float:
    """Between a graph and PyTorch, relative above 1, over several batch sizes if the batch is dynamic.

    Raises:
        SystemExit: If it exceeds the tolerance.
    """
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in [batch] if batch else (1, 2, 5):
        images = torch.rand(size, 3, task.size, task.size, generator=generator)
        for found, expected in zip(run(images), arrays(model(images)), strict=True):
            worst = max(worst, float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max()))
    if not worst <= TOLERANCE:
        raise SystemExit(f"{task.model}: the graph differs from PyTorch by {worst:.2e}")
    return worst

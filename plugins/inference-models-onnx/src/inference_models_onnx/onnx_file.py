"""Reads what an ONNX file says about itself, without its weights and without the ``onnx`` package."""

from __future__ import annotations

import mmap
import stat
from typing import TYPE_CHECKING, NoReturn

import attrs
from inference_models_core.errors import PackageError, PackageFileMissingError, UnsafeModelFileError
from inference_models_core.types.value import Value

from inference_models_onnx.onnx_messages import ModelWalk
from inference_models_onnx.wire_format import WireReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.types.tensors import TensorSpec

    from inference_models_onnx.onnx_messages import ExternalData

MAX_BYTES = 2**31 - 1
"""Largest message that protocol buffers allow; larger models keep their weights in external data."""

_MAGICS = {
    b"PK\x03\x04": "a ZIP archive (a PyTorch checkpoint, perhaps)",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "a web page",
    b"{": "JSON text",
    b"\x80\x02": "a pickle",
    b"\x1f\x8b": "gzip data",
    b"\x89HDF": "an HDF5 file",
}


@attrs.frozen(kw_only=True, repr=False)
class OnnxFile(Value):
    """What an ONNX file says about itself.

    Attributes:
        ir_version: Version of the file format; ``None`` where absent.
        opsets: Operator domain -> version; the standard domain is ``""``.
        producer: Name and version of the exporter, such as ``"pytorch 2.6.0"``.
        metadata: ``metadata_props``.
        inputs: Of the graph, in order, without those that are weights.
        outputs: Of the graph, in order.
        nodes: Number of nodes, subgraphs and functions included.
        operators: (domain, operator) of every node outside functions.
        functions: (domain, name) of each local function -> (domain, operator) of the nodes in it.
        weights: ``TensorProto.DataType`` -> number of elements stored in it.
        external_data: Tensors whose bytes lie in other files.
    """

    ir_version: int | None
    opsets: Mapping[str, int]
    producer: str
    metadata: Mapping[str, str]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    nodes: int
    operators: frozenset[tuple[str, str]]
    functions: Mapping[tuple[str, str], frozenset[tuple[str, str]]]
    weights: Mapping[int, int]
    external_data: tuple[ExternalData, ...]


def read_onnx_file(path: Path) -> OnnxFile:
    """Reads an ONNX file.

    Args:
        path: The file; memory-mapped, so that weights are never read.

    Returns:
        What it says.

    Raises:
        PackageFileMissingError: If it cannot be opened.
        PackageError: If it is truncated, larger than the format allows, or not an ONNX file.
        UnsafeModelFileError: If it has more nodes, fields or nesting than any real one.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PackageError(f"not a file: {path}")
        _check_size(status.st_size, path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return read_onnx_bytes(data, path.name)
    except OSError as error:
        if isinstance(error, PackageError):
            raise
        raise PackageFileMissingError(f"cannot read {path}: {error.strerror or error}") from error


def _check_size(size: int, path: Path) -> None:
    if size == 0:
        raise PackageError(f"truncated ONNX file: {path.name} is empty", hint="fetch the file again")
    if size > MAX_BYTES:
        raise PackageError(
            f"{path.name} has {size} bytes; an ONNX file has at most {MAX_BYTES}",
            hint="save the model with external data",
        )


def read_onnx_bytes(data: bytes | mmap.mmap, name: str) -> OnnxFile:
    """As :func:`read_onnx_file`, from memory; ``name`` stands in errors."""
    try:
        return _read(data, name)
    except UnsafeModelFileError:
        raise
    except PackageError as error:
        _explain_foreign_file(data, name, error)


def _read(data: bytes | mmap.mmap, name: str) -> OnnxFile:
    walk = ModelWalk(WireReader(data, name))
    try:
        walk.read_model(0, len(data))
    except IndexError as error:
        raise PackageError(f"truncated ONNX file: {name} ends inside a field", hint="fetch the file again") from error
    if not walk.graphs:
        raise PackageError(f"not an ONNX file: {name} has no graph")
    return _content(walk)


def _content(walk: ModelWalk) -> OnnxFile:
    return OnnxFile(
        ir_version=walk.ir_version,
        opsets=walk.opsets,
        producer=f"{walk.producer_name} {walk.producer_version}".strip(),
        metadata=walk.metadata,
        inputs=tuple(spec for spec in walk.inputs if spec.name not in walk.initializers),
        outputs=tuple(walk.outputs),
        nodes=walk.nodes,
        operators=frozenset(walk.operators),
        functions={key: frozenset(operators) for key, operators in walk.functions.items()},
        weights=dict(walk.weights),
        external_data=tuple(walk.external_data),
    )


def _explain_foreign_file(data: bytes | mmap.mmap, name: str, error: PackageError) -> NoReturn:
    head = data[:32]
    for magic, kind in _MAGICS.items():
        if head.startswith(magic):
            raise PackageError(f"not an ONNX file: {name} looks like {kind}") from error
    raise error

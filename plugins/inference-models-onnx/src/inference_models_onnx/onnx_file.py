"""Reads what an ONNX file says about itself, without its weights and without the ``onnx`` package.

Field numbers are those of ``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The reader sees what
the runtime's parser sees: fields in any order, repeated singular fields, unknown fields, packed or not.
"""

from __future__ import annotations

import mmap
import stat
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import attrs
from inference_models_core.errors import PackageError, PackageFileMissingError, UnsafeModelFileError
from inference_models_core.types.tensors import TensorSpec

from inference_models_onnx.wire_format import WireReader, signed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.types.tensors import Dimension

MAX_BYTES = 2**31 - 1
"""Largest message that protocol buffers allow; larger models keep their weights in external data."""
MAX_NODES = 1_000_000
MAX_NESTING = 32
MAX_METADATA_VALUE = 2**20

_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
}
"""``TensorProto.DataType`` -> numpy's name; types that numpy lacks have none."""

_MAGICS = {
    b"PK\x03\x04": "a ZIP archive (a PyTorch checkpoint, perhaps)",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "a web page",
    b"{": "JSON text",
    b"\x80\x02": "a pickle",
    b"\x1f\x8b": "gzip data",
    b"\x89HDF": "an HDF5 file",
}

_OPTIONAL_ENTRY = tuple[str, str]


@attrs.frozen(kw_only=True)
class ExternalData:
    """A tensor whose bytes lie in another file.

    Attributes:
        tensor: Name of the tensor.
        entries: Key and value pairs, such as ``("location", "weights.bin")``, as they stand in the file.
    """

    tensor: str
    entries: tuple[_OPTIONAL_ENTRY, ...]


@attrs.frozen(kw_only=True)
class OnnxFile:
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
    collector = _Collector(WireReader(data, name))
    try:
        collector.read_model(0, len(data))
    except IndexError as error:
        raise PackageError(f"truncated ONNX file: {name}", hint="fetch the file again") from error
    if not collector.graphs:
        raise PackageError(f"not an ONNX file: {name} has no graph")
    return collector.result()


def _explain_foreign_file(data: bytes | mmap.mmap, name: str, error: PackageError) -> NoReturn:
    head = data[:32]
    for magic, kind in _MAGICS.items():
        if head.startswith(magic):
            raise PackageError(f"not an ONNX file: {name} looks like {kind}") from error
    raise error


class _Collector:
    """Walks the messages of a model and keeps what :class:`OnnxFile` needs."""

    def __init__(self, wire: WireReader) -> None:
        self.wire = wire
        self.graphs = 0
        self.nodes = 0
        self.ir_version: int | None = None
        self.opsets: dict[str, int] = {}
        self.producer = ["", ""]
        self.metadata: dict[str, str] = {}
        self.inputs: list[TensorSpec] = []
        self.outputs: list[TensorSpec] = []
        self.initializers: set[str] = set()
        self.operators: set[tuple[str, str]] = set()
        self.functions: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.weights: Counter[int] = Counter()
        self.external_data: list[ExternalData] = []
        self._texts: dict[bytes, str] = {}

    def result(self) -> OnnxFile:
        return OnnxFile(
            ir_version=self.ir_version,
            opsets=self.opsets,
            producer=" ".join(part for part in self.producer if part),
            metadata=self.metadata,
            inputs=tuple(spec for spec in self.inputs if spec.name not in self.initializers),
            outputs=tuple(self.outputs),
            nodes=self.nodes,
            operators=frozenset(self.operators),
            functions={key: frozenset(calls) for key, calls in self.functions.items()},
            weights=dict(self.weights),
            external_data=tuple(self.external_data),
        )

    def read_model(self, start: int, stop: int) -> None:
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o10:  # ir_version: field 1, varint; tags are octal: number, then wire type
                self.ir_version = signed(a)
            elif tag in (0o22, 0o32):  # producer_name, producer_version
                self.producer[tag == 0o32] = self.wire.text(a, b)
            elif tag == 0o72:  # graph
                self.graphs += 1
                self.read_graph(a, b, self.operators, 0)
            elif tag == 0o102:  # opset_import
                self.read_opset(a, b)
            elif tag == 0o162:  # metadata_props
                self.read_metadata(a, b)
            elif tag == 0o242:  # training_info
                self.read_training_info(a, b)
            elif tag == 0o312:  # functions
                self.read_function(a, b)

    def read_opset(self, start: int, stop: int) -> None:
        domain, version = "", 0
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o12:
                domain = self.wire.text(a, b)
            elif tag == 0o20:
                version = signed(a)
        self.opsets["" if domain == "ai.onnx" else domain] = version

    def read_metadata(self, start: int, stop: int) -> None:
        if stop - start <= MAX_METADATA_VALUE:
            key, value = self.read_entry(start, stop)
            self.metadata[key] = value

    def read_entry(self, start: int, stop: int) -> tuple[str, str]:
        key = value = ""
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o12:
                key = self.wire.text(a, b)
            elif tag == 0o22:
                value = self.wire.text(a, b, MAX_METADATA_VALUE)
        return key, value

    def read_training_info(self, start: int, stop: int) -> None:
        for tag, a, b in self.wire.fields(start, stop):
            if tag in (0o12, 0o22):  # initialization, algorithm
                self.read_graph(a, b, self.operators, 1)

    def read_function(self, start: int, stop: int) -> None:
        name = domain = ""
        calls: set[tuple[str, str]] = set()
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o12:
                name = self.wire.text(a, b)
            elif tag == 0o122:
                domain = self.wire.text(a, b)
            elif tag == 0o72:
                self.read_node(a, b, calls, 1)
            elif tag == 0o132:  # attribute_proto: default values
                self.read_attribute(a, b, calls, 1)
        self.functions.setdefault((domain, name), set()).update(calls)

    def read_graph(self, start: int, stop: int, calls: set[tuple[str, str]], depth: int) -> None:
        if depth > MAX_NESTING:
            raise UnsafeModelFileError(f"{self.wire.name} nests graphs deeper than {MAX_NESTING} levels")
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o12:
                self.read_node(a, b, calls, depth)
            elif tag == 0o52:  # initializer
                name = self.read_tensor(a, b)
                if depth == 0:
                    self.initializers.add(name)
            elif tag == 0o172:  # sparse_initializer
                self.read_sparse_tensor(a, b)
            elif depth == 0 and tag == 0o132:
                self.inputs.append(self.read_value(a, b))
            elif depth == 0 and tag == 0o142:
                self.outputs.append(self.read_value(a, b))

    def read_node(self, start: int, stop: int, calls: set[tuple[str, str]], depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise UnsafeModelFileError(f"{self.wire.name} has more than {MAX_NODES} nodes")
        operator = domain = ""
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o52:
                self.read_attribute(a, b, calls, depth)
            elif tag == 0o42:
                operator = self.wire.text(a, b)
            elif tag == 0o72:
                domain = self.wire.text(a, b)
        calls.add((domain, operator))

    def read_attribute(self, start: int, stop: int, calls: set[tuple[str, str]], depth: int) -> None:
        for tag, a, b in self.wire.fields(start, stop):
            if tag in (0o52, 0o122):  # t, tensors
                self.read_tensor(a, b)
            elif tag in (0o62, 0o132):  # g, graphs
                self.read_graph(a, b, calls, depth + 1)
            elif tag in (0o262, 0o272):  # sparse_tensor, sparse_tensors
                self.read_sparse_tensor(a, b)

    def read_sparse_tensor(self, start: int, stop: int) -> None:
        for tag, a, b in self.wire.fields(start, stop):
            if tag in (0o12, 0o22):  # values, indices
                self.initializers.add(self.read_tensor(a, b))

    def read_tensor(self, start: int, stop: int) -> str:
        name, data_type, elements = "", 0, 1
        entries: list[_OPTIONAL_ENTRY] = []
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o10:  # dims
                elements *= max(signed(a), 0)
            elif tag == 0o12:  # dims, packed
                for dimension in self.wire.packed(a, b):
                    elements *= max(dimension, 0)
            elif tag == 0o20:
                data_type = a
            elif tag == 0o102:
                name = self.wire.text(a, b)
            elif tag == 0o152:
                entries.append(self.read_entry(a, b))
        if entries:
            self.external_data.append(ExternalData(tensor=name, entries=tuple(entries)))
        self.weights[data_type] += min(elements, 1 << 62)
        return name

    def read_value(self, start: int, stop: int) -> TensorSpec:
        name: str = ""
        dtype: str | None = None
        shape: tuple[Dimension, ...] | None = None
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o12:
                name = self.wire.text(a, b)
            elif tag == 0o22:
                dtype, shape = self.read_type(a, b)
        return TensorSpec(name=name, dtype=dtype, shape=shape)

    def read_type(self, start: int, stop: int) -> tuple[str | None, tuple[Dimension, ...] | None]:
        dtype: str | None = None
        shape: tuple[Dimension, ...] | None = None
        for tag, a, b in self.wire.fields(start, stop):
            if tag != 0o12:  # tensor_type; sequences, maps and the like are not for tensor backends
                continue
            for inner, c, d in self.wire.fields(a, b):
                if inner == 0o10:
                    dtype = _DTYPES.get(c)
                elif inner == 0o22:
                    shape = tuple(self.read_dimension(e, f) for field, e, f in self.wire.fields(c, d) if field == 0o12)
        return dtype, shape

    def read_dimension(self, start: int, stop: int) -> Dimension:
        size: Dimension = None
        for tag, a, b in self.wire.fields(start, stop):
            if tag == 0o10:
                size = signed(a)
            elif tag == 0o22:
                size = self.wire.text(a, b) or None
        return size

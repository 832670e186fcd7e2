"""Walks over the messages of an ONNX file and keeps the little that matters about them.

Field numbers are those of ``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The walk sees what a
runtime's parser sees: fields in any order, singular fields that are repeated (the last one counts, messages merge),
unknown fields, packed numbers or not; and every place a tensor or graph can stand in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from inference_models_core.errors import UnsafeModelFileError
from inference_models_core.types.tensors import TensorSpec

from inference_models_onnx.wire_format import length_tag, number_tag, signed

if TYPE_CHECKING:
    from inference_models_core.types.tensors import Dimension

    from inference_models_onnx.wire_format import WireReader

Operators: TypeAlias = "set[tuple[str, str]]"
"""(domain, operator) of nodes."""

MAX_NODES: Final = 1_000_000
MAX_NESTING: Final = 32
_MAX_METADATA: Final = 2**20
_MAX_ELEMENTS: Final = 2**62

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

_MODEL_IR_VERSION: Final = number_tag(1)
_MODEL_PRODUCER_NAME: Final = length_tag(2)
_MODEL_PRODUCER_VERSION: Final = length_tag(3)
_MODEL_GRAPH: Final = length_tag(7)
_MODEL_OPSET_IMPORT: Final = length_tag(8)
_MODEL_METADATA: Final = length_tag(14)
_MODEL_TRAINING_INFO: Final = length_tag(20)
_MODEL_FUNCTION: Final = length_tag(25)

_OPSET_DOMAIN: Final = length_tag(1)
_OPSET_VERSION: Final = number_tag(2)
_ENTRY_KEY: Final = length_tag(1)
_ENTRY_VALUE: Final = length_tag(2)
_TRAINING_GRAPHS: Final = (length_tag(1), length_tag(2))

_FUNCTION_NAME: Final = length_tag(1)
_FUNCTION_NODE: Final = length_tag(7)
_FUNCTION_DOMAIN: Final = length_tag(10)
_FUNCTION_ATTRIBUTE: Final = length_tag(11)

_GRAPH_NODE: Final = length_tag(1)
_GRAPH_INITIALIZER: Final = length_tag(5)
_GRAPH_INPUT: Final = length_tag(11)
_GRAPH_OUTPUT: Final = length_tag(12)
_GRAPH_SPARSE_INITIALIZER: Final = length_tag(15)

_NODE_OPERATOR: Final = length_tag(4)
_NODE_ATTRIBUTE: Final = length_tag(5)
_NODE_DOMAIN: Final = length_tag(7)

_ATTRIBUTE_TENSORS: Final = (length_tag(5), length_tag(10))
_ATTRIBUTE_GRAPHS: Final = (length_tag(6), length_tag(11))
_ATTRIBUTE_SPARSE_TENSORS: Final = (length_tag(22), length_tag(23))

_TENSOR_DIMENSION: Final = number_tag(1)
_TENSOR_DIMENSIONS: Final = length_tag(1)
_TENSOR_DATA_TYPE: Final = number_tag(2)
_TENSOR_NAME: Final = length_tag(8)
_TENSOR_EXTERNAL_DATA: Final = length_tag(13)
_SPARSE_VALUES: Final = length_tag(1)
_SPARSE_INDICES: Final = length_tag(2)

_VALUE_NAME: Final = length_tag(1)
_VALUE_TYPE: Final = length_tag(2)
_TYPE_TENSOR: Final = length_tag(1)
_TENSOR_TYPE_ELEMENT: Final = number_tag(1)
_TENSOR_TYPE_SHAPE: Final = length_tag(2)
_SHAPE_DIMENSION: Final = length_tag(1)
_DIMENSION_SIZE: Final = number_tag(1)
_DIMENSION_NAME: Final = length_tag(2)


class ExternalData(NamedTuple):
    """A tensor whose bytes lie in another file.

    Attributes:
        tensor: Name of the tensor.
        entries: Key and value pairs, such as ``("location", "weights.bin")``, as they stand in the file.
    """

    tensor: str
    entries: tuple[tuple[str, str], ...]


class ModelWalk:
    """One walk over a model; its attributes are what it found, see :class:`~inference_models_onnx.onnx_file.OnnxFile`.

    Args:
        wire: The file.
    """

    def __init__(self, wire: WireReader) -> None:
        self._wire = wire
        self.graphs = 0
        self.nodes = 0
        self.ir_version: int | None = None
        self.producer_name = ""
        self.producer_version = ""
        self.opsets: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.inputs: list[TensorSpec] = []
        self.outputs: list[TensorSpec] = []
        self.initializers: set[str] = set()
        self.operators: Operators = set()
        self.functions: dict[tuple[str, str], Operators] = {}
        self.weights: Counter[int] = Counter()
        self.external_data: list[ExternalData] = []

    def read_model(self, start: int, stop: int) -> None:
        """Walks over a ``ModelProto``."""
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _MODEL_GRAPH:
                self.graphs += 1
                self._read_main_graph(a, b)
            elif tag == _MODEL_OPSET_IMPORT:
                self._read_opset(a, b)
            elif tag == _MODEL_METADATA:
                self._read_metadata(a, b)
            elif tag == _MODEL_FUNCTION:
                self._read_function(a, b)
            elif tag == _MODEL_TRAINING_INFO:
                self._read_training_info(a, b)
            elif tag == _MODEL_IR_VERSION:
                self.ir_version = signed(a)
            elif tag == _MODEL_PRODUCER_NAME:
                self.producer_name = self._wire.text(a, b)
            elif tag == _MODEL_PRODUCER_VERSION:
                self.producer_version = self._wire.text(a, b)

    def _read_opset(self, start: int, stop: int) -> None:
        domain, version = "", 0
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _OPSET_DOMAIN:
                domain = self._wire.text(a, b)
            elif tag == _OPSET_VERSION:
                version = signed(a)
        self.opsets["" if domain == "ai.onnx" else domain] = version

    def _read_metadata(self, start: int, stop: int) -> None:
        if stop - start <= _MAX_METADATA:  # some exporters put whole documents there; nothing here needs those
            key, value = self._read_entry(start, stop)
            self.metadata[key] = value

    def _read_entry(self, start: int, stop: int) -> tuple[str, str]:
        key = value = ""
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _ENTRY_KEY:
                key = self._wire.text(a, b)
            elif tag == _ENTRY_VALUE:
                value = self._wire.text(a, b, _MAX_METADATA)
        return key, value

    def _read_training_info(self, start: int, stop: int) -> None:
        for tag, a, b in self._wire.fields(start, stop):
            if tag in _TRAINING_GRAPHS:
                self._read_subgraph(a, b, self.operators, 1)

    def _read_function(self, start: int, stop: int) -> None:
        name = domain = ""
        operators: Operators = set()
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _FUNCTION_NODE:
                self._read_node(a, b, operators, 0)
            elif tag == _FUNCTION_ATTRIBUTE:
                self._read_attribute(a, b, operators, 0)
            elif tag == _FUNCTION_NAME:
                name = self._wire.text(a, b)
            elif tag == _FUNCTION_DOMAIN:
                domain = self._wire.text(a, b)
        self.functions.setdefault((domain, name), set()).update(operators)

    def _read_main_graph(self, start: int, stop: int) -> None:
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _GRAPH_NODE:
                self._read_node(a, b, self.operators, 0)
            elif tag == _GRAPH_INITIALIZER:
                self.initializers.add(self._read_tensor(a, b))
            elif tag == _GRAPH_SPARSE_INITIALIZER:
                self.initializers.add(self._read_sparse_tensor(a, b))
            elif tag == _GRAPH_INPUT:
                self.inputs.append(self._read_value(a, b))
            elif tag == _GRAPH_OUTPUT:
                self.outputs.append(self._read_value(a, b))

    def _read_subgraph(self, start: int, stop: int, operators: Operators, depth: int) -> None:
        if depth > MAX_NESTING:
            raise UnsafeModelFileError(f"{self._wire.name} nests graphs deeper than {MAX_NESTING} levels")
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _GRAPH_NODE:
                self._read_node(a, b, operators, depth)
            elif tag == _GRAPH_INITIALIZER:
                self._read_tensor(a, b)
            elif tag == _GRAPH_SPARSE_INITIALIZER:
                self._read_sparse_tensor(a, b)

    def _read_node(self, start: int, stop: int, operators: Operators, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise UnsafeModelFileError(f"{self._wire.name} has more than {MAX_NODES} nodes")
        operator = domain = ""
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _NODE_ATTRIBUTE:
                self._read_attribute(a, b, operators, depth)
            elif tag == _NODE_OPERATOR:
                operator = self._wire.text(a, b)
            elif tag == _NODE_DOMAIN:
                domain = self._wire.text(a, b)
        operators.add((domain, operator))

    def _read_attribute(self, start: int, stop: int, operators: Operators, depth: int) -> None:
        for tag, a, b in self._wire.fields(start, stop):
            if tag in _ATTRIBUTE_TENSORS:
                self._read_tensor(a, b)
            elif tag in _ATTRIBUTE_GRAPHS:
                self._read_subgraph(a, b, operators, depth + 1)
            elif tag in _ATTRIBUTE_SPARSE_TENSORS:
                self._read_sparse_tensor(a, b)

    def _read_sparse_tensor(self, start: int, stop: int) -> str:
        name = ""
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _SPARSE_VALUES:
                name = self._read_tensor(a, b)
            elif tag == _SPARSE_INDICES:
                self._read_tensor(a, b)
        return name

    def _read_tensor(self, start: int, stop: int) -> str:
        name, data_type, elements = "", 0, 1
        entries: list[tuple[str, str]] = []
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _TENSOR_DIMENSION:
                elements = _times(elements, signed(a))
            elif tag == _TENSOR_DIMENSIONS:
                for dimension in self._wire.packed(a, b):
                    elements = _times(elements, dimension)
            elif tag == _TENSOR_DATA_TYPE:
                data_type = a
            elif tag == _TENSOR_NAME:
                name = self._wire.text(a, b)
            elif tag == _TENSOR_EXTERNAL_DATA:
                entries.append(self._read_entry(a, b))
        if entries:
            self.external_data.append(ExternalData(tensor=name, entries=tuple(entries)))
        self.weights[data_type] += elements
        return name

    def _read_value(self, start: int, stop: int) -> TensorSpec:
        name: str = ""
        dtype: str | None = None
        shape: tuple[Dimension, ...] | None = None
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _VALUE_NAME:
                name = self._wire.text(a, b)
            elif tag == _VALUE_TYPE:
                dtype, shape = self._read_type(a, b)
        return TensorSpec(name=name, dtype=dtype, shape=shape)

    def _read_type(self, start: int, stop: int) -> tuple[str | None, tuple[Dimension, ...] | None]:
        """Element type and shape of a tensor; sequences, maps and the like are not for tensor backends."""
        dtype: str | None = None
        shape: tuple[Dimension, ...] | None = None
        for outer, c, d in self._wire.fields(start, stop):
            if outer != _TYPE_TENSOR:
                continue
            for tag, a, b in self._wire.fields(c, d):
                if tag == _TENSOR_TYPE_ELEMENT:
                    dtype = _DTYPES.get(a)
                elif tag == _TENSOR_TYPE_SHAPE:
                    shape = self._read_shape(a, b)
        return dtype, shape

    def _read_shape(self, start: int, stop: int) -> tuple[Dimension, ...]:
        dimensions = (
            self._read_dimension(a, b) for tag, a, b in self._wire.fields(start, stop) if tag == _SHAPE_DIMENSION
        )
        return tuple(dimensions)

    def _read_dimension(self, start: int, stop: int) -> Dimension:
        size: Dimension = None
        for tag, a, b in self._wire.fields(start, stop):
            if tag == _DIMENSION_SIZE:
                size = signed(a)
            elif tag == _DIMENSION_NAME:
                size = self._wire.text(a, b) or None
        return size


def _times(elements: int, dimension: int) -> int:
    """Product of sizes, capped: a hostile file must not make Python multiply enormous numbers."""
    return min(elements * max(dimension, 0), _MAX_ELEMENTS)

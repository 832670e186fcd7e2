"""One opened ONNX graph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from inference_models_core.errors import ModelClosedError, ModelRuntimeError
from inference_models_core.types.tensors import TensorSpec

from inference_models_onnx.providers import DIRECTML_PROVIDER
from inference_models_onnx.runtime_errors import runtime_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.types.devices import Device
    from inference_models_core.types.tensors import Array

_TENSOR_TYPE = re.compile(r"tensor\((\w+)\)")
_DTYPES = {"float": "float32", "double": "float64"}
_SAME_NAME = frozenset(
    ("float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "complex64")
)


class OnnxSession:
    """A graph that ONNX Runtime opened: numpy arrays in, numpy arrays out.

    Args:
        session: The runtime's ``InferenceSession``.
        device: Where it really computes.
        name: The file's name, for errors.

    Attributes:
        inputs: Of the graph, in order.
        outputs: Of the graph, in the order of :meth:`run`.
        device: Where it computes.
        arrays: Always ``"numpy"``.
        thread_safe: True but for DirectML, which allows one run at a time.
        borrows: Always false: the runtime allocates new outputs for each run.
    """

    arrays = "numpy"
    borrows = False

    def __init__(self, session: Any, device: Device, name: str) -> None:
        self._session = session
        self._name = name
        self._output_names = [output.name for output in session.get_outputs()]
        self._errors = runtime_errors()
        self.inputs: tuple[TensorSpec, ...] | None = tuple(map(_to_spec, session.get_inputs()))
        self.outputs: tuple[TensorSpec, ...] | None = tuple(map(_to_spec, session.get_outputs()))
        self.device = device
        self.thread_safe = DIRECTML_PROVIDER not in session.get_providers()

    def run(self, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """Runs the graph once; may be called from several threads.

        Args:
            inputs: One numpy array per graph input, by name, in the graph's own dtype.

        Returns:
            The outputs in graph order, as new numpy arrays.

        Raises:
            ModelRuntimeError: If the inputs do not fit or the runtime fails; says what was expected.
            ModelClosedError: After :meth:`close`.
        """
        session = self._session
        if session is None:
            raise ModelClosedError(f"{self._name} was closed")
        try:
            return tuple(session.run(self._output_names, inputs))
        except self._errors as error:
            self._explain(inputs, error)

    def close(self) -> None:
        """Frees the graph as soon as no run uses it any more; may be called more than once."""
        self._session = None

    def _explain(self, inputs: Mapping[str, Array], error: Exception) -> NoReturn:
        expected = ", ".join(f"{spec.name}: {spec.dtype} {_shape_text(spec.shape)}" for spec in self.inputs or ())
        given = ", ".join(
            f"{name}: {getattr(value, 'dtype', type(value).__name__)} {_shape_text(getattr(value, 'shape', None))}"
            for name, value in inputs.items()
        )
        raise ModelRuntimeError(
            f"ONNX Runtime could not run {self._name}: {error}", hint=f"inputs: {expected}; given: {given}"
        ) from error


def _to_spec(argument: Any) -> TensorSpec:
    """The runtime's description of an input or output, as ours; the batch axis of a scalar graph does not exist."""
    return TensorSpec(name=argument.name, dtype=numpy_dtype(argument.type), shape=argument.shape)


def numpy_dtype(text: str) -> str | None:
    """Name in numpy of the runtime's ``"tensor(float16)"``; ``None`` for what numpy lacks and for other types."""
    match = _TENSOR_TYPE.fullmatch(text)
    if match is None:
        return None
    name = match[1]
    return name if name in _SAME_NAME else _DTYPES.get(name)


def _shape_text(shape: Any) -> str:
    return "?" if shape is None else f"[{', '.join('?' if size is None else str(size) for size in shape)}]"

"""One opened module: numpy arrays or tensors in, tensors in the device's memory out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import ModelClosedError, ModelOutputError, ModelRuntimeError
from inference_models_core.types.tensors import TensorSpec

from inference_models_torch.runtime import used_device
from inference_models_torch.runtime_errors import RUNTIME_ERRORS, hint_for_run, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inference_models_core.types.tensors import Array

_MOST_NESTING = 8


class TorchSession:
    """A module of PyTorch: arrays in, tensors out.

    Args:
        runtime: The module ``torch``.
        module: What is called; in inference mode, its arguments by position.
        names: Of its arguments.
        changed: Names of those that it changes in place, which are copied first.
        device: The ``torch.device`` that it computes on.
        dtype: The floating-point type of its weights, which its floating-point arguments are turned into; ``None``
            where it takes them as they come.
        thread_safe: Whether it may be called from several threads at once.
        name: The file's name, for errors.

    Attributes:
        inputs: Names alone: such a module says nothing about shapes, and takes the types of its weights.
        outputs: ``None``: nothing says what comes out before it does.
        device: Where it computes.
        arrays: Always ``"torch"``.
        thread_safe: As given.
        borrows: Always false: each run makes new tensors.
    """

    arrays = "torch"
    borrows = False
    outputs: tuple[TensorSpec, ...] | None = None

    def __init__(
        self,
        runtime: Any,
        module: Any,
        *,
        names: Sequence[str],
        changed: Sequence[str] = (),
        device: Any,
        dtype: Any = None,
        thread_safe: bool = True,
        name: str = "the module",
    ) -> None:
        self._runtime = runtime
        self._module = module
        self._names = tuple(names)
        self._changed = frozenset(changed)
        self._device = device
        self._dtype = dtype
        self._name = name
        self.inputs: tuple[TensorSpec, ...] | None = tuple(TensorSpec(name=each) for each in names)
        self.device = used_device(device)
        self.thread_safe = thread_safe

    def run(self, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """Runs the module once, in inference mode.

        Args:
            inputs: One numpy array or tensor per argument, by name; never changed. Arrays are not copied on the CPU
                unless the graph changes them in place, or they cannot be shared (read-only, of negative strides, of
                another byte order).

        Returns:
            The tensors, in the order in which they stand in what the module returns; they stay on its device.

        Raises:
            ModelRuntimeError: If the inputs do not fit or PyTorch fails.
            ModelOutputError: If something else than tensors comes out.
            ModelClosedError: After :meth:`close`.
        """
        module = self._module
        if module is None:
            raise ModelClosedError(f"{self._name} was closed")
        try:
            with self._runtime.inference_mode():
                outputs = module(*[self._argument(name, inputs[name]) for name in self._names])
        except RUNTIME_ERRORS as error:
            raise ModelRuntimeError(
                f"PyTorch could not run {self._name} on {self.device}: {short(error)}",
                hint=hint_for_run(error, str(self.device)) or f"given: {_described(inputs)}",
            ) from error
        return tuple(self._tensors(outputs, 0))

    def close(self) -> None:
        """Frees the module as soon as no run uses it any more; may be called more than once."""
        self._module = None

    def _argument(self, name: str, array: Array) -> Any:
        tensor = self._tensor(array)
        return tensor.clone() if name in self._changed else tensor

    def _tensor(self, array: Array) -> Any:
        tensor = array if isinstance(array, self._runtime.Tensor) else self._runtime.from_numpy(sharable(array))
        dtype = self._dtype if self._dtype is not None and tensor.is_floating_point() else tensor.dtype
        return tensor.to(self._device, dtype)

    def _tensors(self, output: Any, depth: int) -> Iterator[Any]:
        """The tensors of tuples, lists and dictionaries, first to last."""
        if isinstance(output, self._runtime.Tensor):
            yield output
        elif isinstance(output, (tuple, list, dict)) and depth < _MOST_NESTING:
            for each in output.values() if isinstance(output, dict) else output:
                yield from self._tensors(each, depth + 1)
        elif output is not None:  # which stands for an output that this graph leaves out
            raise ModelOutputError(f"{self._name} gives a {type(output).__name__} where tensors are expected")


def sharable(array: Array) -> Any:
    """An array whose memory a tensor may share; the same one wherever possible."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        return array.copy()
    return array


def _described(inputs: Mapping[str, Array]) -> str:
    return ", ".join(
        f"{name}: {getattr(value, 'dtype', type(value).__name__)} {list(getattr(value, 'shape', ()))}"
        for name, value in inputs.items()
    )

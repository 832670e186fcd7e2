"""The contract between a tensor backend and the rest: named tensors in, ordered tensors out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import attrs

from inference_models_core.types.converters import to_optional_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.types.devices import Device
    from inference_models_core.types.preprocessing import PreprocessingDeclaration

Array: TypeAlias = Any
"""An array of whatever library the session uses: numpy, torch, cupy; anything that the array API describes."""

Dimension: TypeAlias = "int | str | None"
"""A fixed size, the name of a symbolic size, or ``None`` for a size nothing is known about."""


@attrs.frozen(kw_only=True, repr=False)
class TensorSpec(Value):
    """What a graph declares about one input or output.

    Attributes:
        name: Name in the graph; ``None`` where the runtime has no names.
        dtype: numpy's name of the element type (``"float32"``, ``"float16"``, ``"uint8"``, ``"int64"``); ``None``
            where unknown.
        shape: One entry per axis; ``None`` where not even the number of axes is known.
    """

    name: str | None = None
    dtype: str | None = None
    shape: tuple[Dimension, ...] | None = attrs.field(default=None, converter=to_optional_tuple)

    @property
    def batch(self) -> Dimension:
        """Size of the first axis: the batch, for inputs."""
        return self.shape[0] if self.shape else None


class TensorSession(Protocol):
    """One opened graph in a tensor backend. All that a backend author writes."""

    inputs: tuple[TensorSpec, ...] | None
    """In the graph's order; ``None`` when the runtime cannot say: the package's declaration is used."""
    outputs: tuple[TensorSpec, ...] | None
    """In the order of :meth:`run`; names may be ``None``."""
    device: Device
    """Where it really computes."""
    arrays: str
    """Library of the arrays that :meth:`run` returns: ``"numpy"``, ``"torch"``, ``"cupy"``."""
    thread_safe: bool
    """Whether :meth:`run` may be called from several threads at once."""
    borrows: bool
    """Whether the returned arrays are overwritten by the next :meth:`run`."""

    def run(self, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """Runs the graph once.

        Args:
            inputs: One array per graph input, by name (or by position as ``"0"``, ``"1"`` where the graph has no
                names). numpy arrays are always accepted.

        Returns:
            The outputs in graph order.
        """
        ...

    def close(self) -> None:
        """Frees the graph; may be called more than once."""
        ...


class Pending(Protocol):
    """A run that was submitted and may not have finished."""

    def done(self) -> bool:
        """Whether :meth:`result` would return at once."""
        ...

    def result(self) -> tuple[Array, ...]:
        """Waits and returns what :meth:`TensorSession.run` would have returned."""
        ...


@runtime_checkable
class SupportsSubmit(Protocol):
    """A session that can run without blocking the caller."""

    def submit(self, inputs: Mapping[str, Array]) -> Pending:
        """Starts a run; arguments as for :meth:`TensorSession.run`."""
        ...


class Preprocessor(Protocol):
    """An engine that turns images into input tensors as a declaration says."""

    def __call__(self, images: Any, **options: Any) -> Any:
        """Pre-processes images; arguments and result as the CPU engine's."""
        ...


@runtime_checkable
class SupportsPreprocess(Protocol):
    """A session that brings its own pre-processing engine, such as one on the GPU."""

    def preprocessor(self, declaration: PreprocessingDeclaration) -> Preprocessor | None:
        """An engine for this declaration, or ``None`` where the session has none for it."""
        ...

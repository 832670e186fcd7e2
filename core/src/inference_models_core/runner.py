"""The wrapper around a session that model families see; the only place for batching, casts, locks and closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import ModelClosedError, ModelOutputError, ModelRuntimeError
from inference_models_core.types.backends import UNKNOWN_BATCH, BatchSupport
from inference_models_core.types.tensors import SupportsPreprocess, SupportsSubmit, TensorSpec

if TYPE_CHECKING:
    from inference_models_core.types.devices import Device
    from inference_models_core.types.preprocessing import PreprocessingDeclaration
    from inference_models_core.types.tensors import Array, Pending, Preprocessor, TensorSession


class Runner:
    """Runs one graph on batches of any size.

    Promises to families, whatever the session is like: inputs are cast to the graph's types; a batch is split and
    padded to what the graph accepts; every output has the batch as its first axis; outputs belong to the caller;
    calls from several threads are safe; a closed runner raises :class:`ModelClosedError`.

    Attributes:
        inputs: The graph's inputs; ``None`` where nothing declares them.
        outputs: The graph's outputs; ``None`` where nothing declares them.
        batch: Batch sizes one run of the graph accepts.
    """

    def __init__(
        self,
        session: TensorSession,
        *,
        name: str = "weights",
        inputs: Sequence[TensorSpec] | None = None,
        outputs: Sequence[TensorSpec] | None = None,
        batch: BatchSupport = UNKNOWN_BATCH,
    ) -> None:
        """Wraps a session.

        Args:
            session: The opened graph; the runner closes it.
            name: Name of the graph, for messages.
            inputs: What the package declares, used where the session cannot say.
            outputs: The same for outputs.
            batch: What the package declares; the graph's own fixed batch wins.
        """
        self._session: TensorSession | None = session
        self._name = name
        self.inputs = _first_known(session.inputs, inputs)
        self.outputs = _first_known(session.outputs, outputs)
        self.batch = _batch_of_graph(self.inputs, batch)
        self._guard: AbstractContextManager[Any] = (
            nullcontext() if session.thread_safe and not session.borrows else threading.Lock()
        )
        self._input_names = _input_names(self.inputs)
        self._input_types = tuple(spec.dtype for spec in self.inputs or ())
        self._output_index = {spec.name: i for i, spec in enumerate(self.outputs or ()) if spec.name is not None}

    @property
    def device(self) -> Device:
        """Where the graph really computes."""
        return self._open_session().device

    @property
    def arrays(self) -> str:
        """Library of the arrays that :meth:`run` returns."""
        return self._open_session().arrays

    def run(self, inputs: Array | Mapping[str, Array], outputs: Sequence[str | int] | None = None) -> tuple[Array, ...]:
        """Runs the graph on a batch of any size.

        Args:
            inputs: One array for a graph with one input, else arrays by input name. First axis: the batch.
            outputs: Names or positions of the outputs wanted, in this order. Where the graph lacks one of the names,
                all are taken by their position here, since not every runtime keeps names. ``None`` for all.

        Returns:
            The outputs, each with the batch as first axis.

        Raises:
            ModelClosedError: If the runner was closed.
            ModelRuntimeError: If the graph cannot be run on these inputs.
        """
        named = self._cast(self._named(inputs))
        size = _batch_size(named)
        low, high = self.batch.bounds
        if low <= size and (high is None or size <= high):
            results = self._run_once(named, size)
        else:
            results = self._run_chunks(named, size, high or size)
        return results if outputs is None else self._select(results, outputs)

    def submit(self, inputs: Array | Mapping[str, Array]) -> Pending:
        """Starts a run without waiting for it, where the session can; else runs it now.

        Only for batches the graph takes in one go; see :meth:`run` for the rest.
        """
        session = self._open_session()
        named = self._cast(self._named(inputs))
        if isinstance(session, SupportsSubmit) and self.batch.fits(_batch_size(named), _batch_size(named)):
            return session.submit(named)
        return _Finished(self.run(named))

    def preprocessor(self, declaration: PreprocessingDeclaration) -> Preprocessor | None:
        """The session's own pre-processing engine for a declaration, or ``None``."""
        session = self._open_session()
        return session.preprocessor(declaration) if isinstance(session, SupportsPreprocess) else None

    def close(self) -> None:
        """Closes the session once no run is in progress; may be called more than once."""
        with self._guard:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open_session(self) -> TensorSession:
        session = self._session
        if session is None:
            raise ModelClosedError("the model was closed", hint="load it again, or keep it open while it is used")
        return session

    def _named(self, inputs: Array | Mapping[str, Array]) -> dict[str, Array]:
        if not isinstance(inputs, Mapping):
            if len(self._input_names) != 1:
                names = ", ".join(self._input_names)
                raise ModelRuntimeError(f"graph {self._name!r} has the inputs {names}; name them")
            return {self._input_names[0]: inputs}
        if self.inputs is None or set(inputs) == set(self._input_names):
            return dict(inputs)
        raise ModelRuntimeError(
            f"graph {self._name!r} has the inputs {', '.join(self._input_names)}; got {', '.join(map(str, inputs))}"
        )

    def _cast(self, named: dict[str, Array]) -> dict[str, Array]:
        for name, dtype in zip(self._input_names, self._input_types, strict=False):
            if dtype is not None and (array := named.get(name)) is not None and _dtype_name(array) != dtype:
                named[name] = _cast(array, dtype)
        return named

    def _run_once(self, named: Mapping[str, Array], size: int) -> tuple[Array, ...]:
        with self._guard:
            session = self._open_session()
            results = tuple(session.run(named))
            if session.borrows:
                results = tuple(_copy(array) for array in results)
        if self.outputs is not None and len(results) != len(self.outputs):
            raise ModelOutputError(f"graph {self._name!r} declares {len(self.outputs)} outputs, gave {len(results)}")
        return tuple(self._with_batch_axis(index, array, size) for index, array in enumerate(results))

    def _run_chunks(self, named: Mapping[str, Array], size: int, most: int) -> tuple[Array, ...]:
        least = self.batch.bounds[0]
        parts = [
            tuple(output[:taken] for output in self._run_once(chunk, max(taken, least)))
            for chunk, taken in _chunks(named, size, least, most)
        ]
        return parts[0] if len(parts) == 1 else tuple(_concatenate(group) for group in zip(*parts, strict=True))

    def _with_batch_axis(self, index: int, array: Array, size: int) -> Array:
        """Gives an output that lacks a batch axis one: the picture's own for batch 1, else repeated for each."""
        if self._is_batched(index, array, size):
            return array
        single = array[None]
        return single if size == 1 else _repeat(single, size)

    def _is_batched(self, index: int, array: Array, size: int) -> bool:
        if not array.ndim or array.shape[0] != size:
            return False
        shape = self.outputs[index].shape if self.outputs is not None else None
        first = shape[0] if shape else None
        # A fixed first axis in a graph of any batch is no batch axis, even if its length happens to agree. Except 1:
        # exporters often leave the 1 of the example picture there.
        return not (isinstance(first, int) and first > 1 and self.batch.static is None)

    def _select(self, results: tuple[Array, ...], wanted: Sequence[str | int]) -> tuple[Array, ...]:
        by_name = all(isinstance(output, int) or output in self._output_index for output in wanted)
        places = [
            output if isinstance(output, int) else self._output_index[output] if by_name else place
            for place, output in enumerate(wanted)
        ]
        if max(places, default=0) >= len(results):
            raise ModelOutputError(
                f"graph {self._name!r} has {len(results)} outputs, the model family needs {', '.join(map(str, wanted))}"
            )
        return tuple(results[place] for place in places)


class _Finished:
    """A run that is over."""

    def __init__(self, results: tuple[Array, ...]) -> None:
        self._results = results

    def done(self) -> bool:
        return True

    def result(self) -> tuple[Array, ...]:
        return self._results


def _first_known(
    declared: Sequence[TensorSpec] | None, fallback: Sequence[TensorSpec] | None
) -> tuple[TensorSpec, ...] | None:
    specs = declared if declared is not None else fallback
    return None if specs is None else tuple(specs)


def _input_names(specs: tuple[TensorSpec, ...] | None) -> tuple[str, ...]:
    """Names to pass to the session; positions where the graph has none, one input where nothing is known."""
    if specs is None:
        return ("0",)
    return tuple(spec.name if spec.name is not None else str(i) for i, spec in enumerate(specs))


def _batch_of_graph(inputs: tuple[TensorSpec, ...] | None, declared: BatchSupport) -> BatchSupport:
    fixed = next((spec.batch for spec in inputs or () if isinstance(spec.batch, int)), None)
    if fixed is not None:
        return BatchSupport(static=fixed)
    says_shapes = any(spec.shape for spec in inputs or ())
    if says_shapes and declared.static is not None:
        return BatchSupport()  # the graph itself is dynamic
    return declared


def _batch_size(named: Mapping[str, Array]) -> int:
    sizes = {array.shape[0] if array.ndim else 0 for array in named.values()}
    if len(sizes) != 1:
        raise ModelRuntimeError(f"the inputs disagree about the batch: {sorted(sizes)}")
    return int(sizes.pop())


def _chunks(named: Mapping[str, Array], size: int, least: int, most: int) -> Iterator[tuple[dict[str, Array], int]]:
    """Cuts a batch into pieces of ``least`` to ``most``, the last one filled up with zeros; with its real length."""
    for start in range(0, size, most):
        taken = min(most, size - start)
        chunk = {name: array[start : start + taken] for name, array in named.items()}
        if taken < least:
            chunk = {name: _pad(array, least) for name, array in chunk.items()}
        yield chunk, taken


def _is_numpy(array: Array) -> bool:
    return type(array).__module__ == "numpy"


def _namespace(array: Array) -> Any:
    """The array API of a foreign array; numpy is handled without it, since numpy 1 has none."""
    from array_api_compat import array_namespace

    return array_namespace(array)


def _dtype_name(array: Array) -> str:
    name = getattr(array.dtype, "name", None)
    return name if isinstance(name, str) else str(array.dtype).rpartition(".")[2]  # torch.float32


def _cast(array: Array, dtype: str) -> Array:
    if _is_numpy(array):
        return array.astype(dtype)
    xp = _namespace(array)
    return xp.astype(array, getattr(xp, dtype))


def _copy(array: Array) -> Array:
    return array.copy() if hasattr(array, "copy") else array.clone()


def _pad(array: Array, length: int) -> Array:
    shape = (length - array.shape[0], *array.shape[1:])
    if _is_numpy(array):
        import numpy as np

        return np.concatenate([array, np.zeros(shape, array.dtype)])
    xp = _namespace(array)
    return xp.concat([array, xp.zeros(shape, dtype=array.dtype, device=array.device)])


def _concatenate(parts: Sequence[Array]) -> Array:
    if _is_numpy(parts[0]):
        import numpy as np

        return np.concatenate(parts)
    return _namespace(parts[0]).concat(list(parts))


def _repeat(single: Array, size: int) -> Array:
    shape = (size, *single.shape[1:])
    if _is_numpy(single):
        import numpy as np

        return np.broadcast_to(single, shape)
    return _namespace(single).broadcast_to(single, shape)

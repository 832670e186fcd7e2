"""Sessions of the loopback backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models_core.errors import CannotOpenHereError
from inference_models_core.parsing import Fields, read_json
from inference_models_core.types.tensors import TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.devices import Device
    from inference_models_core.types.packages import ModelPackage

_Compute = Callable[[Any, Mapping[str, Any]], Any]


def _affine(x: Any, output: Mapping[str, Any]) -> Any:
    return x * x.dtype.type(output.get("factor", 1)) + x.dtype.type(output.get("offset", 0))


def _sum(x: Any, output: Mapping[str, Any]) -> Any:
    return x.reshape(len(x), -1).sum(axis=1) * x.dtype.type(output.get("factor", 1))


def _constant(_: Any, output: Mapping[str, Any]) -> Any:
    return np.asarray(output["value"], dtype=np.float32)


def _picture(x: Any, _: Mapping[str, Any]) -> Any:
    return x[0]


_COMPUTE: Mapping[str, _Compute] = {"affine": _affine, "sum": _sum, "constant": _constant, "picture": _picture}


class LoopbackBackend:
    """Opens loopback graphs."""

    def open_session(
        self,
        path: Path,
        *,
        device: Device,
        package: ModelPackage,  # noqa: ARG002 - part of the contract
        options: Mapping[str, Any],
    ) -> LoopbackSession:
        """Opens a graph.

        Args:
            path: The JSON document.
            device: Where it says it computes.
            package: Not needed.
            options: ``{"refuse": "reason"}`` makes it refuse, as a runtime does that cannot open a file here.

        Raises:
            CannotOpenHereError: If asked to refuse, by the options or by the document.
            PackageError: If the document is malformed.
        """
        document = read_json(path)
        refusal = options.get("refuse") or document.text("refuse", None)
        if refusal:
            raise CannotOpenHereError(str(refusal), hint="use another package")
        return LoopbackSession(document, device)


class LoopbackSession:
    """One opened graph."""

    arrays = "numpy"

    def __init__(self, document: Fields, device: Device) -> None:
        self.device = device
        self.thread_safe = document.boolean("thread_safe", True)
        self.borrows = document.boolean("borrows", False)
        self.inputs = _specs(document, "inputs")
        self.outputs = _specs(document, "outputs") if document.boolean("declares_outputs", True) else None
        self.closed = False
        self._outputs = document.items("outputs", lambda value, _: dict(value))
        self._kept: tuple[Any, ...] | None = None

    def run(self, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Computes every output from the first input."""
        x = next(iter(inputs.values()))
        self._check(x)
        results = tuple(_COMPUTE[output.get("compute", "affine")](x, output) for output in self._outputs)
        return self._lend(results) if self.borrows else results

    def close(self) -> None:
        """Forgets the graph."""
        self.closed = True

    def _check(self, x: Any) -> None:
        """As strict as a real runtime about types and fixed batches."""
        if self.closed:
            raise RuntimeError("run after close")
        spec = self.inputs[0] if self.inputs else TensorSpec()
        if spec.dtype is not None and x.dtype.name != spec.dtype:
            raise RuntimeError(f"expected {spec.dtype}, got {x.dtype.name}")
        if isinstance(spec.batch, int) and len(x) != spec.batch:
            raise RuntimeError(f"expected a batch of {spec.batch}, got {len(x)}")

    def _lend(self, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the same arrays each time, overwritten, as runtimes with bound outputs do."""
        kept = self._kept
        if kept is None or any(old.shape != new.shape for old, new in zip(kept, results, strict=True)):
            kept = self._kept = tuple(np.empty_like(result) for result in results)
        for old, new in zip(kept, results, strict=True):
            old[...] = new
        return kept


def _specs(document: Fields, key: str) -> tuple[TensorSpec, ...] | None:
    return document.items(key, _spec, None)


def _spec(value: Any, where: str) -> TensorSpec:
    fields = Fields(value, where)
    return TensorSpec(
        name=fields.text("name", None),
        dtype=fields.text("dtype", None),
        shape=fields.items("shape", lambda dimension, _: dimension, None),
    )

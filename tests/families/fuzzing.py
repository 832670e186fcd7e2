"""Outputs that no graph should give, made from those that one gives."""

from __future__ import annotations

from typing import Any

import numpy as np

Outputs = list[Any]

_VALUES = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e30, -1e30, 1e-40, 0.0, -0.0, 1.0, -1.0, 65504.0, 2.0**31, 1e9)
_DTYPES = ("float16", "float64", "int8", "int32", "int64", "uint8", "uint64", "bool", "complex64", "object", "<U8")
_MOST = 2_000
"""Values along one axis of a huge output."""
_MOST_VALUES = 200_000


def fuzzed(seed: int, valid: Outputs) -> tuple[Any, ...]:
    """One set of outputs, with the batch axis of one picture.

    Args:
        seed: Of the choice.
        valid: What the graph gives, without the batch axis.
    """
    rng = np.random.default_rng(seed)
    outputs = [output[None] for output in valid]
    for _ in range(int(rng.integers(1, 4))):
        mutation = _MUTATIONS[int(rng.integers(len(_MUTATIONS)))]
        outputs = [np.asarray(output) for output in mutation(rng, outputs)]
    return tuple(outputs)


def _at(rng: np.random.Generator, outputs: Outputs) -> int:
    return int(rng.integers(len(outputs)))


def _changed(rng: np.random.Generator, outputs: Outputs, change: Any) -> Outputs:
    """One of the outputs changed, or all."""
    if not outputs:
        return outputs
    chosen = range(len(outputs)) if rng.random() < 0.3 else (_at(rng, outputs),)
    return [change(rng, output) if index in chosen else output for index, output in enumerate(outputs)]


def _value(rng: np.random.Generator) -> float:
    return _VALUES[int(rng.integers(len(_VALUES)))]


def _spots(rng: np.random.Generator, output: Any) -> Any:
    if output.dtype.kind != "f":
        return output
    found = output.copy()
    with np.errstate(over="ignore"):  # into float16
        found[rng.random(output.shape) < rng.choice((0.02, 0.3))] = _value(rng)
    return found


def _stripe(rng: np.random.Generator, output: Any) -> Any:
    """One field of every box, or every field of one box."""
    if output.dtype.kind != "f" or output.ndim < 2 or not output.size:
        return output
    found, axis = output.copy(), int(rng.integers(1, output.ndim))
    with np.errstate(over="ignore"):
        np.moveaxis(found, axis, 0)[int(rng.integers(output.shape[axis]))] = _value(rng)
    return found


def _filled(rng: np.random.Generator, output: Any) -> Any:
    return np.full(output.shape, _value(rng), np.float32)


def _noise(rng: np.random.Generator, output: Any) -> Any:
    return (rng.normal(size=output.shape) * 10.0 ** rng.integers(-3, 30)).astype(np.float32)


def _emptied(rng: np.random.Generator, output: Any) -> Any:
    shape = list(output.shape)
    if shape:
        shape[int(rng.integers(len(shape)))] = 0
    return np.zeros(shape, output.dtype)


def _resized(rng: np.random.Generator, output: Any) -> Any:
    """More or fewer along one axis: boxes, fields, classes, pixels, pictures; sometimes very many."""
    if not output.ndim or not output.size:
        return output
    axis = int(rng.integers(output.ndim))
    room = _MOST_VALUES * output.shape[axis] // output.size
    most = min(_MOST, max(room, 2)) if rng.random() < 0.1 else 2 * output.shape[axis] + 2
    return np.take(output, rng.integers(0, output.shape[axis], int(rng.integers(1, most + 1))), axis=axis)


def _reshaped(rng: np.random.Generator, output: Any) -> Any:
    """Another rank, or other axes."""
    shapes = (
        lambda: output[..., None],
        lambda: output[None],
        lambda: output[0] if output.ndim and len(output) else output,
        lambda: output.reshape(-1),
        lambda: output.reshape(1, -1),
        lambda: np.moveaxis(output, -1, 1) if output.ndim > 2 else output.T,
        lambda: output.reshape(-1)[0] if output.size else output,
    )
    return shapes[int(rng.integers(len(shapes)))]()


def _retyped(rng: np.random.Generator, output: Any) -> Any:
    if output.dtype.kind not in "biuf":
        return output
    with np.errstate(all="ignore"):
        return np.asarray(output).astype(_DTYPES[int(rng.integers(len(_DTYPES)))])


def _recounted(rng: np.random.Generator, outputs: Outputs) -> Outputs:
    """Outputs too many, too few, twice, in another order."""
    kind = int(rng.integers(5))
    if not outputs or kind == 0:
        return []
    if kind == 1:
        return outputs[: _at(rng, outputs)]
    if kind == 2:
        return [*outputs, outputs[_at(rng, outputs)]]
    return outputs[::-1] if kind == 3 else [outputs[_at(rng, outputs)] for _ in outputs]


def _each(change: Any) -> Any:
    return lambda rng, outputs: _changed(rng, outputs, change)


_MUTATIONS = (
    *map(_each, (_spots, _spots, _stripe, _filled, _noise, _emptied, _resized, _resized, _reshaped, _retyped)),
    _recounted,
)

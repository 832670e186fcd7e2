"""Small checks and conversions that every prediction type shares."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models_core.errors import ModelOutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt


def _converted(value: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    array = np.asarray(value)
    if array.dtype == dtype:
        return array
    if array.size and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ModelOutputError(f"Values of type {array.dtype} cannot stand for {np.dtype(dtype)}.")
    return array.astype(dtype)


def float32_array(value: Any) -> npt.NDArray[np.float32]:
    """The value as float32; not copied where it already is.

    Raises:
        ModelOutputError: The values are not real numbers.
    """
    return _converted(value, np.float32)


def int64_array(value: Any) -> npt.NDArray[np.int64]:
    """The value as int64; not copied where it already is.

    Raises:
        ModelOutputError: The values are not integers.
    """
    return _converted(value, np.int64)


def optional_float32_array(value: Any) -> npt.NDArray[np.float32] | None:
    """:func:`float32_array`, or ``None`` for ``None``."""
    return None if value is None else float32_array(value)


def optional_int64_array(value: Any) -> npt.NDArray[np.int64] | None:
    """:func:`int64_array`, or ``None`` for ``None``."""
    return None if value is None else int64_array(value)


def text_tuple(value: Iterable[str]) -> tuple[str, ...]:
    """The texts as a tuple."""
    return tuple(value)


def size_pair(value: Sequence[int]) -> tuple[int, int]:
    """(height, width) as plain integers."""
    height, width = value
    return int(height), int(width)


def require_shape(owner: object, name: str, array: npt.NDArray[Any] | None, shape: tuple[int | None, ...]) -> None:
    """Checks a shape; ``None`` in ``shape`` allows any size, ``None`` for the array passes.

    Raises:
        ModelOutputError: The shape differs; the message names type, field, shape found and shape expected.
    """
    if array is None or array.shape == shape:
        return
    if len(shape) == array.ndim and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        return
    expected = ", ".join("any" if want is None else str(want) for want in shape)
    raise ModelOutputError(f"{type(owner).__name__}.{name} has shape {array.shape}, expected ({expected}).")


def as_index(index: Any, length: int) -> slice | npt.NDArray[Any]:
    """A selection of instances as something that numpy indexes the first axis with and keeps it.

    Args:
        index: An integer (negative counts from the end), a slice, a boolean array (n,), or integers.
        length: Number of instances, n.

    Returns:
        A slice, a boolean array (n,) or an integer array.

    Raises:
        IndexError: The index is out of range, of a wrong length or of a wrong type.
    """
    if isinstance(index, slice):
        return index
    array = np.asarray(index)
    if array.ndim == 0 and array.dtype.kind in "iu":
        position = range(length)[operator.index(index)]
        return slice(position, position + 1)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biu"):
        raise IndexError(f"Index with an integer, a slice, a boolean array or integers, not with {index!r}.")
    if array.dtype.kind == "b" and len(array) != length:
        raise IndexError(f"A boolean index of length {len(array)} does not fit {length} instances.")
    return array if array.size else array.astype(np.int64)


def name_of(class_id: int, class_names: Sequence[str]) -> str:
    """The name of a class; ``"class_<id>"`` for an id outside the vocabulary."""
    return class_names[class_id] if 0 <= class_id < len(class_names) else f"class_{class_id}"


def names_of(class_ids: npt.NDArray[np.int64], class_names: Sequence[str]) -> npt.NDArray[np.str_]:
    """Names of classes (n,); see :func:`name_of`."""
    return np.array([name_of(class_id, class_names) for class_id in class_ids.tolist()], dtype=np.str_)


def plain(array: npt.NDArray[Any]) -> Any:
    """The array as nested lists of plain Python values for JSON.

    float32 values are given with as few digits as tell them apart from their neighbours (0.9, not 0.8999999762), so
    that nothing is lost and files stay small.
    """
    if array.dtype == np.float32:
        return array.astype(np.str_).astype(np.float64).tolist()
    if array.dtype == np.object_:
        return [plain(np.asarray(value)) for value in array]
    return array.tolist()


def encoded(array: npt.NDArray[Any]) -> dict[str, Any]:
    """A large array for JSON: ``dtype``, ``shape`` and its little-endian, row-major bytes as ``base64``.

    Read back with ``np.frombuffer(base64.b64decode(d["base64"]), d["dtype"]).reshape(d["shape"])``.
    """
    import base64

    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": little.dtype.str,
        "shape": list(little.shape),
        "base64": base64.b64encode(little.tobytes()).decode("ascii"),
    }

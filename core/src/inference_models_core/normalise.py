"""The caller's wishes about backend, precision and batch, as users write them, in the framework's spelling."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NoReturn

from inference_models_core.arguments import nearest
from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

BACKEND_ALIASES = {
    "hf": "hugging-face",
    "huggingface": "hugging-face",
    "media-pipe": "mediapipe",
    "onnxruntime": "onnx",
    "onnx-runtime": "onnx",
    "ort": "onnx",
    "pytorch": "torch",
    "tensor-rt": "trt",
    "tensorrt": "trt",
    "torchscript": "torch-script",
    "transformers": "hugging-face",
}
"""Spelling -> name, for backends that people know, installed or not. Others bring theirs in ``BackendSpec.names``."""

UNKNOWN_QUANTIZATION = "unknown"
"""How a caller asks for packages that do not say their precision (``ModelPackage.quantization is None``)."""

QUANTIZATIONS = ("fp32", "fp16", "bf16", "fp8", "int8", "int4", UNKNOWN_QUANTIZATION)
QUANTIZATION_ALIASES = {
    "32": "fp32",
    "bfloat16": "bf16",
    "f16": "fp16",
    "f32": "fp32",
    "float": "fp32",
    "float16": "fp16",
    "float32": "fp32",
    "float8": "fp8",
    "full": "fp32",
    "half": "fp16",
    "i4": "int4",
    "i8": "int8",
    "single": "fp32",
}


def normalise_backend(name: str) -> str:
    """One backend name in the framework's spelling.

    Args:
        name: Any spelling: case, ``_`` for ``-`` and the usual other names do not matter.

    Returns:
        The name; one that nobody knows is only spelled in lower case with hyphens.
    """
    spelled = name.strip().lower().replace("_", "-").replace(" ", "-")
    return BACKEND_ALIASES.get(spelled, spelled)


def normalise_backends(value: object) -> tuple[str, ...] | None:
    """The backends that the caller allows.

    Args:
        value: ``None`` for any, one name, or a list or tuple in the order of preference; a set is ordered by name.

    Returns:
        Names without repetition, or ``None``. Unknown names stay: a plugin may bring them.

    Raises:
        InvalidRequestError: If the value is neither text nor a collection of texts, or is empty.
    """
    return _names(value, "backend", normalise_backend)


def normalise_quantization(name: str) -> str:
    """One precision in the framework's spelling.

    Args:
        name: ``"fp16"``, or as others write it: ``"float16"``, ``"half"``; case does not matter.

    Returns:
        One of :data:`QUANTIZATIONS`.

    Raises:
        InvalidRequestError: If there is no such precision; names the nearest.
    """
    spelled = name.strip().lower().replace("_", "").replace("-", "")
    found = QUANTIZATION_ALIASES.get(spelled, spelled)
    if found not in QUANTIZATIONS:
        raise InvalidRequestError(f"no such quantization: {name!r}", hint=_suggest(spelled))
    return found


def normalise_quantizations(value: object) -> tuple[str, ...] | None:
    """The precisions that the caller allows.

    Args:
        value: ``None`` for the device's default, one name, or a list or tuple in the order of preference; a set is
            ordered by name.

    Returns:
        Members of :data:`QUANTIZATIONS` without repetition, or ``None``.

    Raises:
        InvalidRequestError: If the value is not of this form, or names a precision that does not exist.
    """
    return _names(value, "quantization", normalise_quantization)


def normalise_batch_size(value: object) -> tuple[int, int] | None:
    """The batch that must run in one go.

    Args:
        value: ``None`` for no wish, a positive integer (numpy's too), or a pair (smallest, largest).

    Returns:
        Smallest and largest batch, or ``None``.

    Raises:
        InvalidRequestError: If the value is not of this form.
    """
    if value is None:
        return None
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        _refuse_batch(value)
    smallest, largest = _positive(pair[0], value), _positive(pair[1], value)
    if smallest > largest:
        _refuse_batch(value)
    return smallest, largest


def _names(value: object, argument: str, normalise: Callable[[str], str]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not items or not all(isinstance(i, str) and i.strip() for i in items):
        raise InvalidRequestError(
            f"not a valid {argument}: {value!r}", hint=f"{argument}= takes one name or a list of names, best first"
        )
    return tuple(dict.fromkeys(normalise(item) for item in items))


def _suggest(spelled: str) -> str:
    close = nearest(spelled, (*QUANTIZATIONS, *QUANTIZATION_ALIASES))
    guess = f"Did you mean {QUANTIZATION_ALIASES.get(close, close)!r}? " if close else ""
    return f"{guess}There are: {', '.join(QUANTIZATIONS)}."


def _positive(number: object, value: object) -> int:
    if isinstance(number, bool):
        _refuse_batch(value)
    try:
        size = operator.index(number)  # type: ignore[arg-type]  # the question is whether it is one
    except TypeError:
        _refuse_batch(value)
    return size if size > 0 else _refuse_batch(value)


def _refuse_batch(value: object) -> NoReturn:
    raise InvalidRequestError(
        f"not a valid batch_size: {value!r}",
        hint="batch_size= takes a positive integer, or a pair of them (smallest, largest)",
    )

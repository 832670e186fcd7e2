"""Which score is enough: the arguments of a prediction call."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.types.packages import RecommendedParameters


def resolve_confidence(
    confidence: Any,
    *,
    default: float,
    recommended: RecommendedParameters | None,
    class_names: Sequence[str],
) -> float | npt.NDArray[np.float32]:
    """The score threshold of a call.

    Args:
        confidence: A number in [0, 1] (1 and 0 and numpy's numbers included); ``"default"`` for the family's value;
            ``"best"`` for what the model was tuned for: per class where the package says so, else one value, else the
            family's.
        default: The family's value.
        recommended: What the model was tuned for.
        class_names: Names by class id.

    Returns:
        One threshold, or (classes,) float32.

    Raises:
        InputError: If it is none of these.
    """
    if isinstance(confidence, str):
        if confidence == "default":
            return default
        if confidence == "best":
            return _best(default, recommended, class_names)
    return check_share("confidence", confidence, '"best", "default" or ')


def check_share(name: str, value: Any, alternatives: str = "") -> float:
    """A number in [0, 1].

    Args:
        name: Name of the argument, for the error.
        value: What the caller gave.
        alternatives: What else is legal, for the error.

    Raises:
        InputError: If it is something else.
    """
    number = not isinstance(value, bool) and isinstance(value, numbers.Real)  # numpy's bool is no Real
    if number and 0 <= value <= 1:
        return float(value)
    raise InputError(f"{name} is {alternatives}a number from 0 to 1; got {value!r}")


def check_count(name: str, value: Any) -> int:
    """A whole number greater than 0.

    Raises:
        InputError: If it is something else.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0:
        return int(value)
    raise InputError(f"{name} is a whole number greater than 0; got {value!r}")


def _best(
    default: float, recommended: RecommendedParameters | None, class_names: Sequence[str]
) -> float | npt.NDArray[np.float32]:
    if recommended is None:
        return default
    fallback = default if recommended.confidence is None else recommended.confidence
    per_class = recommended.per_class_confidence
    if not per_class or not class_names:
        return fallback
    return np.array([per_class.get(name, fallback) for name in class_names], np.float32)

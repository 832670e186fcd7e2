"""Waiting no longer than a limit for foreign code."""

from __future__ import annotations

import contextvars
import math
import os
import threading
from typing import TYPE_CHECKING, TypeVar

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

DETECT_TIMEOUT_VARIABLE = "INFERENCE_MODELS_DETECT_TIMEOUT"
GATE_TIMEOUT_VARIABLE = "INFERENCE_MODELS_GATE_TIMEOUT"
_DEFAULT_SECONDS = 10.0
T = TypeVar("T")


class LimitExceededError(Exception):
    """The code did not come back in time; its thread is left behind."""


def run_within(seconds: float | None, function: Callable[[], T]) -> T:
    """Runs a function in a daemon thread and waits for it.

    A thread cannot be killed: one that never comes back is abandoned, and does not keep the process from ending. The
    caller's context variables are visible in it, thread-local values are not.

    Args:
        seconds: How long to wait; ``None`` runs the function right here, without a limit.
        function: What to run.

    Returns:
        What it returns.

    Raises:
        LimitExceededError: If it did not come back in time.
        BaseException: Whatever the function raises.
    """
    if seconds is None:
        return function()
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - handed over to the waiting thread, which raises it
            errors.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise LimitExceededError(f"no answer within {seconds:g} s")
    return results[0]


def read_limit(seconds: float | None, variable: str) -> float | None:
    """A time limit from an argument, else from an environment variable, else 10 seconds.

    Args:
        seconds: The argument; ``math.inf`` for no limit.
        variable: Name of the variable; ``"inf"`` for no limit.

    Returns:
        Seconds, ``None`` for no limit.

    Raises:
        InvalidRequestError: If it is no positive number.
    """
    text: object = os.environ.get(variable, _DEFAULT_SECONDS) if seconds is None else seconds
    try:
        limit = float(str(text))
    except ValueError:
        limit = math.nan
    if not limit > 0:
        raise InvalidRequestError(f"not a time limit in seconds: {text!r}", hint=f"set {variable}=10, or =inf for none")
    return None if math.isinf(limit) else limit

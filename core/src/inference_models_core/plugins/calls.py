"""Calling one plugin's hook so that its fault stays its own.

pluggy's own fan-out ends for everybody when one plugin raises, and forgets who answered what; this loop does neither
and is faster. What a hook may do wrong is turned into a text, never swallowed.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from inference_models_core.errors import InferenceModelsError, PluginError
from inference_models_core.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pluggy import HookImpl

    from inference_models_core.plugins.failures import FailureLog
    from inference_models_core.plugins.state import Implementation
    from inference_models_core.types.plugins import PluginIdentity

_MOST_ITEMS = 100_000
T = TypeVar("T")


class Outcome(NamedTuple):
    """How a guarded call ended.

    Attributes:
        value: What it returned; ``None`` if it failed.
        error: What it raised; ``None`` if it did not.
    """

    value: Any = None
    error: BaseException | None = None


def guarded(function: Callable[[], T]) -> Outcome:
    """Runs foreign code and catches what it raises, ``SystemExit`` included.

    This is the one place that catches everything: foreign code, whose fault must stay its own.
    ``KeyboardInterrupt`` and ``MemoryError`` are nobody's fault and pass, and so does everything else that is no
    ``Exception``.
    """
    try:
        return Outcome(value=function())
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code, whose fault must stay its own
        logger().debug("a plugin raised", exc_info=True)
        return Outcome(error=error)


def attributed(function: Callable[[], T], what: str) -> T:
    """Runs an object that a plugin brought: a provider, a parser, a session's factory.

    Args:
        function: The call.
        what: Whose it is, for the message: ``"weights provider 'my-hub'"``.

    Returns:
        What it returns.

    Raises:
        InferenceModelsError: As the object raised it.
        PluginError: For anything else that it raised, which is the cause.
    """
    outcome = guarded(function)
    if isinstance(outcome.error, InferenceModelsError):
        raise outcome.error
    if outcome.error is not None:
        raise PluginError(f"{what} failed: {error_text(outcome.error)}") from outcome.error
    return cast("T", outcome.value)


def call_hook(implementation: HookImpl, arguments: Mapping[str, Any]) -> Any:
    """Calls one implementation with those of the arguments that it takes."""
    positional = [arguments[name] for name in implementation.argnames]
    keyword = {name: arguments[name] for name in implementation.kwargnames if name in arguments}
    return implementation.function(*positional, **keyword)


def call_for_items(implementation: HookImpl, arguments: Mapping[str, Any], item_type: type[T]) -> tuple[Any, ...]:
    """Calls a hook that returns an iterable, and walks through it: generators raise only then.

    Raises:
        TypeError: If the answer is no iterable, or does not end.
    """
    answer = call_hook(implementation, arguments)
    if answer is None:
        return ()
    if isinstance(answer, (item_type, str)):
        raise TypeError(f"returned one {type(answer).__name__} where an iterable of {item_type.__name__} is expected")
    items = tuple(itertools.islice(answer, _MOST_ITEMS + 1))
    if len(items) > _MOST_ITEMS:
        raise TypeError(f"returned more than {_MOST_ITEMS} items")
    return items


def error_text(error: BaseException) -> str:
    """An error on one line: its class and what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def collect(
    hook: str, implementations: Iterable[Implementation], item_type: type[T], failures: FailureLog
) -> Iterator[tuple[T, PluginIdentity]]:
    """What every implementation of a hook describes, with the plugin it came from.

    An implementation that raises half-way contributes nothing: what it would have said is unknown. An item of a wrong
    type is left out, the others of its plugin stay.

    Args:
        hook: Name of the hook.
        implementations: Its implementations, in the order of the answer.
        item_type: Class of the items.
        failures: Where faults are noted.
    """
    for implementation, plugin in implementations:
        outcome = guarded(functools.partial(call_for_items, implementation, {}, item_type))
        if outcome.error is not None:
            failures.add(plugin, hook, outcome.error)
        for item in outcome.value or ():
            if isinstance(item, item_type):
                yield item, plugin
            else:
                failures.add(plugin, hook, wrong_type(item, item_type))


def wrong_type(value: object, expected: type) -> str:
    """Sentence about a value of a wrong type."""
    return f"returned a {type(value).__name__} where {expected.__name__} is expected"

"""The host application's own order of candidates, checked before it is believed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inference_models_core.plugins.calls import call_hook, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pluggy

    from inference_models_core.plugins.failures import FailureLog
    from inference_models_core.plugins.state import Implementation
    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.plugins import PluginIdentity
    from inference_models_core.types.requests import LoadRequest

_HOOK = "rank_candidates"


def rank(
    hook: pluggy.HookCaller,
    implementations: Sequence[Implementation],
    failures: FailureLog,
    request: LoadRequest,
    candidates: Sequence[Candidate],
) -> tuple[Candidate, ...]:
    """Asks plugin after plugin, the last one registered first and core last; the first valid answer counts.

    Args:
        hook: pluggy's caller of the hook, used where a plugin wraps it.
        implementations: The implementations in pluggy's order.
        failures: Where faults and invalid answers are noted.
        request: What the caller asked for.
        candidates: All that can run.

    Returns:
        The candidates or a part of them, best first; as given if nobody ranks them.
    """
    arguments = {"request": request, "candidates": tuple(candidates)}
    for plugin, call in _calls(hook, implementations, arguments):
        outcome = guarded(partial(_ranked, call, candidates))
        if outcome.error is not None:
            failures.add(plugin, _HOOK, outcome.error)
        elif outcome.value is not None:
            ranked: tuple[Candidate, ...] = outcome.value
            return ranked
    return tuple(candidates)


def _calls(
    hook: pluggy.HookCaller, implementations: Sequence[Implementation], arguments: Mapping[str, Any]
) -> Iterator[tuple[PluginIdentity, Callable[[], Any]]]:
    wrappers = [each for each in implementations if each[0].wrapper or each[0].hookwrapper]
    if wrappers:  # they work only inside pluggy; what goes wrong there is put down to the outermost one
        yield wrappers[0][1], partial(hook, **arguments)
    for each in implementations:
        if each not in wrappers:
            yield each[1], partial(call_hook, each[0], arguments)


def _ranked(call: Callable[[], Any], candidates: Sequence[Candidate]) -> tuple[Candidate, ...] | None:
    """The answer, if it is made of the given candidates and of each at most once.

    Raises:
        ValueError: If it is not.
    """
    answer = call()
    if answer is None:
        return None
    ranked = tuple(answer)
    given, named = {id(each) for each in candidates}, [id(each) for each in ranked]
    if not given.issuperset(named) or len(set(named)) != len(named):
        raise ValueError("returned something else than the given candidates, each at most once")
    return ranked

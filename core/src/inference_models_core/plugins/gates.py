"""Gates: hooks that decide. One that cannot decide denies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from inference_models_core.errors import PolicyFailedError
from inference_models_core.plugins.calls import call_hook, guarded, wrong_type
from inference_models_core.plugins.limits import run_within
from inference_models_core.types.access import Denial
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_models_core.plugins.failures import FailureLog
    from inference_models_core.plugins.state import Implementation

POLICY_FAILED = "policy-failed"
Verdict = TypeVar("Verdict", Denial, Rejection)


class Gates:
    """Asks the gates of all plugins in turn; the first "no" decides.

    Args:
        failures: Where faults are noted.
        timeout: Seconds that one gate may take; ``None`` for no limit, then gates run in the caller's thread.
    """

    def __init__(self, failures: FailureLog, timeout: float | None) -> None:
        self._failures = failures
        self._timeout = timeout

    def ask(
        self, hook: str, implementations: Iterable[Implementation], arguments: Mapping[str, Any], verdict: type[Verdict]
    ) -> Verdict | None:
        """The first verdict, or ``None`` if every gate agrees."""
        for implementation in implementations:
            answer, failure = self._answer(hook, implementation, arguments)
            if isinstance(answer, verdict):
                return answer
            if answer is not None:
                failure = self._failures.add(implementation[1], hook, wrong_type(answer, verdict))
            if failure:
                return verdict(code=POLICY_FAILED, reason=failure)
        return None

    def find(self, hook: str, implementations: Iterable[Implementation], arguments: Mapping[str, Any]) -> Any | None:
        """The first answer that is not ``None``.

        Raises:
            PolicyFailedError: If a gate raises or does not answer in time.
        """
        for implementation in implementations:
            answer, failure = self._answer(hook, implementation, arguments)
            if failure:
                raise PolicyFailedError(failure)
            if answer is not None:
                return answer
        return None

    def _answer(self, hook: str, implementation: Implementation, arguments: Mapping[str, Any]) -> tuple[Any, str]:
        function, plugin = implementation
        outcome = guarded(lambda: run_within(self._timeout, lambda: call_hook(function, arguments)))
        if outcome.error is None:
            return outcome.value, ""
        return None, self._failures.add(plugin, hook, outcome.error)

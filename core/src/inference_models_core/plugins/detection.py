"""Can this machine use a backend? Metadata first, then the owning plugin, within a time limit, once."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.plugins.calls import call_for_items, error_text, guarded, wrong_type
from inference_models_core.plugins.known import install_command_for_backend
from inference_models_core.plugins.limits import DETECT_TIMEOUT_VARIABLE, LimitExceededError, run_within
from inference_models_core.plugins.requirements import first_satisfied
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pluggy import HookImpl

    from inference_models_core.plugins.failures import FailureLog
    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.plugins import PluginIdentity

_HOOK = "detect_backends"


class _NoAnswer(NamedTuple):
    code: str
    reason: str
    fix: str = ""


class BackendDetector:
    """Reports on backends, each worked out when it is first asked for and kept.

    Args:
        owners: Backend name -> its spec and the plugin that brings it.
        implementations: Plugin -> its ``detect_backends``.
        failures: Where faults of plugins are noted.
        probe: Facts about the machine.
        installed: Normalised name of a distribution -> its version, ``None`` if it is not installed.
        timeout: Seconds that one plugin may take; ``None`` for no limit.
    """

    def __init__(
        self,
        *,
        owners: Mapping[str, tuple[BackendSpec, PluginIdentity]],
        implementations: Mapping[PluginIdentity, HookImpl],
        failures: FailureLog,
        probe: RuntimeProbe,
        installed: Callable[[str], str | None],
        timeout: float | None,
    ) -> None:
        self._owners = owners
        self._implementations = implementations
        self._failures = failures
        self._probe = probe
        self._installed = installed
        self._timeout = timeout
        self._reports: dict[str, BackendReport] = {}
        self._answers: dict[PluginIdentity, dict[str, BackendReport] | _NoAnswer] = {}
        self._lock = threading.RLock()  # a plugin that asks back must not wait for itself

    def detect(self, backends: Iterable[str]) -> dict[str, BackendReport]:
        """One report per name, in the order asked; other plugins than the owners of these backends are not called."""
        with self._lock:
            return {name: self._report(name) for name in backends}

    def _report(self, name: str) -> BackendReport:
        if name not in self._reports:
            self._reports[name] = self._work_out(name)
        return self._reports[name]

    def _work_out(self, name: str) -> BackendReport:
        if name not in self._owners:
            return _unavailable(
                name,
                "backend-not-installed",
                f"no installed plugin brings the backend {name!r}",
                install_command_for_backend(name),
            )
        spec, owner = self._owners[name]
        return self._check_requirements(spec, owner) or self._ask(spec, owner)

    def _check_requirements(self, spec: BackendSpec, owner: PluginIdentity) -> BackendReport | None:
        # Bundlers of frozen applications leave metadata out, so there only the plugin can tell.
        if not spec.requires_any or getattr(sys, "frozen", False):
            return None
        try:
            met = first_satisfied(spec.requires_any, self._installed)
        except ValueError as error:
            why = self._failures.add(owner, "register_backends", f"requires_any of {spec.name!r}: {error_text(error)}")
            return _unavailable(spec.name, "detection-failed", why)
        if met:
            return None
        wanted = " or ".join(spec.requires_any)
        return _unavailable(spec.name, "runtime-not-installed", f"{wanted} is not installed", spec.install_hint)

    def _ask(self, spec: BackendSpec, owner: PluginIdentity) -> BackendReport:
        if owner not in self._answers:
            self._answers[owner] = self._call(owner)
        answer = self._answers[owner]
        if isinstance(answer, _NoAnswer):
            return _unavailable(spec.name, answer.code, answer.reason, answer.fix)
        silent = f"plugin {owner} brings the backend {spec.name!r} but does not report on it ({_HOOK})"
        return answer.get(spec.name) or _unavailable(spec.name, "detection-failed", silent)

    def _call(self, owner: PluginIdentity) -> dict[str, BackendReport] | _NoAnswer:
        """The owner's reports by backend, or what went wrong."""
        implementation = self._implementations.get(owner)
        if implementation is None:
            return {}
        outcome = guarded(
            lambda: run_within(
                self._timeout, lambda: call_for_items(implementation, {"probe": self._probe}, BackendReport)
            )
        )
        if outcome.error is not None:
            return self._no_answer(owner, outcome.error)
        return self._own_reports(owner, outcome.value or ())

    def _no_answer(self, owner: PluginIdentity, error: BaseException) -> _NoAnswer:
        why = self._failures.add(owner, _HOOK, error)
        if isinstance(error, LimitExceededError):
            return _NoAnswer("detection-timed-out", why, f"{DETECT_TIMEOUT_VARIABLE}={2 * (self._timeout or 0):g}")
        return _NoAnswer("detection-failed", why)

    def _own_reports(self, owner: PluginIdentity, items: Iterable[object]) -> dict[str, BackendReport]:
        reports: dict[str, BackendReport] = {}
        for item in items:
            if not isinstance(item, BackendReport):
                self._failures.add(owner, _HOOK, wrong_type(item, BackendReport))
            elif self._owners.get(item.backend, (None, None))[1] != owner:
                self._failures.add(owner, _HOOK, f"reported on {item.backend!r}, which is not its backend")
            else:
                reports.setdefault(item.backend, item)
        return reports


def _unavailable(backend: str, code: str, reason: str, fix: str = "") -> BackendReport:
    return BackendReport(backend=backend, availability=Availability.UNAVAILABLE, code=code, reason=reason, fix=fix)

"""The plugin host: what is installed, what it brings, and what it says when asked."""

from __future__ import annotations

import importlib
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from inference_models_core.errors import InvalidRequestError, PluginError
from inference_models_core.plugins.calls import call_hook, collect, guarded
from inference_models_core.plugins.discovery import discover as discover_plugins
from inference_models_core.plugins.distributions import Environment
from inference_models_core.plugins.failures import FailureLog
from inference_models_core.plugins.limits import DETECT_TIMEOUT_VARIABLE, GATE_TIMEOUT_VARIABLE, read_limit
from inference_models_core.plugins.loader import load_all, load_core, load_in_process, new_manager, report
from inference_models_core.plugins.policy import policy_from_environment
from inference_models_core.plugins.records import require, with_failures
from inference_models_core.plugins.state import HostState, new_state
from inference_models_core.types.plugins import PluginIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pluggy

    from inference_models_core.plugins.detection import BackendDetector
    from inference_models_core.plugins.gates import Gates
    from inference_models_core.plugins.policy import PluginPolicy
    from inference_models_core.plugins.records import PluginFailure, PluginRecord
    from inference_models_core.plugins.state import Implementation
    from inference_models_core.registry import Registry
    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.access import Access, Denial
    from inference_models_core.types.backends import BackendReport, BackendSpec
    from inference_models_core.types.events import Event
    from inference_models_core.types.health import HealthCheck
    from inference_models_core.types.models import ModelSpec, PipelineSpec
    from inference_models_core.types.negotiation import Candidate, Rejection
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest

T = TypeVar("T")
Registered: TypeAlias = tuple[T, PluginIdentity]
"""Something that a plugin described, and the plugin."""


class PluginHost:
    """Finds, checks, loads and calls plugins; one plugin's fault stays its own.

    Nothing is scanned or imported before the first question. Afterwards the answers are kept: hooks that describe are
    called once. Every method may be called from any thread.

    Args:
        policy: Which plugins may load; read from the environment if ``None``.
        discover: Whether to look for installed plugins. Without, there are core's own parts and what is registered
            with :meth:`register`, as in tests and frozen applications.
        probe: Facts about the machine; its own if ``None``.
        detect_timeout: Seconds that a plugin's ``detect_backends`` may take, ``math.inf`` for no limit; from
            ``INFERENCE_MODELS_DETECT_TIMEOUT`` if ``None``, 10 by default.
        gate_timeout: The same for each gate, from ``INFERENCE_MODELS_GATE_TIMEOUT``. A gate with a limit runs in a
            thread of its own, with the caller's context variables; without one in the caller's thread.

    Raises:
        InvalidRequestError: If a time limit is no positive number.
    """

    def __init__(
        self,
        policy: PluginPolicy | None = None,
        discover: bool = True,
        *,
        probe: RuntimeProbe | None = None,
        detect_timeout: float | None = None,
        gate_timeout: float | None = None,
    ) -> None:
        self.policy = policy_from_environment() if policy is None else policy
        self._discover = discover
        self._probe = probe
        self._detect_timeout = read_limit(detect_timeout, DETECT_TIMEOUT_VARIABLE)
        self._gate_timeout = read_limit(gate_timeout, GATE_TIMEOUT_VARIABLE)
        self._failures = FailureLog(strict=self.policy.strict)
        self._in_process: dict[str, tuple[Any, PluginIdentity]] = {}
        self._state: HostState | None = None
        self._lock = threading.RLock()
        self._busy = False

    # What there is

    def records(self) -> tuple[PluginRecord, ...]:
        """One record per plugin: core's, those found by name, those of this process.

        What hooks did wrong so far is among the warnings; hooks that nobody has asked yet have done nothing wrong.

        Raises:
            PluginError: In strict mode (``INFERENCE_MODELS_STRICT_PLUGINS``), as every method, if a plugin is not in
                order.
        """
        failures = self._failures.all()
        return tuple(with_failures(record, failures) for record in self._current().records)

    def failures(self) -> tuple[PluginFailure, ...]:
        """What active plugins' hooks did wrong so far, oldest first."""
        return self._failures.all()

    def require_plugins(self) -> None:
        """Makes sure that every plugin of ``INFERENCE_MODELS_REQUIRE_PLUGINS`` is active.

        Raises:
            RequiredPluginMissingError: For the first one that is not, with the reason.
        """
        for name in self.policy.require:
            require(name, self.records())

    @property
    def resolution_cache_allowed(self) -> bool:
        """Whether choices may be remembered; not if a plugin without a version takes part in them."""
        return self._current().resolution_cache_allowed

    @property
    def hook(self) -> pluggy.HookRelay:
        """Pluggy's own way to call hooks: loud and not isolated, for host applications that want it."""
        return self._current().manager.hook

    @property
    def probe(self) -> RuntimeProbe:
        """Facts about the machine."""
        if self._probe is None:
            from inference_models_core.runtime.probe import RuntimeProbe

            self._probe = RuntimeProbe(installed=self.installed_version)
        return self._probe

    def installed_version(self, distribution: str) -> str | None:
        """Version of an installed distribution, from its metadata; ``None`` if it is not installed."""
        return self._current().environment.version(distribution)

    def installed_versions(self) -> Mapping[str, str]:
        """Normalised name -> version of everything that is installed, as the names of the metadata folders say."""
        return {name: found.version for name, found in self._current().environment.distributions.items()}

    # What plugins describe: asked once and kept, in the order core, others by name, those of this process

    def backends(self) -> tuple[Registered[BackendSpec], ...]:
        """Every backend with its plugin."""
        from inference_models_core.types.backends import BackendSpec

        return self._collected("register_backends", BackendSpec)

    def models(self) -> tuple[Registered[ModelSpec], ...]:
        """Every row with its plugin."""
        from inference_models_core.types.models import ModelSpec

        return self._collected("register_models", ModelSpec)

    def pipelines(self) -> tuple[Registered[PipelineSpec], ...]:
        """Every pipeline with its plugin."""
        from inference_models_core.types.models import PipelineSpec

        return self._collected("register_pipelines", PipelineSpec)

    def weights_providers(self) -> tuple[Registered[WeightsProviderSpec], ...]:
        """Every weights provider with its plugin."""
        from inference_models_core.types.providers import WeightsProviderSpec

        return self._collected("register_weights_providers", WeightsProviderSpec)

    def health_checks(self) -> tuple[Registered[HealthCheck], ...]:
        """Every health check with its plugin."""
        from inference_models_core.types.health import HealthCheck

        return self._collected("register_health_checks", HealthCheck)

    def registry(self) -> Registry:
        """Index of all of these."""
        state = self._current()
        if "registry" not in state.kept:  # two threads may build it twice; both get the same
            from inference_models_core.registry import build_registry

            state.kept["registry"] = build_registry(self)
        registry: Registry = state.kept["registry"]
        return registry

    # What plugins are asked

    def detect(self, backends: Iterable[str]) -> Mapping[str, BackendReport]:
        """Says whether backends can be used on this machine; each is found out once and kept.

        Asks only the plugins that own these backends, and those only if a runtime they need is installed according to
        its metadata. Where several plugins bring a backend of one name, the first of :meth:`backends` is asked.

        Args:
            backends: Names of backends, installed or not.

        Returns:
            Name -> report, for each name. A plugin that raises, hangs or is silent about its own backend makes it
            unavailable, with the reason.
        """
        registered = self.backends()
        detector: BackendDetector = self._kept("detector", partial(self._new_detector, registered))
        return detector.detect(backends)

    def rank(self, request: LoadRequest, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Orders candidates, best first: the last registered plugin that has an opinion decides, core at the end.

        An answer that is no selection of the given candidates is noted as a failure and ignored.
        """
        from inference_models_core.plugins.ranking import rank

        state = self._current()
        implementations = state.implementations["rank_candidates"]
        return rank(state.manager.hook.rank_candidates, implementations, self._failures, request, candidates)

    @property
    def is_observed(self) -> bool:
        """Whether any plugin observes events; saves making one that nobody sees."""
        return bool(self._implementations("on_event"))

    def emit(self, event: Event) -> None:
        """Tells every observer; what they raise is noted once and changes nothing."""
        for implementation, plugin in self._current().implementations["on_event"]:
            outcome = guarded(partial(call_hook, implementation, {"event": event}))
            if outcome.error is not None:
                self._failures.add(plugin, "on_event", outcome.error, most=1)

    # Gates

    def has_gate(self, hook: str) -> bool:
        """Whether any plugin implements a gate, such as ``"review_package"``."""
        return bool(self._current().implementations[hook])

    def check_access(self, access: Access) -> Denial | None:
        """Asks every ``check_access`` gate; the first denial or failure (``policy-failed``), or ``None``."""
        if not self.has_gate("check_access"):
            return None
        from inference_models_core.types.access import Denial

        return self._gates().ask("check_access", self._implementations("check_access"), {"access": access}, Denial)

    def review_package(self, package: ModelPackage, request: LoadRequest) -> Rejection | None:
        """Asks every ``review_package`` gate; the first rejection or failure (``policy-failed``), or ``None``."""
        if not self.has_gate("review_package"):
            return None
        from inference_models_core.types.negotiation import Rejection

        arguments = {"package": package, "request": request}
        return self._gates().ask("review_package", self._implementations("review_package"), arguments, Rejection)

    def find_live_model(self, access: Access, digest: str) -> Any | None:
        """The first loaded model that a ``find_live_model`` gate offers, or ``None``.

        Raises:
            PolicyFailedError: If a gate raises or does not answer in time.
        """
        if not self.has_gate("find_live_model"):
            return None
        arguments = {"access": access, "digest": digest}
        return self._gates().find("find_live_model", self._implementations("find_live_model"), arguments)

    # Plugins of the host application

    def register(self, plugin: Any, name: str, version: str = "") -> PluginRecord:
        """Adds a plugin of this process: any object with hooks, for host applications and frozen ones.

        Args:
            plugin: Module, class or object with functions marked by ``@hookimpl``. It need not state
                ``INFERENCE_MODELS_API``; if it does, that is checked.
            name: Its name, which no other plugin may have.
            version: Changes whenever it decides differently. Without it, a plugin with a gate or ``rank_candidates``
                switches the resolution cache off.

        Returns:
            Its record: active, or blocked by the policy.

        Raises:
            PluginError: If its name is taken or it is not in order.
        """
        if not name:
            raise InvalidRequestError("a plugin needs a name")
        identity = PluginIdentity(name=name, version=version)
        state = self._current()
        with self._exclusive():
            if name in self._in_process:
                raise PluginError(f"there is another plugin {name!r} in this process", hint="unregister it first")
            record = load_in_process(state.manager, plugin, identity, self.policy)
            self._in_process[name] = (plugin, identity)
            self._state = new_state(state.environment, state.manager, (*state.records, record))
        report(record, strict=self.policy.strict)
        return record

    def unregister(self, name: str) -> None:
        """Takes back what :meth:`register` added.

        Raises:
            InvalidRequestError: If no plugin of this process has the name; installed ones are switched off by policy.
        """
        state = self._current()
        with self._exclusive():
            if name not in self._in_process:
                raise InvalidRequestError(f"no plugin {name!r} is registered in this process")
            _, identity = self._in_process.pop(name)
            state.manager.unregister(name=name)
            remaining = [record for record in state.records if record.identity != identity]
            self._state = new_state(state.environment, state.manager, remaining)

    def refresh(self) -> None:
        """Looks again at what is installed and forgets every answer; modules that are imported stay imported."""
        importlib.invalidate_caches()  # or what was installed a moment ago may not be importable yet
        with self._exclusive():
            self._failures.clear()
            self._state = self._build()

    # Inside

    def _current(self) -> HostState:
        if self._state is None:
            with self._exclusive():
                if self._state is None:
                    self._state = self._build()
        return self._state

    def _build(self) -> HostState:
        environment, manager = Environment(), new_manager()
        records = [load_core(manager)]
        candidates = discover_plugins(environment.distributions.values()) if self._discover else ()
        own = tuple(self._in_process.values())
        records += load_all(manager, candidates, self.policy, [identity for _, identity in own])
        records += [load_in_process(manager, plugin, identity, self.policy) for plugin, identity in own]
        return new_state(environment, manager, records)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._lock:
            if self._busy:
                raise PluginError(
                    "a plugin asked the host while the host was loading it or asking it what it brings",
                    hint="ask later: in the objects that hooks refer to, not in the hooks themselves",
                )
            self._busy = True
            try:
                yield
            finally:
                self._busy = False

    def _kept(self, key: str, make: Callable[[HostState], T]) -> T:
        state = self._current()
        if key not in state.kept:
            with self._exclusive():
                if key not in state.kept:
                    state.kept[key] = make(state)
        kept: T = state.kept[key]
        return kept

    def _collected(self, hook: str, item_type: type[T]) -> tuple[Registered[T], ...]:
        return self._kept(
            hook,
            lambda state: tuple(collect(hook, reversed(state.implementations[hook]), item_type, self._failures)),
        )

    def _new_detector(self, registered: Iterable[Registered[BackendSpec]], state: HostState) -> BackendDetector:
        from inference_models_core.plugins.detection import BackendDetector

        return BackendDetector(
            owners={spec.name: (spec, plugin) for spec, plugin in reversed(tuple(registered))},
            implementations={plugin: function for function, plugin in state.implementations["detect_backends"]},
            failures=self._failures,
            probe=self.probe,
            installed=state.environment.version,
            timeout=self._detect_timeout,
        )

    def _implementations(self, hook: str) -> tuple[Implementation, ...]:
        return self._current().implementations[hook]

    def _gates(self) -> Gates:
        from inference_models_core.plugins.gates import Gates

        return Gates(self._failures, self._gate_timeout)


_host: PluginHost | None = None
_host_lock = threading.Lock()


def get_host() -> PluginHost:
    """The host of this process, made when first asked for; its policy is the environment's at that time."""
    global _host
    with _host_lock:
        if _host is None:
            _host = PluginHost()
        return _host

"""From candidates to registered plugins and a record for each, whatever happens on the way."""

from __future__ import annotations

import importlib
import inspect
import sys
import time
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from inference_models_core.__about__ import __version__
from inference_models_core.errors import PluginContractError, PluginError, printable
from inference_models_core.hookspecs import PROJECT_NAME, InferenceModelsSpecs
from inference_models_core.log import debug, logger
from inference_models_core.plugins.calls import error_text, guarded
from inference_models_core.plugins.handshake import (
    API_CONSTANT,
    CORE_DISTRIBUTION,
    Mismatch,
    api_stated_in_source,
    check_api,
    check_requirements,
)
from inference_models_core.plugins.records import PluginRecord, Status
from inference_models_core.types.plugins import PluginIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.plugins.discovery import PluginCandidate
    from inference_models_core.plugins.policy import PluginPolicy

_BUILTIN_MODULE = "inference_models_core.builtin.plugin"
_MOST_CHARACTERS = 1000
_WRAPPED_HOOK = "rank_candidates"
CORE = PluginIdentity(name="core", distribution=CORE_DISTRIBUTION, version=__version__)


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(InferenceModelsSpecs)
    return manager


def load_core(manager: pluggy.PluginManager) -> PluginRecord:
    """Registers core's own parts, past every policy; what fails here is core's fault and raises."""
    started = time.perf_counter()
    register(manager, importlib.import_module(_BUILTIN_MODULE), CORE.name)
    return _active(manager, CORE, started, value=_BUILTIN_MODULE)


def load_all(
    manager: pluggy.PluginManager,
    candidates: Iterable[PluginCandidate],
    policy: PluginPolicy,
    taken: Iterable[PluginIdentity] = (),
) -> list[PluginRecord]:
    """Loads candidates in their order.

    Args:
        manager: Where they are registered.
        candidates: What was found.
        policy: What may load.
        taken: Plugins whose names are not to be had, besides core.

    Returns:
        One record per candidate.

    Raises:
        PluginError: In strict mode, for the first one that is incompatible, in conflict or broken.
    """
    holders = {plugin.name: plugin for plugin in (*taken, CORE)}
    records = []
    for candidate in candidates:
        record = _load(manager, candidate, policy, holders)
        report(record, strict=policy.strict)
        records.append(record)
    return records


def report(record: PluginRecord, *, strict: bool) -> None:
    """Says it where a plugin is not in order: one line in the log, or an error in strict mode.

    Raises:
        PluginError: In strict mode.
    """
    if record.status in (Status.ACTIVE, Status.BLOCKED):
        debug("%s", record)
        for warning in record.warnings:
            logger().warning("plugin %s: %s", record.identity, warning)
        return
    if strict:
        raise PluginError(str(record), hint=record.fix)
    logger().warning("%s%s", record, f"; to fix it: {record.fix}" if record.fix else "")


def _load(
    manager: pluggy.PluginManager,
    candidate: PluginCandidate,
    policy: PluginPolicy,
    holders: dict[str, PluginIdentity],
) -> PluginRecord:
    identity = candidate.identity
    blocked = policy.reason_to_block(identity)
    if blocked:
        return _inactive(candidate, Status.BLOCKED, Mismatch(blocked))
    holder = holders.setdefault(identity.name, identity)
    if holder is not identity:
        return _inactive(candidate, Status.CONFLICT, _conflict(identity, holder))
    if not candidate.module:
        malformed = Mismatch(
            f"entry point value {candidate.value!r} is not of the form 'package.module'",
            f"pip uninstall {identity.distribution}",
        )
        return _inactive(candidate, Status.BROKEN, malformed)
    mismatch = _check_before_import(candidate)
    if mismatch:
        return _inactive(candidate, Status.INCOMPATIBLE, mismatch)
    return _import_and_register(manager, candidate)


def _conflict(identity: PluginIdentity, holder: PluginIdentity) -> Mismatch:
    return Mismatch(
        f"the name {identity.name!r} belongs to plugin {holder}, and {identity.distribution} {identity.version} offers "
        "a plugin of this name too",
        f"pip uninstall {identity.distribution}",
    )


def _check_before_import(candidate: PluginCandidate) -> Mismatch | None:
    mismatch = check_requirements(candidate.requires, candidate.identity)
    if mismatch or candidate.module in sys.modules:  # what is imported already is asked itself
        return mismatch
    stated = guarded(lambda: api_stated_in_source(candidate.module)).value  # foreign import hooks may raise
    return check_api(stated.value, candidate.identity) if stated else None


def _import_and_register(manager: pluggy.PluginManager, candidate: PluginCandidate) -> PluginRecord:
    started = time.perf_counter()
    imported = guarded(lambda: _import(candidate))
    if imported.error or imported.value is None:
        return _broken(candidate, "its import failed", imported.error, started)
    plugin, stated = imported.value
    mismatch = check_api(stated, candidate.identity)
    if mismatch:
        return attrs.evolve(_inactive(candidate, Status.INCOMPATIBLE, mismatch), import_ms=_ms_since(started))
    registered = guarded(lambda: register(manager, plugin, candidate.identity.name))
    if registered.error:
        return _broken(candidate, "it cannot be registered", registered.error, started)
    record = _active(manager, candidate.identity, started, value=candidate.value)
    return attrs.evolve(record, metadata_path=candidate.metadata_path)


def _import(candidate: PluginCandidate) -> tuple[Any, object]:
    """The plugin object and the API version it states."""
    module = plugin = importlib.import_module(candidate.module)
    for name in candidate.attribute.split(".") if candidate.attribute else ():
        plugin = getattr(plugin, name)
    return plugin, getattr(plugin, API_CONSTANT, getattr(module, API_CONSTANT, None))


def register(manager: pluggy.PluginManager, plugin: Any, name: str) -> None:
    """Registers an object with hooks; nothing of it stays if that fails.

    Raises:
        PluginContractError: If it wraps a hook that cannot be wrapped.
        pluggy.PluginValidationError: If a hook asks for an argument that the specification does not have.
        ValueError: If the object is registered already.
    """
    manager.register(plugin, name)
    wrapped = sorted(
        hook.name
        for hook, implementation in _implementations(manager, plugin)
        if (implementation.wrapper or implementation.hookwrapper) and hook.name != _WRAPPED_HOOK
    )
    if wrapped:
        manager.unregister(name=name)
        raise PluginContractError(f"it wraps {', '.join(wrapped)}; only {_WRAPPED_HOOK} can be wrapped")


def _implementations(manager: pluggy.PluginManager, plugin: Any) -> list[tuple[pluggy.HookCaller, pluggy.HookImpl]]:
    return [
        (hook, implementation)
        for hook in manager.get_hookcallers(plugin) or ()
        for implementation in hook.get_hookimpls()
        if implementation.plugin is plugin
    ]


def _active(manager: pluggy.PluginManager, identity: PluginIdentity, started: float, *, value: str) -> PluginRecord:
    plugin = manager.get_plugin(identity.name)
    hooks = {hook.name for hook, _ in _implementations(manager, plugin) if hook.has_spec()}
    return PluginRecord(
        identity=identity,
        status=Status.ACTIVE,
        warnings=_warnings(manager, plugin),
        import_ms=_ms_since(started),
        hooks=tuple(sorted(hooks)),
        value=value,
    )


def load_in_process(
    manager: pluggy.PluginManager, plugin: Any, identity: PluginIdentity, policy: PluginPolicy
) -> PluginRecord:
    """Registers an object of the host application.

    Returns:
        Its record: active, or blocked by the policy.

    Raises:
        PluginError: If its name is taken, or it is not in order; the message says why.
    """
    blocked = policy.reason_to_block(identity)
    if blocked:
        logger().warning("plugin %s: %s", identity, blocked)
        return PluginRecord(identity=identity, status=Status.BLOCKED, reason=blocked, value=_name_of(plugin))
    started = time.perf_counter()
    if manager.has_plugin(identity.name):
        raise PluginError(f"plugin {identity}: there is another plugin of this name", hint="choose another name")
    stated = getattr(plugin, API_CONSTANT, None)
    mismatch = check_api(stated, identity) if stated is not None else None
    if mismatch:
        raise PluginError(f"plugin {identity}: {mismatch.reason}", hint=mismatch.fix)
    registered = guarded(lambda: register(manager, plugin, identity.name))
    if registered.error:
        raise PluginContractError(f"plugin {identity}: {error_text(registered.error)}") from registered.error
    return _active(manager, identity, started, value=_name_of(plugin))


def _name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def _warnings(manager: pluggy.PluginManager, plugin: Any) -> tuple[str, ...]:
    unknown = [
        _unknown_hook(hook.name)
        for hook, implementation in _implementations(manager, plugin)
        if not hook.has_spec() and not implementation.optionalhook
    ]
    unmarked = [f"{name} is not marked with @hookimpl and is never called" for name in _unmarked(manager, plugin)]
    return (*sorted(unknown), *unmarked)


def hook_names() -> list[str]:
    """Names of all hooks."""
    return [name for name in vars(InferenceModelsSpecs) if not name.startswith("_")]


def _unmarked(manager: pluggy.PluginManager, plugin: Any) -> list[str]:
    return [
        name
        for name in hook_names()
        if inspect.isroutine(inspect.getattr_static(plugin, name, None))
        and manager.parse_hookimpl_opts(plugin, name) is None
    ]


def _unknown_hook(name: str) -> str:
    import difflib

    nearest = difflib.get_close_matches(name, hook_names(), n=1)
    hint = f"; {nearest[0]} is meant?" if nearest else ""
    return f"hook {name} is unknown to {CORE_DISTRIBUTION} {__version__} and is never called{hint}"


def _inactive(candidate: PluginCandidate, status: Status, mismatch: Mismatch) -> PluginRecord:
    return PluginRecord(
        identity=candidate.identity,
        status=status,
        reason=printable(" ".join(mismatch.reason.split()), _MOST_CHARACTERS),
        fix=mismatch.fix,
        metadata_path=candidate.metadata_path,
        value=candidate.value,
    )


def _broken(candidate: PluginCandidate, what: str, error: BaseException | None, started: float) -> PluginRecord:
    why = f"{what}: {error_text(error)}" if error else what
    fix = f"pip install --upgrade {candidate.identity.distribution}"
    record = _inactive(candidate, Status.BROKEN, Mismatch(why, fix))
    return attrs.evolve(record, import_ms=_ms_since(started))


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3

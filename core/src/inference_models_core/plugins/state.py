"""Everything that a host knows at one time. Replaced as a whole, so that reading it needs no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pluggy

from inference_models_core.types.plugins import PluginIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_models_core.plugins.distributions import Environment
    from inference_models_core.plugins.records import PluginRecord

Implementation: TypeAlias = tuple[pluggy.HookImpl, PluginIdentity]
_DECIDING = frozenset({"check_access", "review_package", "find_live_model", "rank_candidates"})


class HostState(NamedTuple):
    """One state of a host.

    Attributes:
        environment: What is installed.
        manager: The plugin manager with every active plugin.
        records: Core's record, those of the plugins found by name, those registered in this process.
        implementations: Hook -> its implementations with their plugins, in the order in which pluggy calls them.
        kept: Answers that were worked out from this state.
    """

    environment: Environment
    manager: pluggy.PluginManager
    records: tuple[PluginRecord, ...]
    implementations: Mapping[str, tuple[Implementation, ...]]
    kept: dict[str, Any]

    @property
    def resolution_cache_allowed(self) -> bool:
        """Whether all that decides has a version by which a cached decision can be told from a stale one."""
        return not any(
            record.active and not record.identity.version and not _DECIDING.isdisjoint(record.hooks)
            for record in self.records
        )


def new_state(environment: Environment, manager: pluggy.PluginManager, records: Iterable[PluginRecord]) -> HostState:
    """The state that a manager and its records make; nothing is asked yet."""
    kept = tuple(records)
    identities = {record.identity.name: record.identity for record in kept if record.active}
    implementations = {
        name: tuple((each, identities[each.plugin_name]) for each in reversed(hook.get_hookimpls()))
        for name, hook in vars(manager.hook).items()
        if hook.has_spec()
    }
    return HostState(environment=environment, manager=manager, records=kept, implementations=implementations, kept={})

"""What became of each plugin that was found, and what went wrong later."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import attrs

from inference_models_core.errors import RequiredPluginMissingError
from inference_models_core.plugins.distributions import normalise_name
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.types.plugins import PluginIdentity


class Status(enum.Enum):
    """What became of a plugin."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    """Switched off by policy; never imported."""
    INCOMPATIBLE = "incompatible"
    """Written for another version of core; not imported where that could be told from outside."""
    CONFLICT = "conflict"
    """Another plugin has its name."""
    BROKEN = "broken"
    """Failed while being imported or registered."""


@attrs.frozen(kw_only=True, repr=False)
class PluginRecord(Value):
    """One plugin and what became of it.

    Attributes:
        identity: Its name, distribution and version.
        status: What became of it.
        reason: Why it is not active; empty for an active one.
        fix: Command or setting that mends it; empty where none exists.
        warnings: What its author should know, such as a hook that core does not have, and what its hooks did wrong
            so far.
        import_ms: Milliseconds its import and registration took; 0 if it was not imported.
        hooks: Names of the hooks it implements, sorted.
        metadata_path: Where its metadata came from; empty for one registered in this process.
        value: Its entry point's value, or the name of the object registered in this process.
    """

    identity: PluginIdentity
    status: Status
    reason: str = ""
    fix: str = ""
    warnings: tuple[str, ...] = ()
    import_ms: float = 0.0
    hooks: tuple[str, ...] = ()
    metadata_path: str = ""
    value: str = ""

    @property
    def active(self) -> bool:
        """Whether its hooks are called."""
        return self.status is Status.ACTIVE

    def __str__(self) -> str:
        return f"plugin {self.identity}: {self.status.value}" + (f": {self.reason}" if self.reason else "")


class PluginFailure(NamedTuple):
    """Something that an active plugin's hook did wrong.

    Attributes:
        plugin: The plugin.
        hook: The hook.
        error: What happened, one line.
    """

    plugin: PluginIdentity
    hook: str
    error: str

    def __str__(self) -> str:
        return f"{self.hook}: {self.error}"


def with_failures(record: PluginRecord, failures: Iterable[PluginFailure]) -> PluginRecord:
    """A record with its plugin's failures among the warnings."""
    own = [str(failure) for failure in failures if failure.plugin == record.identity]
    return attrs.evolve(record, warnings=(*record.warnings, *own)) if own else record


def require(name: str, records: Iterable[PluginRecord]) -> None:
    """Makes sure that a plugin is active.

    Args:
        name: Normalised name of a plugin, or of a distribution, whose plugins then all have to be active.
        records: All records.

    Raises:
        RequiredPluginMissingError: If it is not; says why.
    """
    named = [record for record in records if normalise_name(record.identity.name) == name]
    offered = [record for record in records if record.identity.distribution == name]
    if any(record.active for record in named) or (offered and all(record.active for record in offered)):
        return
    inactive = [record for record in (*named, *offered) if not record.active]
    if inactive:
        raise RequiredPluginMissingError(f"a required plugin is not active: {inactive[0]}", hint=inactive[0].fix)
    raise RequiredPluginMissingError(
        f"the required plugin {name!r} is not installed", hint="install it, or take it out of the required plugins"
    )

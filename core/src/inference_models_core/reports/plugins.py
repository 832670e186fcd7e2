"""The plugins that are installed, loaded or only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.installed import plugin_dict, plugins_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.plugins.discovery import PluginCandidate
    from inference_models_core.plugins.records import PluginRecord


@attrs.frozen(kw_only=True)
class PluginsReport(Report):
    """Plugins and what became of each.

    Attributes:
        records: One per plugin.
    """

    records: tuple[PluginRecord, ...]

    def document(self) -> Document:
        """The table of plugins."""
        return Document(parts=[plugins_table(self.records)])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {"plugins": [plugin_dict(record) for record in self.records]}


@attrs.frozen(kw_only=True)
class FoundPluginsReport(Report):
    """Plugins as their metadata describes them; none of their code has run.

    Attributes:
        found: Each plugin with the reason why the policy would not load it, empty if it would.
    """

    found: tuple[tuple[PluginCandidate, str], ...]

    def document(self) -> Document:
        """The table of plugins."""
        columns = ("plugin", "status", "distribution", "version", "module", "metadata")
        rows = [_row(candidate, blocked) for candidate, blocked in self.found]
        return Document(
            parts=[Table(title="Plugins (looked at, not imported)", columns=columns, rows=rows, empty="none")]
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {"plugins": [_dict(candidate, blocked) for candidate, blocked in self.found]}


def found_plugins(environ: Mapping[str, str] | None = None) -> FoundPluginsReport:
    """Looks at what is installed and imports nothing of it.

    Args:
        environ: Environment variables with the policy; those of the process if ``None``.
    """
    from inference_models_core.plugins.discovery import discover
    from inference_models_core.plugins.distributions import scan_distributions
    from inference_models_core.plugins.policy import policy_from_environment

    policy = policy_from_environment(environ)
    found = discover(scan_distributions().values())
    return FoundPluginsReport(found=tuple((each, policy.reason_to_block(each.identity)) for each in found))


def _row(candidate: PluginCandidate, blocked: str) -> Row:
    identity = candidate.identity
    cells = (
        identity.name,
        Cell(_status(blocked), tone=Tone.DIM),
        identity.distribution,
        identity.version,
        candidate.value,
        Cell(candidate.metadata_path, tone=Tone.DIM),
    )
    return Row(cells, Note(blocked))


def _dict(candidate: PluginCandidate, blocked: str) -> dict[str, Any]:
    return {
        "name": candidate.identity.name,
        "status": _status(blocked),
        "distribution": candidate.identity.distribution,
        "version": candidate.identity.version,
        "reason": blocked,
        "metadata_path": candidate.metadata_path,
        "value": candidate.value,
    }


def _status(blocked: str) -> str:
    return "blocked" if blocked else "installed"

"""What is installed, as tables and plain values: plugins, backends, weights providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.plugins.records import Status
from inference_models_core.reports.document import Cell, Note, Row, Table, Tone
from inference_models_core.types.backends import Availability

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.plugins.records import PluginFailure, PluginRecord
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.plugins import PluginIdentity
    from inference_models_core.types.providers import WeightsProviderSpec

_STATUS_TONES = {Status.ACTIVE: Tone.GOOD, Status.BLOCKED: Tone.DIM}
_AVAILABILITY_TONES = {Availability.AVAILABLE: Tone.GOOD, Availability.DEGRADED: Tone.WARNING}


def plugins_table(records: Iterable[PluginRecord]) -> Table:
    """Every plugin that was found, with its reason where it is not active."""
    return Table(
        title="Plugins",
        columns=("plugin", "status", "distribution", "version", "import", "metadata"),
        rows=map(_plugin_row, records),
        empty="none",
    )


def _plugin_row(record: PluginRecord) -> Row:
    identity = record.identity
    cells = (
        identity.name,
        Cell(record.status.value, tone=_STATUS_TONES.get(record.status, Tone.BAD)),
        identity.distribution or "in this process",
        identity.version,
        f"{record.import_ms:.1f} ms" if record.import_ms else "",
        Cell(record.metadata_path, tone=Tone.DIM),
    )
    return Row(cells, Note("; ".join(filter(None, (record.reason, *record.warnings))), fix=record.fix))


def plugin_dict(record: PluginRecord) -> dict[str, Any]:
    """A plugin as plain values for JSON."""
    return {
        "name": record.identity.name,
        "status": record.status.value,
        "distribution": record.identity.distribution,
        "version": record.identity.version,
        "reason": record.reason,
        "fix": record.fix,
        "warnings": list(record.warnings),
        "import_ms": round(record.import_ms, 3),
        "hooks": list(record.hooks),
        "metadata_path": record.metadata_path,
        "value": record.value,
    }


def failure_dict(failure: PluginFailure) -> dict[str, Any]:
    """What a hook did wrong as plain values for JSON."""
    return {"plugin": failure.plugin.name, "hook": failure.hook, "error": failure.error}


def backends_table(reports: Iterable[BackendReport]) -> Table:
    """Every backend with its devices, or with the reason and fix where it cannot be used."""
    return Table(
        title="Backends",
        columns=("backend", "status", "version", "devices"),
        rows=map(_backend_row, reports),
        empty="none",
    )


def _backend_row(report: BackendReport) -> Row:
    tone = _AVAILABILITY_TONES.get(report.availability, Tone.DIM)
    devices = ", ".join(map(str, report.devices))
    cells = (report.backend, Cell(report.availability.value, tone=tone), report.version, devices)
    return Row(cells, Note(report.reason, fix=report.fix))


def backend_dict(report: BackendReport) -> dict[str, Any]:
    """A backend as plain values for JSON."""
    return {
        "name": report.backend,
        "availability": report.availability.value,
        "version": report.version,
        "devices": [str(device) for device in report.devices],
        "capabilities": dict(report.capabilities),
        "code": report.code,
        "reason": report.reason,
        "fix": report.fix,
    }


def providers_table(providers: Iterable[tuple[WeightsProviderSpec, PluginIdentity]]) -> Table:
    """Every weights provider with the plugin that brings it."""
    rows = [(spec.name, plugin.name, spec.summary) for spec, plugin in providers]
    return Table(title="Weights providers", columns=("provider", "plugin", "what it has"), rows=rows, empty="none")


def provider_dict(spec: WeightsProviderSpec, plugin: PluginIdentity) -> dict[str, Any]:
    """A weights provider as plain values for JSON."""
    return {
        "name": spec.name,
        "plugin": plugin.name,
        "schemes": list(spec.schemes),
        "embedded": spec.embedded,
        "summary": spec.summary,
    }

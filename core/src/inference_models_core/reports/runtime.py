"""What this machine has: plugins, backends, devices, providers, folders, switches."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.__about__ import __version__
from inference_models_core.hookspecs import API_VERSION
from inference_models_core.reports.document import Cell, Document, Note, Report, Table, Tone
from inference_models_core.reports.environment import switches
from inference_models_core.reports.installed import (
    backend_dict,
    backends_table,
    failure_dict,
    plugin_dict,
    plugins_table,
    provider_dict,
    providers_table,
)
from inference_models_core.reports.machine import MachineFacts, machine_facts
from inference_models_core.reports.storage import CacheFacts, cache_facts
from inference_models_core.reports.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.plugins.records import PluginFailure, PluginRecord
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.plugins import PluginIdentity
    from inference_models_core.types.providers import WeightsProviderSpec

RIVAL = "inference-models"
"""Another project's distribution whose name people may type instead of ours."""


@attrs.frozen(kw_only=True)
class RuntimeReport(Report):
    """This machine and what is installed on it.

    Attributes:
        versions: Of core, its hooks and Python, and where Python is; name -> value.
        machine: System, processor, devices, driver.
        plugins: One record per plugin, active or not.
        failures: What active plugins' hooks did wrong so far.
        backends: One report per backend that is registered or well known.
        providers: Weights providers with the plugin that brings each.
        cache: The cache folder.
        switches: Environment switches in effect; no secrets.
        rival: Version of the distribution ``inference-models``, which is not ours; ``None`` if it is not installed.
    """

    versions: Mapping[str, str]
    machine: MachineFacts
    plugins: tuple[PluginRecord, ...]
    failures: tuple[PluginFailure, ...]
    backends: tuple[BackendReport, ...]
    providers: tuple[tuple[WeightsProviderSpec, PluginIdentity], ...]
    cache: CacheFacts
    switches: Mapping[str, str]
    rival: str | None = None

    def document(self) -> Document:
        """Machine, backends, plugins, providers, cache, switches, the rival."""
        return Document(title=f"inference-models-core {self.versions['core']}", parts=self._parts())

    def _parts(self) -> list[Table | Note]:
        versions = {name: value for name, value in self.versions.items() if name != "core"}
        return [
            _facts("", {**versions, **self.machine.words()}),
            backends_table(self.backends),
            plugins_table(self.plugins),
            _failures(self.failures),
            providers_table(self.providers),
            _facts("Cache", _cache_words(self.cache)),
            _facts("Environment switches", self.switches),
            *([Note(rival_text(self.rival), tone=Tone.WARNING)] if self.rival else []),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; sizes in bytes."""
        return {
            "versions": dict(self.versions),
            "machine": self.machine.to_dict(),
            "plugins": [plugin_dict(record) for record in self.plugins],
            "failures": [failure_dict(failure) for failure in self.failures],
            "backends": [backend_dict(report) for report in self.backends],
            "providers": [provider_dict(spec, plugin) for spec, plugin in self.providers],
            "cache": self.cache.to_dict(),
            "switches": dict(self.switches),
            "rival": self.rival,
        }


def runtime_report(host: PluginHost) -> RuntimeReport:
    """Looks at this machine; asks the plugins about their backends, which may import runtimes."""
    return RuntimeReport(
        versions={
            "core": __version__,
            "hooks": API_VERSION,
            "python": platform.python_version(),
            "executable": sys.executable,
        },
        machine=machine_facts(host.probe),
        backends=_detect_all(host),
        plugins=host.records(),
        failures=host.failures(),
        providers=host.weights_providers(),
        cache=cache_facts(),
        switches=switches(),
        rival=host.installed_version(RIVAL),
    )


def rival_text(version: str) -> str:
    """What to know about the other project's distribution."""
    return (
        f"{RIVAL} {version} is installed: another project's package, imported as inference_models; it is not used here"
    )


def _detect_all(host: PluginHost) -> tuple[BackendReport, ...]:
    from inference_models_core.plugins.known import KNOWN_BACKENDS

    registered = sorted(spec.name for spec, _ in host.backends())
    return tuple(host.detect(dict.fromkeys([*registered, *sorted(KNOWN_BACKENDS)])).values())


def _facts(title: str, facts: Mapping[str, str]) -> Table:
    return Table(
        title=title, columns=("", ""), rows=[(Cell(name, tone=Tone.DIM), value) for name, value in facts.items()]
    )


def _failures(failures: Iterable[PluginFailure]) -> Table:
    rows = [(failure.plugin.name, failure.hook, Cell(failure.error, tone=Tone.BAD)) for failure in failures]
    return Table(title="What plugins did wrong", columns=("plugin", "hook", "error"), rows=rows)


def _cache_words(cache: CacheFacts) -> dict[str, str]:
    state = "writable" if cache.writable else "not writable"
    return {
        "folder": cache.path + ("" if cache.exists else " (does not exist yet)"),
        "state": state + (", others can write into it" if cache.private is False else ""),
        "free": format_bytes(cache.free_bytes),
    }

"""Core's own health checks: the installation, the plugins, the backends, the cache folder."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from inference_models_core.types.health import CheckResult, HealthCheck, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from inference_models_core.plugins.records import PluginRecord

_MODULE = "inference_models_core.builtin.checks"

HEALTH_CHECKS = (
    HealthCheck(name="python", summary="Python is one that runtimes are built for", check=f"{_MODULE}:python"),
    HealthCheck(name="plugins", summary="every installed plugin works", check=f"{_MODULE}:plugins"),
    HealthCheck(
        name="backends", summary="at least one backend can be used, and as it could be", check=f"{_MODULE}:backends"
    ),
    HealthCheck(name="files", summary="no distribution overwrites another's files", check=f"{_MODULE}:files"),
    HealthCheck(name="rival", summary="no other project's package under a similar name", check=f"{_MODULE}:rival"),
    HealthCheck(name="cache", summary="the cache folder is writable and private", check=f"{_MODULE}:cache"),
    HealthCheck(name="disk", summary="the cache folder's disk has room", check=f"{_MODULE}:disk"),
)

LITTLE_SPACE = 2 * 1000**3
"""Bytes under which the next larger model may not fit."""
NO_SPACE = 100 * 1000**2
"""Bytes under which hardly any model fits."""


def python() -> CheckResult:
    """Runtimes are built for 64-bit CPython."""
    name, bits = platform.python_implementation(), 64 if sys.maxsize > 2**32 else 32
    found = f"{bits}-bit {name} {platform.python_version()}"
    if (name, bits) == ("CPython", 64):
        return CheckResult(verdict=Verdict.OK, message=found)
    return CheckResult(verdict=Verdict.WARNING, message=f"{found}: most runtimes are built for 64-bit CPython only")


def plugins() -> CheckResult:
    """Plugins are active or switched off on purpose, the required ones are active, and none did anything wrong."""
    from inference_models_core.errors import RequiredPluginMissingError
    from inference_models_core.plugins.host import get_host

    host = get_host()
    try:
        host.require_plugins()
    except RequiredPluginMissingError as error:
        return CheckResult(verdict=Verdict.FAILED, message=error.message, fix=error.hint)
    return judge_plugins(host.records())


def judge_plugins(records: Collection[PluginRecord]) -> CheckResult:
    """What the records of a host say about its health."""
    from inference_models_core.plugins.records import Status

    bad = [record for record in records if record.status not in (Status.ACTIVE, Status.BLOCKED)]
    if bad:
        fixes = " && ".join(dict.fromkeys(record.fix for record in bad if record.fix))
        return CheckResult(verdict=Verdict.FAILED, message="; ".join(map(str, bad)), fix=fixes)
    warned = [f"plugin {record.identity}: {warning}" for record in records for warning in record.warnings]
    if warned:
        return CheckResult(verdict=Verdict.WARNING, message="; ".join(warned))
    return CheckResult(verdict=Verdict.OK, message=f"{sum(record.active for record in records)} active")


def backends() -> CheckResult:
    """Some backend can be used, and none is worse than it could be."""
    from inference_models_core.plugins.host import get_host
    from inference_models_core.types.backends import Availability

    host = get_host()
    reports = host.detect(spec.name for spec, _ in host.backends())
    usable = [report for report in reports.values() if report.usable]
    if not usable:
        return _no_backend(reports)
    degraded = [report for report in usable if report.availability is Availability.DEGRADED]
    if degraded:
        reasons = "; ".join(f"{report.backend}: {report.reason}" for report in degraded)
        return CheckResult(verdict=Verdict.WARNING, message=reasons, fix=degraded[0].fix)
    return CheckResult(verdict=Verdict.OK, message=", ".join(report.backend for report in usable))


def _no_backend(reports: Mapping[str, object]) -> CheckResult:
    why = f"none of {', '.join(reports)} can be used" if reports else "no installed plugin brings one"
    return CheckResult(
        verdict=Verdict.FAILED,
        message=f"no model can be loaded: {why}",
        fix='pip install "inference-models-core[onnx]"' if not reports else "",
    )


def files() -> CheckResult:
    """Builds of one runtime (CPU and GPU, with and without a window) share a module and overwrite each other."""
    from inference_models_core.builtin.overwritten import overwritten_modules
    from inference_models_core.plugins.distributions import Environment

    modules = overwritten_modules(Environment().distributions.values())
    if not modules:
        return CheckResult(verdict=Verdict.OK, message="none does")
    sentences = [f"{' and '.join(owners)} overwrite each other's module {module}" for module, owners in modules.items()]
    names = " ".join(sorted({owner for owners in modules.values() for owner in owners}))
    return CheckResult(
        verdict=Verdict.WARNING,
        message="; ".join(sentences),
        fix=f"pip uninstall -y {names}   # then install again only the one you need of each",
    )


def rival() -> CheckResult:
    """The import name ``inference_models`` belongs to another project on the package index."""
    from inference_models_core.plugins.host import get_host
    from inference_models_core.reports.runtime import RIVAL, rival_text

    version = get_host().installed_version(RIVAL)
    if version is None:
        return CheckResult(verdict=Verdict.OK, message="not installed")
    return CheckResult(verdict=Verdict.WARNING, message=rival_text(version), fix=f"pip uninstall {RIVAL}")


def cache() -> CheckResult:
    """Downloads can be written, and nobody else can change them."""
    from inference_models_core.reports.storage import cache_facts

    facts = cache_facts()
    if not facts.writable:
        return CheckResult(verdict=Verdict.FAILED, message=f"{facts.path} cannot be written")
    if facts.private is False:
        message = f"others can write into {facts.path}, and so change what you run"
        return CheckResult(verdict=Verdict.WARNING, message=message, fix=f"chmod go-w {facts.path}")
    return CheckResult(verdict=Verdict.OK, message=facts.path)


def disk() -> CheckResult:
    """There is room for a model."""
    from inference_models_core.reports.storage import cache_facts
    from inference_models_core.reports.units import format_bytes

    facts = cache_facts()
    message = f"{format_bytes(facts.free_bytes)} free for {facts.path}"
    if facts.free_bytes < NO_SPACE:
        return CheckResult(verdict=Verdict.FAILED, message=message)
    return CheckResult(verdict=Verdict.WARNING if facts.free_bytes < LITTLE_SPACE else Verdict.OK, message=message)

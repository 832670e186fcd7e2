"""The runtime report with the outcome of every health check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.plugins.calls import error_text, guarded
from inference_models_core.plugins.limits import run_within
from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.runtime import RuntimeReport, runtime_report
from inference_models_core.reports.units import plural
from inference_models_core.types.health import CheckResult, HealthCheck, Verdict

if TYPE_CHECKING:
    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.types.plugins import PluginIdentity

TIME_LIMIT = 30.0
"""Seconds that one check may take."""
_TONES = {Verdict.OK: Tone.GOOD, Verdict.WARNING: Tone.WARNING, Verdict.FAILED: Tone.BAD}


@attrs.frozen(kw_only=True)
class CheckOutcome:
    """A health check and what it found.

    Attributes:
        check: The check.
        plugin: Who brings it.
        result: What it found; a check that raises has failed.
    """

    check: HealthCheck
    plugin: PluginIdentity
    result: CheckResult

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.check.name,
            "summary": self.check.summary,
            "plugin": self.plugin.name,
            "verdict": self.result.verdict.value,
            "message": self.result.message,
            "fix": self.result.fix,
        }


@attrs.frozen(kw_only=True)
class DoctorReport(Report):
    """Everything that a bug report needs.

    Attributes:
        runtime: The machine and what is installed.
        outcomes: Every health check with its result.
    """

    runtime: RuntimeReport
    outcomes: tuple[CheckOutcome, ...]

    @property
    def failed(self) -> bool:
        """Whether any check failed; warnings do not count."""
        return any(outcome.result.verdict is Verdict.FAILED for outcome in self.outcomes)

    def document(self) -> Document:
        """The runtime report, then the checks, then one line that sums them up."""
        runtime = self.runtime.document()
        checks = Table(
            title="Health checks", columns=("check", "", "what"), rows=map(_row, self.outcomes), empty="none"
        )
        return attrs.evolve(runtime, parts=[*runtime.parts, checks, self._verdict()])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {
            **self.runtime.to_dict(),
            "checks": [outcome.to_dict() for outcome in self.outcomes],
            "failed": self.failed,
        }

    def _verdict(self) -> Note:
        verdicts = [outcome.result.verdict for outcome in self.outcomes]
        failed, warned = verdicts.count(Verdict.FAILED), verdicts.count(Verdict.WARNING)
        if failed:
            return Note(f"{plural(failed, 'check')} failed, {plural(warned, 'warning')}", tone=Tone.BAD)
        if warned:
            return Note(f"no check failed, {plural(warned, 'warning')}")
        return Note("everything is in order", tone=Tone.GOOD)


def doctor_report(host: PluginHost) -> DoctorReport:
    """Runs every health check, then looks at this machine: what a check provokes is in the report."""
    outcomes = tuple(
        CheckOutcome(check=check, plugin=plugin, result=run(check)) for check, plugin in host.health_checks()
    )
    return DoctorReport(runtime=runtime_report(host), outcomes=outcomes)


def run(check: HealthCheck) -> CheckResult:
    """Runs one check; one that raises, hangs, ends the process or answers with something else has failed."""
    outcome = guarded(lambda: run_within(TIME_LIMIT, lambda: check.check.load()()))
    if outcome.error is not None:
        return CheckResult(verdict=Verdict.FAILED, message=f"the check itself failed: {error_text(outcome.error)}")
    if not isinstance(outcome.value, CheckResult):
        what = type(outcome.value).__name__
        return CheckResult(verdict=Verdict.FAILED, message=f"the check itself failed: it returned {what}")
    return outcome.value


def _row(outcome: CheckOutcome) -> Row:
    result = outcome.result
    verdict = Cell(result.verdict.value, tone=_TONES[result.verdict])
    tone = Tone.DIM if result.verdict is Verdict.OK else Tone.PLAIN
    return Row((outcome.check.name, verdict, outcome.check.summary), Note(result.message, fix=result.fix, tone=tone))

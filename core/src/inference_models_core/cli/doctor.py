"""``inference-models doctor``."""

from __future__ import annotations

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.output import emit_report


@command("doctor")
def doctor(*, as_json: bool) -> None:
    """Check this machine and the installation.

    Describes both and runs every health check that a plugin brings. Exit code 1 if one fails; warnings do not count.
    With --json, what a bug report needs.
    """
    from inference_models_core.plugins.host import get_host
    from inference_models_core.reports.doctor import doctor_report

    report = doctor_report(get_host())
    emit_report(report, as_json=as_json)
    if report.failed:
        click.get_current_context().exit(1)

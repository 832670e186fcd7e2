"""``inference-models pull``."""

from __future__ import annotations

from typing import Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import load_options
from inference_models_core.cli.output import emit_report


@command("pull")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--all-packages", is_flag=True, help="Every package, also those that this machine cannot run.")
@load_options
def pull(models: tuple[str, ...], *, all_packages: bool, as_json: bool, **load: Any) -> None:
    """Fetch models into the cache.

    Fetches the package of each MODEL that would be used here, and the models that it needs. What is in the cache and
    right already is not fetched again.
    """
    from inference_models_core.cli.pulling import pull_models
    from inference_models_core.reports.pulled import PulledReport, pulled_row

    pulled = pull_models(models, load, as_json=as_json, all_packages=all_packages)
    emit_report(PulledReport(packages=map(pulled_row, pulled)), as_json=as_json)

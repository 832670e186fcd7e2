"""``inference-models plan``."""

from __future__ import annotations

from typing import Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import load_arguments, load_options
from inference_models_core.cli.output import emit_report


@command("plan")
@click.argument("model")
@load_options
def plan(model: str, *, as_json: bool, **load: Any) -> None:
    """Show which package would be used, and why.

    Lists every package of MODEL: those that can run here, best first, and for each of the others the reason and what
    would change it. Downloads nothing. Exit code 1 if none can run.
    """
    from inference_models_core.auto_model import AutoModel

    negotiation = AutoModel.plan(model, **load_arguments(load))
    emit_report(negotiation, as_json=as_json)
    if negotiation.best is None:
        click.get_current_context().exit(1)

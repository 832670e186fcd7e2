"""``inference-models describe``."""

from __future__ import annotations

from typing import Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import load_arguments, load_options
from inference_models_core.cli.output import emit_report


@command("describe")
@click.argument("model", required=False)
@load_options
def describe(model: str | None, *, as_json: bool, **load: Any) -> None:
    """Describe a model, or this machine.

    With MODEL, what its provider says about it and its packages; without, this machine and what is installed on it.
    """
    from inference_models_core.auto_model import AutoModel

    if model is None:
        emit_report(AutoModel.describe_runtime(), as_json=as_json)
    else:
        emit_report(AutoModel.describe_model(model, **load_arguments(load)), as_json=as_json)

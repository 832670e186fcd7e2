"""``inference-models verify``."""

from __future__ import annotations

from typing import Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import key_value, load_arguments, load_options
from inference_models_core.cli.output import emit_report


def _limit(given: str) -> tuple[str, float]:
    name, limit = key_value(given)
    from inference_models_core.negotiation.tolerance import FIGURES

    if name not in FIGURES:
        raise click.BadParameter(f"{name!r} is none of {', '.join(FIGURES)}")
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit >= 0:
        raise click.BadParameter(f"{given!r} gives no number from 0 on")
    return name, float(limit)


@command("verify")
@click.argument("model")
@click.option("--reference", metavar="ID", help="Package to compare with; else the first in full precision.")
@click.option(
    "--pictures", type=click.IntRange(1, 256), default=8, show_default=True, help="How many pictures to compare on."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the pictures.")
@click.option(
    "--tolerance", multiple=True, type=_limit, metavar="FIGURE=LIMIT", help="Allow more or less; may be repeated."
)
@load_options
def verify(
    model: str,
    *,
    reference: str | None,
    pictures: int,
    seed: int,
    tolerance: tuple[tuple[str, float], ...],
    as_json: bool,
    **load: Any,
) -> None:
    """Compare the packages of a model with each other.

    Runs every package of MODEL that can run here on the same generated pictures, prints how far their answers are from
    those of one of them, and keeps the figures in the cache: later loads put packages beyond the tolerance last.
    Fetches what is missing. Exit code 1 if a package is beyond the tolerance or could not be run.
    """
    import attrs

    from inference_models_core.auto_model import load_request
    from inference_models_core.reports.verified import VerifiedReport
    from inference_models_core.verification.verify import verify_model

    request = load_request(model, **load_arguments(load))
    request = attrs.evolve(request, options=attrs.evolve(request.options, tolerance=dict(tolerance)))
    found = verify_model(request, reference=reference, pictures=pictures, seed=seed)
    emit_report(VerifiedReport(model=found), as_json=as_json)
    if not found.agrees:
        click.get_current_context().exit(1)

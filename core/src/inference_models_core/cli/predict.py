"""``inference-models predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import key_value, load_arguments, load_options

_DEFAULT_FOLDER = "predictions"


def _confidence(given: str) -> float | str:
    if given in ("best", "default"):
        return given
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise click.BadParameter(f"{given!r} is neither a number from 0 to 1 nor best or default")
    return number


@command("predict")
@click.argument("model")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--confidence",
    type=_confidence,
    metavar="F|best|default",
    help="Least score; best and default are the model's own thresholds.",
)
@click.option("--output", type=click.Path(file_okay=False), help=f"Folder for annotated pictures  [{_DEFAULT_FOLDER}]")
@click.option("--save/--no-save", default=None, help="Whether to write annotated pictures; by default not with --json.")
@click.option("--jsonl", metavar="FILE|-", help="Write one JSON line per picture; - is standard output.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Pictures per call.")
@click.option("--recursive", is_flag=True, help="Descend into the folders of folders.")
@click.option(
    "--option",
    "options",
    multiple=True,
    type=key_value,
    metavar="KEY=VALUE",
    help="Argument of the call; may be repeated.",
)
@click.option("--allow-url-input", is_flag=True, help="Fetch pictures from URLs.")
@load_options
def predict(
    model: str,
    sources: tuple[str, ...],
    *,
    confidence: float | str | None,
    output: str | None,
    save: bool | None,
    jsonl: str | None,
    batch: int,
    recursive: bool,
    options: tuple[tuple[str, Any], ...],
    as_json: bool,
    **load: Any,
) -> None:
    """Predict with MODEL on pictures.

    SOURCE is a file, a folder, a pattern such as "street/*.jpg", or a URL. Prints one line per picture and writes
    annotated copies; files that exist are never overwritten. A broken picture is reported, the others go on, and the
    exit code is 1 at the end.
    """
    if as_json and jsonl == "-":
        raise click.UsageError("--json and --jsonl - both write to standard output")
    wanted = save if save is not None else output is not None or not (as_json or jsonl)
    from inference_models_core.cli.predict_job import PredictJob

    job = PredictJob(
        model=model,
        load=load_arguments(load),
        sources=sources,
        arguments=dict(options) if confidence is None else {**dict(options), "confidence": confidence},
        batch=batch,
        recursive=recursive,
        output=Path(output or _DEFAULT_FOLDER) if wanted else None,
        lines=jsonl,
        as_json=as_json,
    )
    if not job.run():
        click.get_current_context().exit(1)

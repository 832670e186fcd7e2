"""``inference-models predict``."""

from __future__ import annotations

import contextlib
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs
import click

from inference_models_core.cli.base import command
from inference_models_core.cli.load_options import key_value, load_arguments, load_options
from inference_models_core.cli.output import echo_note
from inference_models_core.cli.prediction import Failed, Predicted, predict_all
from inference_models_core.cli.progress import progress
from inference_models_core.cli.sinks import JsonDocument, PictureFolder, echo_outcome, open_lines, write_line
from inference_models_core.cli.sources import find_pictures
from inference_models_core.errors import InputError
from inference_models_core.reports.units import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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


@attrs.frozen(kw_only=True)
class _Sinks:
    """Where each outcome goes."""

    folder: PictureFolder | None
    lines: TextIO | None
    document: JsonDocument | None
    results_to_stdout: bool

    def take(self, outcome: Predicted | Failed) -> Predicted | Failed:
        """Writes an outcome everywhere; returns it, or a failure if it could not be drawn."""
        saved = None
        if self.folder is not None and isinstance(outcome, Predicted):
            try:
                saved = self.folder.write(outcome)
            except InputError as error:
                outcome = Failed(outcome.source, error)
        if self.lines is not None:
            write_line(self.lines, outcome, saved)
        if self.document is not None:
            self.document.add(outcome, saved)
        else:
            echo_outcome(outcome, saved, results_to_stdout=self.results_to_stdout)
        return outcome


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
    folder = PictureFolder(Path(output or _DEFAULT_FOLDER)) if wanted else None
    pictures = functools.partial(find_pictures, sources, recursive=recursive, skip=folder.folder if folder else None)
    arguments = dict(options) if confidence is None else {**dict(options), "confidence": confidence}
    with contextlib.ExitStack() as stack:
        outcomes = predict_all(lambda: _load(stack, model, load, arguments), pictures(), batch)
        document = stack.enter_context(JsonDocument()) if as_json else None
        lines = stack.enter_context(open_lines(jsonl))
        sinks = _Sinks(folder=folder, lines=lines, document=document, results_to_stdout=jsonl != "-")
        advance = stack.enter_context(progress("pictures", lambda: sum(1 for _ in pictures())))
        _finish(_take_all(outcomes, sinks, advance), sinks)


def _load(
    stack: contextlib.ExitStack, model: str, load: dict[str, Any], arguments: Mapping[str, Any]
) -> Callable[[Any], Any]:
    from inference_models_core.auto_model import AutoModel

    loaded = AutoModel.from_pretrained(model, **load_arguments(load))
    if hasattr(loaded, "close"):
        stack.callback(loaded.close)
    return functools.partial(loaded if callable(loaded) else loaded.infer, **arguments)


@attrs.frozen
class _Totals:
    pictures: int
    failed: int
    seconds: float


def _take_all(outcomes: Iterable[Predicted | Failed], sinks: _Sinks, advance: Callable[[], None]) -> _Totals:
    started, taken, failed = time.perf_counter(), 0, 0
    for outcome in outcomes:
        taken += 1
        failed += isinstance(sinks.take(outcome), Failed)
        advance()
    return _Totals(taken, failed, time.perf_counter() - started)


def _finish(totals: _Totals, sinks: _Sinks) -> None:
    if sinks.document is not None:
        sinks.document.close(pictures=totals.pictures, failed=totals.failed, seconds=round(totals.seconds, 3))
    echo_note("; ".join(_closing_words(totals, sinks.folder)))
    if totals.failed:
        click.get_current_context().exit(1)


def _closing_words(totals: _Totals, folder: PictureFolder | None) -> Iterator[str]:
    yield f"{plural(totals.pictures, 'picture')} in {totals.seconds:.1f} s"
    if totals.failed:
        yield f"{totals.failed} failed"
    if folder is not None and folder.written:
        yield f"annotated copies in {folder.folder}"
    elif folder is not None and totals.pictures > totals.failed:
        yield "this model's results cannot be drawn, so nothing was saved"

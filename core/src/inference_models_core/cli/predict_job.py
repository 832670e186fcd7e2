"""One run of ``predict``: the model, the loop, and where its outcomes go."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any, TextIO

import attrs

from inference_models_core.cli.output import echo_note
from inference_models_core.cli.prediction import Failed, Predicted, predict_all
from inference_models_core.cli.progress import progress
from inference_models_core.cli.sinks import JsonDocument, PictureFolder, echo_outcome, open_lines, write_line
from inference_models_core.cli.sources import find_pictures
from inference_models_core.errors import InputError
from inference_models_core.reports.units import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


@attrs.frozen(kw_only=True)
class PredictJob:
    """What the user asked for.

    Attributes:
        model: Reference of the model.
        load: Arguments of ``AutoModel.from_pretrained``.
        sources: Files, folders, patterns, URLs.
        arguments: Arguments of each prediction call.
        batch: Pictures per call.
        recursive: Whether to descend into the folders of folders.
        output: Folder for annotated copies; ``None`` to write none.
        lines: Where JSON lines go: a file, ``"-"`` for standard output, ``None`` for nowhere.
        as_json: Whether to print one JSON document instead of lines for people.
    """

    model: str
    load: Mapping[str, Any]
    sources: tuple[str, ...]
    arguments: Mapping[str, Any]
    batch: int
    recursive: bool
    output: Path | None
    lines: str | None
    as_json: bool

    def run(self) -> bool:
        """Does it.

        Returns:
            Whether every picture went well.

        Raises:
            InferenceModelsError: What is no single picture's fault.
        """
        pictures = functools.partial(find_pictures, self.sources, recursive=self.recursive, skip=self.output)
        with contextlib.ExitStack() as stack:
            document = stack.enter_context(JsonDocument()) if self.as_json else None
            sinks = _Sinks(
                folder=PictureFolder(self.output) if self.output else None,
                lines=stack.enter_context(open_lines(self.lines)),
                document=document,
                results_to_stdout=self.lines != "-",
            )
            outcomes = predict_all(functools.partial(self._load, stack), pictures(), self.batch)
            as_json = self.as_json or self.lines == "-"
            with progress("pictures", lambda: sum(1 for _ in pictures()), json_to_stdout=as_json) as advance:
                totals = _take_all(outcomes, sinks, advance)
            _finish(totals, sinks)
        return not totals.failed

    def _load(self, stack: contextlib.ExitStack) -> Callable[[Any], Any]:
        from inference_models_core.auto_model import AutoModel

        loaded = AutoModel.from_pretrained(self.model, **self.load)
        if hasattr(loaded, "close"):
            stack.callback(loaded.close)
        return functools.partial(loaded if callable(loaded) else loaded.infer, **self.arguments)


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


def _closing_words(totals: _Totals, folder: PictureFolder | None) -> Iterator[str]:
    yield f"{plural(totals.pictures, 'picture')} in {totals.seconds:.1f} s"
    if totals.failed:
        yield f"{totals.failed} failed"
    if folder is not None and folder.written:
        yield f"annotated copies in {folder.folder}"
    elif folder is not None and totals.pictures > totals.failed:
        yield "this model's results cannot be drawn, so nothing was saved"

"""Where predictions go: annotated pictures, JSON lines, one JSON document, lines for people."""

from __future__ import annotations

import contextlib
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from inference_models_core.cli.failures import error_dict
from inference_models_core.cli.output import colours, echo_error, json_text
from inference_models_core.cli.prediction import Failed, Predicted
from inference_models_core.reports.document import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

_WRITABLE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


class PictureFolder:
    """Writes annotated pictures; never over a file that exists.

    Args:
        folder: Where to; created when the first picture is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def write(self, outcome: Predicted) -> Path | None:
        """Writes one annotated picture.

        Returns:
            Its path; ``None`` for a result that cannot be drawn.
        """
        if not hasattr(outcome.result, "plot"):
            return None
        target = free_path(self.folder / _with_writable_suffix(outcome.source.place))
        drawn = outcome.result.plot()
        target.parent.mkdir(parents=True, exist_ok=True)
        drawn.save(target)
        self.written += 1
        return target


def free_path(wanted: Path) -> Path:
    """The path, or the first of ``name-1``, ``name-2``, ... that does not exist: a picture is never overwritten."""
    if not wanted.exists():
        return wanted
    numbered = (wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}") for number in itertools.count(1))
    return next(path for path in numbered if not path.exists())


def _with_writable_suffix(place: Path) -> Path:
    return place if place.suffix.lower() in _WRITABLE_SUFFIXES else place.with_name(f"{place.name}.png")


def outcome_dict(outcome: Predicted | Failed, saved: Path | None = None) -> dict[str, Any]:
    """An outcome as plain values: ``source`` with ``predictions``, or with ``error``."""
    if isinstance(outcome, Failed):
        return {"source": str(outcome.source), "error": error_dict(outcome.error)}
    fields = {"source": str(outcome.source), "predictions": plain_result(outcome.result)}
    return {**fields, "annotated": str(saved)} if saved else fields


def plain_result(result: Any) -> Any:
    """What a model answered, as plain values where it can say so itself."""
    return result.to_dict() if hasattr(result, "to_dict") else result


@contextlib.contextmanager
def open_lines(target: str | None) -> Iterator[TextIO | None]:
    """The stream for JSON lines: a file, standard output for ``-``, or ``None``."""
    if target is None:
        yield None
    elif target == "-":
        yield sys.stdout
    else:
        with Path(target).open("w", encoding="utf-8") as file:
            yield file


def write_line(stream: TextIO, outcome: Predicted | Failed, saved: Path | None) -> None:
    """Writes one JSON line, at once: a reader at the other end of a pipe need not wait."""
    stream.write(json_text(outcome_dict(outcome, saved)) + "\n")
    stream.flush()


class JsonDocument:
    """One JSON document, written while it grows: ``{"results": [...], "pictures": n, "failed": n}``.

    What ends the work early is in it as ``error``.
    """

    def __init__(self) -> None:
        self._started = False

    def add(self, outcome: Predicted | Failed, saved: Path | None) -> None:
        """Writes one result."""
        click.echo((",\n" if self._started else '{"results": [\n') + json_text(outcome_dict(outcome, saved)), nl=False)
        self._started = True

    def close(self, **fields: Any) -> None:
        """Writes the end, with further fields."""
        click.echo(("\n" if self._started else '{"results": [') + f"], {json_text(fields)[1:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and self._started:
            self.close(error=error_dict(error))
            raise click.exceptions.Exit(1) from error


def echo_outcome(outcome: Predicted | Failed, saved: Path | None, *, results_to_stdout: bool) -> None:
    """One line for people: what was found and how long it took; failures go to standard error."""
    if isinstance(outcome, Failed):
        fields = error_dict(outcome.error)
        echo_error(_naming(str(outcome.source), fields["message"]), fields["hint"])
        return
    parts = [one_line(outcome.source), summary(outcome.result), f"{outcome.milliseconds:.1f} ms"]
    arrow = f"  -> {one_line(saved)}" if saved else ""
    stream = sys.stdout if results_to_stdout else sys.stderr
    click.echo("  ".join(parts) + arrow, file=stream, color=colours())


def _naming(source: str, message: str) -> str:
    return message if message.startswith(source) else f"{source}: {message}"


def summary(result: Any) -> str:
    """A result in a few words, or in its own plain values where it has no summary."""
    if hasattr(result, "summary"):
        return one_line(result.summary())
    if hasattr(result, "to_dict"):
        return json_text(result.to_dict())
    return one_line(result)

"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from inference_models_core.errors import printable

if TYPE_CHECKING:
    from inference_models_core.reports.document import Report
    from inference_models_core.types.negotiation import Negotiation


def colours() -> bool | None:
    """``False`` where the user wants none (``NO_COLOR``), else ``None``: click decides by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON in ASCII, which no terminal and no encoding can misread; what JSON lacks becomes ``null``."""
    import json

    try:
        return json.dumps(value, indent=indent, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_without_nan(value), indent=indent, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    """What the encoder does not know: arrays and numpy numbers as numbers, anything else as its text."""
    return _without_nan(value.tolist()) if hasattr(value, "tolist") else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not -sys.float_info.max <= value <= sys.float_info.max else value


def emit_json(value: Any) -> None:
    """Prints a value as JSON."""
    click.echo(json_text(value, indent=2))


def emit_report(report: Report | Negotiation, *, as_json: bool) -> None:
    """Prints a report: as JSON, in colours and the terminal's width where there is one, else as plain text."""
    if as_json:
        emit_json(report.to_dict())
    elif sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(report, soft_wrap=True)
    else:
        click.echo(str(report))


def echo_error(message: str, hint: str = "") -> None:
    """Prints an error on standard error."""
    _echo_labelled("error", "red", message)
    if hint:
        _echo_labelled("hint", "cyan", hint)


def echo_log(label: str, message: str) -> None:
    """Prints a log line on standard error."""
    _echo_labelled(label, {"warning": "yellow", "error": "red"}.get(label, "bright_black"), message)


def echo_note(message: str) -> None:
    """Prints what is worth knowing but is not a result, on standard error."""
    _echo_to_stderr(printable(message))


def _echo_labelled(label: str, colour: str, message: str) -> None:
    _echo_to_stderr(click.style(f"{label}: ", fg=colour, bold=True) + printable(message))


def _echo_to_stderr(text: str) -> None:
    # The stream by name: asked for "standard error", click goes round the progress bar that has put itself in between.
    click.echo(text, file=sys.stderr, color=colours())

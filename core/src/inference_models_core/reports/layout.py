"""Documents as lines with aligned columns: what plain text and coloured terminals have in common."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from inference_models_core.reports.document import Cell, Document, Note, Row, Table, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Line: TypeAlias = "tuple[tuple[str, Tone], ...]"
"""Pieces of text with what they mean; nothing follows the last visible character."""

_INDENT = "  "
_NOTE_INDENT = "      "
_GAP = "  "
_NARROWEST = 40


def lay_out(document: Document, width: int) -> Iterator[Line]:
    """Puts a document on lines.

    Args:
        document: What to show.
        width: Characters per line that running text is wrapped to. Rows and fixes are never wrapped: a row that is
            too long stays one row, and a command can be copied.

    Yields:
        Lines without line breaks; parts are separated by empty ones.
    """
    blocks: list[Iterator[Line]] = [iter([((document.title, Tone.STRONG),)])] if document.title else []
    blocks += [_part(part, width) for part in document.shown]
    for index, block in enumerate(blocks):
        if index:
            yield ()
        yield from block


def _part(part: Table | Note, width: int) -> Iterator[Line]:
    return _table(part, width) if isinstance(part, Table) else _note(part, "", width)


def _table(table: Table, width: int) -> Iterator[Line]:
    if table.title:
        yield ((table.title, Tone.STRONG),)
    if not table.rows:
        yield ((_INDENT + table.empty, Tone.DIM),)
        return
    headings = [Cell(heading, tone=Tone.DIM) for heading in table.columns]
    lines = [*([headings] if any(table.columns) else []), *(row.cells for row in table.rows)]
    widths = [max(display_width(cell.text) for cell in column) for column in zip(*lines, strict=True)]
    if any(table.columns):
        yield _cells(headings, widths)
    for row in table.rows:
        yield from _row(row, widths, width)


def _row(row: Row, widths: Sequence[int], width: int) -> Iterator[Line]:
    yield _cells(row.cells, widths)
    if row.note:
        yield from _note(row.note, _NOTE_INDENT, width)


def _cells(cells: Sequence[Cell], widths: Sequence[int]) -> Line:
    last = max((index for index, cell in enumerate(cells) if cell.text), default=-1)
    line: list[tuple[str, Tone]] = []
    for index, cell in enumerate(cells[: last + 1]):
        padding = "" if index == last else " " * (widths[index] - display_width(cell.text))
        line += [(_GAP if index else _INDENT, Tone.PLAIN), (cell.text, cell.tone), (padding, Tone.PLAIN)]
    return tuple(line)


def _note(note: Note, indent: str, width: int) -> Iterator[Line]:
    room = max(_NARROWEST, width - len(indent))
    for index, text in enumerate(_wrap(note.label + note.text, room) if note.text else ()):
        label = "" if index else note.label
        tone = Tone.PLAIN if note.label else note.tone
        yield ((indent, Tone.PLAIN), (label, note.tone), (text[len(label) :], tone))
    if note.fix:
        yield ((f"{indent}fix: ", Tone.DIM), (note.fix, Tone.FIX))


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def display_width(text: str) -> int:
    """Terminal columns that a text takes: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

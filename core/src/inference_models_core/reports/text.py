"""Documents as plain text with aligned columns, for files, pipes and ``print``."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

from inference_models_core.reports.document import Cell, Document, Note, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 110
"""Columns that text is wrapped to; a command is never wrapped."""
_NARROWEST = 40
_INDENT = "  "
_GAP = "  "


def document_text(document: Document, width: int = WIDTH) -> str:
    """Renders a document.

    Args:
        document: What to show.
        width: Characters per line that running text is wrapped to.

    Returns:
        Lines without trailing blanks and without a line break at the end.
    """
    blocks = [[document.title]] if document.title else []
    blocks += [list(_part_lines(part, width)) for part in document.shown]
    return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in blocks)


def _part_lines(part: Table | Note, width: int) -> Iterator[str]:
    if isinstance(part, Table):
        return _table_lines(part, width)
    return iter(_wrap(f"{part.label}{part.text}", width) + _fix_lines(part.fix))


def _table_lines(table: Table, width: int) -> Iterator[str]:
    if table.title:
        yield table.title
    if not table.rows:
        yield _INDENT + table.empty
        return
    widths = [max(display_width(line) for line in column) for column in _columns(table)]
    if any(table.columns):
        yield _line(table.columns, widths)
    room = max(_NARROWEST, width - len(_INDENT) - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1))
    for row in table.rows:
        yield from _row_lines(row, widths, room)


def _columns(table: Table) -> Iterator[list[str]]:
    for index, heading in enumerate(table.columns):
        yield [heading, *(row[index].text for row in table.rows)]


def _row_lines(row: Sequence[Cell], widths: Sequence[int], room: int) -> Iterator[str]:
    texts = [cell.text for cell in row]
    first, *others = _wrap(texts[-1], room) or [""]
    # Fixes of any cell stand under the last column: that is where reasons are, and nothing to their right is pushed.
    others += [line for cell in row for line in _fix_lines(cell.fix)]
    yield _line([*texts[:-1], first], widths)
    for other in others:
        yield _line([""] * (len(row) - 1) + [other], widths)


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [text + " " * (width - display_width(text)) for text, width in zip(texts, widths, strict=True)]
    return _INDENT + _GAP.join(padded)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _fix_lines(fix: str) -> list[str]:
    return [f"fix: {fix}"] if fix else []


def display_width(text: str) -> int:
    """Terminal columns that a text takes: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

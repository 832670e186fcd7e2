"""Documents for rich consoles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from inference_models_core.reports.document import Cell, Document, Note, Table, Tone

if TYPE_CHECKING:
    from rich.console import RenderableType

# Text objects, never markup: what stands in metadata must not be read as style.
_STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.DIM: "dim",
    Tone.STRONG: "bold",
}


def document_renderable(document: Document) -> RenderableType:
    """Renders a document as something that a rich console prints."""
    blocks: list[RenderableType] = [Text(document.title, style="bold")] if document.title else []
    for part in document.shown:
        if blocks:
            blocks.append(Text(""))
        blocks.extend([_note(part)] if isinstance(part, Note) else _table(part))
    return Group(*blocks)


def _note(note: Note) -> Text:
    text = Text.assemble((note.label, _STYLES[note.tone]), note.text)
    return _with_fix(text, note.fix)


def _table(table: Table) -> list[RenderableType]:
    title = [Text(table.title, style="bold")] if table.title else []
    if not table.rows:
        return [*title, Text(f"  {table.empty}", style="dim")]
    shown = RichTable(box=None, show_header=any(table.columns), header_style="dim", padding=(0, 0, 0, 2))
    for heading in table.columns:
        shown.add_column(Text(heading), overflow="fold")
    for row in table.rows:
        shown.add_row(*map(_cell, row))
    return [*title, shown]


def _cell(cell: Cell) -> Text:
    return _with_fix(Text(cell.text, style=_STYLES[cell.tone]), cell.fix)


def _with_fix(text: Text, fix: str) -> Text:
    if not fix:
        return text
    separator = "\n" if text.plain else ""
    return Text.assemble(text, separator, ("fix: ", "dim"), (fix, "cyan"))

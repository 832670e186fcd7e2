"""Documents as HTML fragments for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from inference_models_core.reports.document import Cell, Document, Note, Table, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

_STYLES = {
    Tone.GOOD: "color:#1a7f37",
    Tone.WARNING: "color:#9a6700",
    Tone.BAD: "color:#cf222e",
    Tone.DIM: "opacity:.65",
    Tone.STRONG: "font-weight:bold",
}


def document_html(document: Document) -> str:
    """Renders a document as one ``<div>``; all text is escaped, there are no scripts and no external resources."""
    title = _element("h4", escape(document.title)) if document.title else ""
    parts = [_note(part) if isinstance(part, Note) else _table(part) for part in document.shown]
    return _element("div", title + "".join(parts))


def _note(note: Note) -> str:
    return _element("p", _styled(f"{note.label}{note.text}", note.tone) + _fix(note.fix))


def _table(table: Table) -> str:
    caption = _element("h5", escape(table.title)) if table.title else ""
    if not table.rows:
        return caption + _element("p", _styled(table.empty, Tone.DIM))
    return caption + _element("table", _head(table.columns) + _element("tbody", _join(map(_row, table.rows))))


def _head(columns: Iterable[str]) -> str:
    columns = list(columns)
    if not any(columns):
        return ""
    return _element("thead", _element("tr", _join(_element("th", escape(name), "text-align:left") for name in columns)))


def _row(row: Iterable[Cell]) -> str:
    cells = (_element("td", _styled(cell.text, cell.tone) + _fix(cell.fix), "text-align:left") for cell in row)
    return _element("tr", _join(cells))


def _styled(text: str, tone: Tone) -> str:
    style = _STYLES.get(tone)
    return _element("span", escape(text), style) if style else escape(text)


def _fix(fix: str) -> str:
    return f"<br>fix: {_element('code', escape(fix))}" if fix else ""


def _element(tag: str, content: str, style: str = "") -> str:
    attribute = f' style="{style}"' if style else ""
    return f"<{tag}{attribute}>{content}</{tag}>"


def _join(parts: Iterable[str]) -> str:
    return "".join(parts)

"""Documents as HTML fragments for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from inference_models_core.reports.document import Document, Note, Row, Table, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = {
    Tone.GOOD: "color:#1a7f37",
    Tone.WARNING: "color:#9a6700",
    Tone.BAD: "color:#cf222e",
    Tone.DIM: "opacity:.65",
    Tone.STRONG: "font-weight:bold",
}
_LEFT = "text-align:left"


def document_html(document: Document) -> str:
    """Renders a document as one ``<div>``; all text is escaped, there are no scripts and no external resources."""
    title = _element("h4", escape(document.title)) if document.title else ""
    parts = [_element("p", _content(part)) if isinstance(part, Note) else _table(part) for part in document.shown]
    return _element("div", title + "".join(parts))


def _table(table: Table) -> str:
    caption = _element("h5", escape(table.title)) if table.title else ""
    if not table.rows:
        return caption + _element("p", _styled(table.empty, Tone.DIM))
    return caption + _element("table", _head(table.columns) + _element("tbody", "".join(map(_row, table.rows))))


def _head(columns: Sequence[str]) -> str:
    if not any(columns):
        return ""
    cells = "".join(_element("th", escape(name), _LEFT) for name in columns)
    return _element("thead", _element("tr", cells))


def _row(row: Row) -> str:
    cells = "".join(_element("td", _styled(cell.text, cell.tone), _LEFT) for cell in row.cells)
    below = f'<tr><td colspan="{len(row.cells)}" style="{_LEFT}">{_content(row.note)}</td></tr>' if row.note else ""
    return _element("tr", cells) + below


def _content(note: Note) -> str:
    parts = [_styled(note.label + note.text, note.tone)] if note.text else []
    parts += [f"fix: {_element('code', escape(note.fix))}"] if note.fix else []
    return "<br>".join(parts)


def _styled(text: str, tone: Tone) -> str:
    style = _STYLES.get(tone)
    return _element("span", escape(text), style) if style else escape(text)


def _element(tag: str, content: str, style: str = "") -> str:
    attribute = f' style="{style}"' if style else ""
    return f"<{tag}{attribute}>{content}</{tag}>"

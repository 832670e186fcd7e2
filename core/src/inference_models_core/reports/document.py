"""Tables and notes, before anybody decides how they are shown.

Everything that reaches a report may come from outside: plugin metadata, file names, answers of a server. So text is
made harmless here, once: control characters are written as escapes, and a line stays one line.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tone(enum.Enum):
    """What a piece of text means, for renderers that have colours."""

    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    DIM = "dim"
    STRONG = "strong"
    FIX = "fix"


def one_line(value: object) -> str:
    """A value as harmless text without line breaks; ``None`` is empty, booleans are ``yes`` and ``no``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value).replace("\n", " ").replace("\t", " ")


@attrs.frozen
class Cell:
    """One cell of a table.

    Attributes:
        text: What stands there; short, never wrapped.
        tone: What it means.
    """

    text: str = attrs.field(default="", converter=one_line)
    tone: Tone = attrs.field(default=Tone.PLAIN, kw_only=True)


@attrs.frozen
class Note:
    """A paragraph, alone or below a row of a table.

    Attributes:
        text: One or more sentences; wrapped.
        tone: What it means; warnings and errors are labelled as such, colours or not.
        fix: What would mend it; on a line of its own and never wrapped, so that it can be copied.
    """

    text: str = attrs.field(default="", converter=one_line)
    tone: Tone = attrs.field(default=Tone.PLAIN, kw_only=True)
    fix: str = attrs.field(default="", converter=one_line, kw_only=True)

    @property
    def label(self) -> str:
        """``"warning: "``, ``"error: "`` or nothing."""
        return {Tone.WARNING: "warning: ", Tone.BAD: "error: "}.get(self.tone, "")

    def __bool__(self) -> bool:
        return bool(self.text or self.fix)


def _to_cells(values: Iterable[Any]) -> tuple[Cell, ...]:
    return tuple(value if isinstance(value, Cell) else Cell(value) for value in values)


@attrs.frozen
class Row:
    """One row of a table.

    Attributes:
        cells: One per column; anything that is not a :class:`Cell` becomes one.
        note: What needs more room than a cell: a reason and its fix, shown below the row over the full width.
    """

    cells: tuple[Cell, ...] = attrs.field(converter=_to_cells)
    note: Note = attrs.field(default=Note())


def _to_rows(rows: Iterable[Row | Iterable[Any]]) -> tuple[Row, ...]:
    return tuple(row if isinstance(row, Row) else Row(row) for row in rows)


def _to_columns(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(one_line, columns))


@attrs.frozen(kw_only=True)
class Table:
    """Rows of cells under a title.

    Attributes:
        title: Heading; may be empty.
        columns: Column headings; when all are empty, no heading line is shown.
        rows: Rows with as many cells as there are columns.
        empty: What to say when there are no rows; a table without rows and without this is not shown.
    """

    title: str = attrs.field(default="", converter=one_line)
    columns: tuple[str, ...] = attrs.field(converter=_to_columns)
    rows: tuple[Row, ...] = attrs.field(default=(), converter=_to_rows)
    empty: str = attrs.field(default="", converter=one_line)

    @rows.validator
    def _check(self, _: object, rows: tuple[Row, ...]) -> None:
        if any(len(row.cells) != len(self.columns) for row in rows):
            raise ValueError(f"a row of {self.title!r} does not have {len(self.columns)} cells")

    def without_empty_columns(self) -> Table:
        """The same table without columns in which no row says anything."""
        kept = [index for index in range(len(self.columns)) if any(row.cells[index].text for row in self.rows)]
        return attrs.evolve(
            self,
            columns=[self.columns[index] for index in kept],
            rows=[attrs.evolve(row, cells=[row.cells[index] for index in kept]) for row in self.rows],
        )


def _to_parts(parts: Iterable[Table | Note]) -> tuple[Table | Note, ...]:
    return tuple(parts)


@attrs.frozen(kw_only=True)
class Document:
    """A title and what stands below it, in order.

    Attributes:
        title: Heading.
        parts: Tables and notes; tables that have nothing to say are dropped.
    """

    title: str = attrs.field(default="", converter=one_line)
    parts: tuple[Table | Note, ...] = attrs.field(default=(), converter=_to_parts)

    @property
    def shown(self) -> tuple[Table | Note, ...]:
        """The parts that have something to say, tables without their empty columns."""
        return tuple(
            part.without_empty_columns() if isinstance(part, Table) and part.rows else part
            for part in self.parts
            if isinstance(part, Note) or part.rows or part.empty
        )


class Report:
    """Base of report values: a subclass says what it shows, this class shows it everywhere."""

    __slots__ = ()

    def document(self) -> Document:
        """What the report shows."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        raise NotImplementedError

    def __str__(self) -> str:
        from inference_models_core.reports.text import document_text

        return document_text(self.document())

    def __rich__(self) -> Any:
        from inference_models_core.reports.terminal import DocumentRenderable

        return DocumentRenderable(self.document())

    def _repr_html_(self) -> str:
        from inference_models_core.reports.html import document_html

        return document_html(self.document())

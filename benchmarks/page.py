"""Tables of measured figures in the documentation: only commands write between their markers."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import NamedTuple

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Cells = tuple[str, ...]


class Page(NamedTuple):
    """A page of the documentation with one table.

    Attributes:
        path: The file; it has both markers.
        header: Names of the columns; the first two cells of a row tell it from the others.
    """

    path: Path
    header: Cells

    def write(self, rows: list[Cells], *, all_of_them: bool) -> None:
        """Replaces the table, or only those of its rows that were measured again."""
        rows = rows if all_of_them else _merged(self._written(), rows)
        text = self.path.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        table = f"{BEGIN}\n{_machine()}\n\n{self._markdown(rows)}\n{END}"
        self.path.write_text(before + table + after, encoding="utf-8")

    def _written(self) -> list[Cells]:
        table = self.path.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
        lines = [line for line in table.splitlines() if line.startswith("|")][2:]
        return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]

    def _markdown(self, rows: list[Cells]) -> str:
        lines = [self.header, ("---",) * len(self.header), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _merged(old: list[Cells], new: list[Cells]) -> list[Cells]:
    """The old rows with those that were measured again in their place, and new ones at the end."""
    fresh = {row[:2]: row for row in new}
    kept = [fresh.pop(row[:2], row) for row in old]
    return [*kept, *fresh.values()]


def _machine() -> str:
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"Measured on {today}: {platform.system()} {platform.machine()}, {os.cpu_count()} processors, {python}."

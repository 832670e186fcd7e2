"""Packages that are in the cache now, and what is locked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.document import Cell, Document, Note, Report, Table, Tone
from inference_models_core.reports.units import format_bytes, plural
from inference_models_core.types.converters import to_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.artifacts.pull import PulledPackage

_COLUMNS = ("model", "provider", "package", "backend", "files", "size", "")


@attrs.frozen(kw_only=True)
class PulledRow:
    """One package.

    Attributes:
        model_id: Canonical id of its model.
        provider: Weights provider.
        package_id: The package.
        backend: Its backend.
        directory: Where its files are.
        files: How many there are.
        bytes: Their bytes.
        fetched: Whether anything had to be fetched.
    """

    model_id: str
    provider: str
    package_id: str
    backend: str
    directory: str
    files: int
    bytes: int
    fetched: bool


def pulled_row(pulled: PulledPackage) -> PulledRow:
    """What a report says about a package."""
    return PulledRow(
        model_id=pulled.plan.model_id,
        provider=pulled.plan.found.provider,
        package_id=pulled.package.package_id,
        backend=pulled.package.backend,
        directory=str(pulled.directory),
        files=len(pulled.package.artifacts),
        bytes=pulled.size,
        fetched=pulled.is_new,
    )


@attrs.frozen(kw_only=True)
class PulledReport(Report):
    """Packages, and the lock file they were written to or read from, where one is involved.

    Attributes:
        packages: The packages.
        lockfile: Path of the lock file; empty without one.
        written: Whether the lock file was changed.
        changes: What differed from the lock file, both sides of each.
    """

    packages: tuple[PulledRow, ...] = attrs.field(converter=to_tuple)
    lockfile: str = ""
    written: bool = False
    changes: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)

    def document(self) -> Document:
        """A table of the packages, their sum, and what became of the lock file."""
        rows = map(_row, self.packages)
        table = Table(title="In the cache", columns=_COLUMNS, rows=rows, empty="no package has files of its own")
        return Document(parts=[table, Note(self._sum()), *self._lock_notes()])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        packages = {"packages": [attrs.asdict(row) for row in self.packages]}
        if not self.lockfile:
            return packages
        return {**packages, "lockfile": self.lockfile, "written": self.written, "changes": list(self.changes)}

    def _sum(self) -> str:
        total = sum(row.bytes for row in self.packages)
        return f"{plural(len(self.packages), 'package')}, {format_bytes(total)}" if self.packages else ""

    def _lock_notes(self) -> Iterable[Note]:
        yield from (Note(change, tone=Tone.WARNING) for change in self.changes)
        if self.lockfile:
            yield Note(f"{self.lockfile} {'is written' if self.written else 'stays as it was'}")


def _row(row: PulledRow) -> Iterable[object]:
    state = Cell("fetched", tone=Tone.GOOD) if row.fetched else Cell("was there", tone=Tone.DIM)
    return row.model_id, row.provider, row.package_id, row.backend, row.files, format_bytes(row.bytes), state

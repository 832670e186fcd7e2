"""What the cache holds, and what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.units import format_age, format_bytes, plural
from inference_models_core.types.converters import to_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inference_models_core.store.collect import Collected
    from inference_models_core.store.inventory import CachedPackage, CacheUsage
    from inference_models_core.store.verifying import Verification

_COLUMNS = ("model", "provider", "package", "backend", "size", "last used", "in use")
_UNKNOWN = "(damaged)"


def _package_dict(package: CachedPackage) -> dict[str, Any]:
    return {**attrs.asdict(package), "directory": str(package.directory)}


def _package_cells(package: CachedPackage, now: float) -> Iterable[object]:
    return (
        package.model_id or _UNKNOWN,
        package.provider,
        package.package_id or package.directory.name,
        package.backend,
        format_bytes(package.bytes),
        format_age(now - package.last_used),
        Cell({True: "yes", False: "", None: "perhaps"}[package.in_use], tone=Tone.GOOD),
    )


def _latest_first(packages: Iterable[CachedPackage]) -> tuple[CachedPackage, ...]:
    return tuple(sorted(packages, key=lambda package: -package.last_used))


@attrs.frozen(kw_only=True)
class CachedPackagesReport(Report):
    """The packages in a cache, most recently used first.

    Attributes:
        packages: The packages.
        now: The time against which ages are shown, in seconds since 1970.
    """

    packages: tuple[CachedPackage, ...] = attrs.field(converter=_latest_first)
    now: float = attrs.field(factory=time.time)

    def document(self) -> Document:
        """A table, and the sum."""
        total = sum(package.bytes for package in self.packages)
        summary = f"{plural(len(self.packages), 'package')}, {format_bytes(total)}" if self.packages else ""
        return Document(parts=[self.table(), Note(summary)])

    def table(self, title: str = "") -> Table:
        """The packages alone."""
        rows = [_package_cells(package, self.now) for package in self.packages]
        return Table(title=title, columns=_COLUMNS, rows=rows, empty="no packages")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; sizes in bytes, times in seconds since 1970."""
        return {"packages": [_package_dict(package) for package in self.packages]}


@attrs.frozen(kw_only=True)
class CacheReport(Report):
    """Where a cache is and what takes room in it.

    Attributes:
        usage: Its sizes.
        unique_bytes: What removing all packages would give back, without the blobs that only they need.
        writable: Whether this user may write there.
        shared: Whether it was opened as one of a group.
        exists: Whether it is there.
    """

    usage: CacheUsage
    unique_bytes: int
    writable: bool
    shared: bool
    exists: bool

    def document(self) -> Document:
        """A table of facts, and what is worth doing."""
        usage = self.usage
        rows = [
            ("folder", str(usage.root) if self.exists else f"{usage.root} (is made when it is needed)"),
            *([("access", self._access())] if self.exists else []),
            ("packages", usage.packages),
            ("total", format_bytes(usage.total)),
            ("models", format_bytes(usage.models)),
            ("of them in one package only", format_bytes(self.unique_bytes)),
            ("unfinished downloads", format_bytes(usage.partial)),
            ("damaged, kept for a look", format_bytes(usage.quarantine)),
            ("free on its disk", format_bytes(usage.free)),
        ]
        return Document(title="Cache", parts=[Table(columns=("", ""), rows=rows)])

    def _access(self) -> str:
        return ("read and write" if self.writable else "read only") + (", shared by a group" if self.shared else "")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; sizes in bytes."""
        facts = {"unique": self.unique_bytes, "writable": self.writable, "shared": self.shared, "exists": self.exists}
        return {**attrs.asdict(self.usage), "root": str(self.usage.root), **facts}


@attrs.frozen(kw_only=True)
class VerificationReport(Report):
    """What reading all of a cache gave.

    Attributes:
        verification: What was read, and what of it is damaged.
        models: References of the models whose packages are damaged.
        writable: Whether damaged files could be put aside.
    """

    verification: Verification
    models: tuple[str, ...] = attrs.field(converter=to_tuple)
    writable: bool

    def document(self) -> Document:
        """What is damaged, and how to mend it."""
        done = self.verification
        read = f"read {plural(done.files, 'file')}, {format_bytes(done.bytes)}"
        rows = [Row((Cell(finding.path, tone=Tone.BAD),), Note(finding.problem)) for finding in done.findings]
        verdict = Note(f"{read}: {len(done.findings)} damaged", tone=Tone.BAD, fix=self.repair)
        return Document(parts=[Table(columns=("damaged",), rows=rows), verdict if rows else Note(f"{read}: all right")])

    @property
    def repair(self) -> str:
        """The command that mends what is damaged; empty if nothing is."""
        if not self.verification.findings:
            return ""
        if not self.writable:
            return "as somebody who may write there: inference-models cache verify"
        return f"inference-models pull {' '.join(self.models) or 'MODEL'}"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        done = self.verification
        findings = [{"path": str(finding.path), "problem": finding.problem} for finding in done.findings]
        return {"files": done.files, "bytes": done.bytes, "findings": findings, "repair": self.repair}


@attrs.frozen(kw_only=True)
class RemovalReport(Report):
    """What was removed from a cache, or would be.

    Attributes:
        removed: Packages that went, or would go.
        kept: Packages that stay because they are in use, or may be.
        collected: All that went; ``None`` where nothing was removed yet.
        now: The time against which ages are shown, in seconds since 1970.
    """

    removed: tuple[CachedPackage, ...] = attrs.field(converter=to_tuple)
    kept: tuple[CachedPackage, ...] = attrs.field(default=(), converter=to_tuple)
    collected: Collected | None = None
    now: float = attrs.field(factory=time.time)

    def document(self) -> Document:
        """What went, what stays although it was to go, and the room that there is now."""
        title = "Would go" if self.collected is None else "Removed"
        rows = [_package_cells(package, self.now) for package in self.removed]
        in_use = [_package_cells(package, self.now) for package in self.kept]
        return Document(
            parts=[
                Table(title=title, columns=_COLUMNS, rows=rows, empty="no package"),
                Table(title="Stays, in use", columns=_COLUMNS, rows=in_use),
                Note(self._sum()),
            ]
        )

    def _sum(self) -> str:
        done = self.collected
        if done is None:
            return f"about {format_bytes(sum(package.bytes for package in self.removed))} would be free"
        rest = (
            plural(done.blobs, "file") + " without a package",
            plural(done.parts, "unfinished download"),
            plural(done.quarantined, "damaged file"),
        )
        return f"{format_bytes(done.freed_bytes)} freed ({', '.join(rest)}); {format_bytes(done.total_bytes)} stay"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; sizes in bytes."""
        done = self.collected
        return {
            "dry_run": done is None,
            "removed": [_package_dict(package) for package in self.removed],
            "in_use": [_package_dict(package) for package in self.kept],
            "freed": None if done is None else done.freed_bytes,
            "total": None if done is None else done.total_bytes,
        }


def removal_report(before: Iterable[CachedPackage], collected: Collected) -> RemovalReport:
    """What went, told by what was there before."""
    known: dict[Path, CachedPackage] = {package.directory: package for package in before}
    return RemovalReport(
        removed=[known[folder] for folder in collected.packages if folder in known],
        kept=[known[folder] for folder in collected.in_use if folder in known],
        collected=collected,
    )


def expected_removal(
    packages: Iterable[CachedPackage], total: int, keep_bytes: int | None, older_than: float | None, now: float
) -> RemovalReport:
    """What pruning would remove: the same packages in the same order, as far as nobody uses any meanwhile.

    Args:
        packages: All packages of the cache.
        total: Bytes of the cache.
        keep_bytes: Bytes that may stay; ``None`` for any number.
        older_than: Seconds without use after which a package goes; ``None`` for never.
        now: The time, in seconds since 1970.
    """
    removed = []
    for package in sorted(packages, key=lambda package: package.last_used):
        is_old = older_than is not None and now - package.last_used > older_than
        if package.is_local_build or package.in_use or not (is_old or (keep_bytes is not None and total > keep_bytes)):
            continue
        removed.append(package)
        total -= package.bytes
    return RemovalReport(removed=removed, now=now)

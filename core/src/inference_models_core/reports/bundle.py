"""What is in a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.document import Document, Note, Report, Table, Tone
from inference_models_core.reports.units import format_bytes

if TYPE_CHECKING:
    from inference_models_core.resolution.lockfile import LockedPackage

_COLUMNS = ("model", "provider", "package", "backend", "files", "size")


@attrs.frozen(kw_only=True)
class BundleReport(Report):
    """A bundle that was written, checked or imported.

    Attributes:
        path: The archive.
        state: What became of it: ``"written"``, ``"imported"`` or ``"undamaged"``.
        packages: What is in it.
    """

    path: str
    state: str
    packages: tuple[LockedPackage, ...]

    def document(self) -> Document:
        """A table of the packages."""
        rows = [
            (each.model_id, each.provider, each.package_id, each.backend, len(each.files), format_bytes(_size(each)))
            for each in self.packages
        ]
        table = Table(title="In the bundle", columns=_COLUMNS, rows=rows, empty="nothing")
        return Document(parts=[table, Note(f"{self.path} is {self.state}", tone=Tone.GOOD)])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {"path": self.path, "state": self.state, "packages": [_package_dict(each) for each in self.packages]}


def _size(package: LockedPackage) -> int:
    return sum(file.size for file in package.files)


def _package_dict(package: LockedPackage) -> dict[str, Any]:
    return {
        "model_id": package.model_id,
        "provider": package.provider,
        "package_id": package.package_id,
        "backend": package.backend,
        "revision": package.revision,
        "files": len(package.files),
        "bytes": _size(package),
    }

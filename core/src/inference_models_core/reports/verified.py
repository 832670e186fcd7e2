"""How far the packages of a model are apart, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.negotiation.tolerance import FIGURES
from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.negotiation import error_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.verification.verify import Verified, VerifiedModel

_NOT_REMEMBERED = "not remembered: nothing was compared, the cache cannot be written, or the packages have no digests"
_COLUMNS = ("package", "backend", "runtime", "device", "quantization", "compared")


@attrs.frozen(kw_only=True)
class VerifiedReport(Report):
    """What verifying a model has shown.

    Attributes:
        model: The model with its packages.
    """

    model: VerifiedModel

    def document(self) -> Document:
        """A table of the packages with one column per figure, what is beyond the tolerance, and the verdict."""
        figures = self._figures()
        rows = [self._row(each, figures) for each in self.model.packages]
        return Document(
            title=f"{self.model.model_id}: packages against {self.model.reference}",
            parts=[
                Table(columns=(*_COLUMNS, *figures, ""), rows=rows),
                *self._notes(),
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {
            "model_id": self.model.model_id,
            "reference": self.model.reference,
            "agrees": self.model.agrees,
            "stored": self.model.stored,
            "packages": [_package_dict(each) for each in self.model.packages],
        }

    def _figures(self) -> list[str]:
        measured = {name for each in self.model.packages if each.verification for name in each.verification.deltas}
        return sorted(measured, key=lambda name: (list(FIGURES).index(name) if name in FIGURES else len(FIGURES), name))

    def _row(self, verified: Verified, figures: list[str]) -> Row:
        candidate, found = verified.candidate, verified.verification
        facts = (
            candidate.package.package_id,
            candidate.backend,
            candidate.report.version,
            candidate.device,
            candidate.package.quantization or "unknown",
            found.things if found else "",
        )
        deltas = [f"{found.deltas[name]:.3g}" if found and name in found.deltas else "" for name in figures]
        note = error_note(verified.error) if verified.error else Note(verified.excess)
        return Row((*facts, *deltas, self._verdict(verified)), note)

    def _verdict(self, verified: Verified) -> Cell:
        if verified.error is not None:
            return Cell("not measured", tone=Tone.BAD)
        if verified.excess:
            return Cell("differs", tone=Tone.BAD)
        is_reference = verified.candidate.package.package_id == self.model.reference
        return Cell("reference") if is_reference else Cell("agrees", tone=Tone.GOOD)

    def _notes(self) -> Iterator[Note]:
        if not any(each.verification and each.verification.things for each in self.model.packages):
            yield Note("nothing was found on any picture, so that this shows little", tone=Tone.WARNING)
        if not self.model.stored:
            yield Note(_NOT_REMEMBERED, tone=Tone.DIM)


def _package_dict(verified: Verified) -> dict[str, Any]:
    candidate, found = verified.candidate, verified.verification
    return {
        "package_id": candidate.package.package_id,
        "backend": candidate.backend,
        "runtime_version": candidate.report.version,
        "device": str(candidate.device),
        "quantization": candidate.package.quantization,
        "pictures": found.pictures if found else 0,
        "things": found.things if found else 0,
        "deltas": dict(found.deltas) if found else {},
        "beyond_tolerance": verified.excess,
        "error": None if verified.error is None else verified.error.to_dict(),
    }

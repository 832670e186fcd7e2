"""How a negotiation and a resolution are shown: who runs, who does not, why, and what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.errors import InferenceModelsError
from inference_models_core.reports.document import Cell, Document, Note, Row, Table, Tone
from inference_models_core.reports.html import document_html
from inference_models_core.reports.text import document_text
from inference_models_core.reports.units import format_age, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from inference_models_core.types.negotiation import Attempt, Candidate, Negotiation, Rejection, Resolution
    from inference_models_core.types.packages import ModelMetadata

CHOSEN_MARK = ">"
_CANDIDATE_COLUMNS = ("", "package", "backend", "runtime", "device", "quantization", "batch", "runs with")
_UNKNOWN = "unknown"


def negotiation_text(negotiation: Negotiation) -> str:
    """A negotiation as plain text."""
    return document_text(negotiation_document(negotiation))


def negotiation_table(negotiation: Negotiation) -> RenderableType:
    """A negotiation for a rich console."""
    from inference_models_core.reports.terminal import DocumentRenderable

    return DocumentRenderable(negotiation_document(negotiation))


def negotiation_html(negotiation: Negotiation) -> str:
    """A negotiation for a notebook."""
    return document_html(negotiation_document(negotiation))


def resolution_text(resolution: Resolution) -> str:
    """A resolution as plain text."""
    return document_text(resolution_document(resolution))


def resolution_table(resolution: Resolution) -> RenderableType:
    """A resolution for a rich console."""
    from inference_models_core.reports.terminal import DocumentRenderable

    return DocumentRenderable(resolution_document(resolution))


def resolution_html(resolution: Resolution) -> str:
    """A resolution for a notebook."""
    return document_html(resolution_document(resolution))


def negotiation_document(negotiation: Negotiation) -> Document:
    """What a negotiation shows: candidates, best first and marked, then every rejection with its code and fix."""
    return Document(
        title=headline(negotiation),
        parts=(candidates_table(negotiation, negotiation.best), rejections_table(negotiation), *_warnings(negotiation)),
    )


def resolution_document(resolution: Resolution) -> Document:
    """What a resolution shows: its negotiation with the loaded candidate marked, and what was tried before it."""
    negotiation = resolution.negotiation
    return Document(
        title=headline(negotiation),
        parts=(
            candidates_table(negotiation, resolution.chosen),
            _attempts_table(resolution.attempts),
            rejections_table(negotiation),
            *_warnings(negotiation),
            *_remembered(resolution),
        ),
    )


def _remembered(resolution: Resolution) -> Iterator[Note]:
    if resolution.remembered_seconds_ago is not None:
        yield Note(
            f"This choice was made before and remembered (age: {format_age(resolution.remembered_seconds_ago)}).",
            fix="options=LoadOptions(use_resolution_cache=False) chooses again",
            tone=Tone.DIM,
        )


def headline(negotiation: Negotiation) -> str:
    """One line: the model, what it is, and how many of its packages can run."""
    metadata = negotiation.metadata
    known = [f"{part}" for part in (metadata.variant or metadata.architecture, metadata.task) if part]
    # A remembered choice keeps the reasons against the other packages, not the packages.
    packages = max(len(metadata.packages), len(negotiation.accepted) + len(negotiation.rejected))
    counted = f"{len(negotiation.accepted)} of {plural(packages, 'package')} can run here"
    return f"{metadata.model_id}: {', '.join([*known, counted])}"


def candidates_table(negotiation: Negotiation, chosen: Candidate | None) -> Table:
    """The packages that can run here, best first."""
    rows = [_candidate_row(candidate, is_chosen=candidate is chosen) for candidate in negotiation.accepted]
    return Table(
        title=f"Can run here, best first ({CHOSEN_MARK} is used)" if rows else "Can run here",
        columns=_CANDIDATE_COLUMNS,
        rows=rows,
        empty=_nothing_runs(negotiation.metadata),
    )


def rejections_table(negotiation: Negotiation) -> Table:
    """The packages that are not used, each with code, reason and fix."""
    return Table(
        title="Not used",
        columns=("package", "backend", "code"),
        rows=[_rejection_row(rejection) for rejection in negotiation.rejected],
    )


def runs_with(candidate: Candidate) -> str:
    """Which class of which distribution would run a candidate."""
    if candidate.row is None:
        return "the package's own code"
    class_name = str(candidate.row.implementation).rpartition(":")[2]
    plugin = candidate.row_plugin
    return f"{class_name} ({_owner(plugin.distribution, plugin.version) or plugin.name})" if plugin else class_name


def notes(candidate: Candidate) -> str:
    """What is worth knowing about a candidate: doubts, the matcher's note, a degraded backend, rows passed over."""
    doubt = f"comes last: {candidate.beyond_tolerance}" if candidate.beyond_tolerance else ""
    parts = (doubt, candidate.fit.note, candidate.report.reason, *_ignored(candidate))
    return "; ".join(part for part in parts if part)


def _candidate_row(candidate: Candidate, *, is_chosen: bool) -> Row:
    tone = Tone.GOOD if is_chosen else Tone.PLAIN
    cells = (
        Cell(CHOSEN_MARK if is_chosen else "", tone=tone),
        Cell(candidate.package.package_id, tone=tone),
        candidate.backend,
        candidate.report.version,
        candidate.device,
        candidate.package.quantization or _UNKNOWN,
        candidate.package.batch,
        runs_with(candidate),
    )
    return Row(cells, Note(notes(candidate), tone=Tone.DIM, fix=candidate.report.fix))


def _rejection_row(rejection: Rejection) -> Row:
    cells = (rejection.package_id, rejection.backend, Cell(rejection.code, tone=Tone.BAD))
    return Row(cells, Note(rejection.reason, fix=rejection.fix))


def _attempts_table(attempts: tuple[Attempt, ...]) -> Table:
    return Table(
        title="Tried first, could not be opened here",
        columns=("package", "backend", "device"),
        rows=[_attempt_row(attempt.candidate, attempt.error) for attempt in attempts],
    )


def _attempt_row(candidate: Candidate, error: Exception) -> Row:
    return Row((candidate.package.package_id, candidate.backend, candidate.device), error_note(error))


def error_note(error: Exception, tone: Tone = Tone.PLAIN) -> Note:
    """An error as a note: the library's own with their hint, others with their type."""
    if isinstance(error, InferenceModelsError):
        return Note(error.message, fix=error.hint, tone=tone)
    return Note(f"{type(error).__name__}: {error}", tone=tone)


def _warnings(negotiation: Negotiation) -> Iterator[Note]:
    return (Note(warning, tone=Tone.WARNING) for warning in negotiation.warnings)


def _ignored(candidate: Candidate) -> Iterator[str]:
    for row, plugin in candidate.ignored_rows:
        owner = plugin.distribution or plugin.name
        yield f"{row.implementation} of {owner} is used only when preferred: LoadOptions(prefer=({owner!r},))"


def _owner(distribution: str, version: str) -> str:
    return f"{distribution} {version}".strip()


def _nothing_runs(metadata: ModelMetadata) -> str:
    return "none of its packages" if metadata.packages else "the model has no packages"

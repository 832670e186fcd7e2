"""What there is to know about a model before it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.document import Cell, Document, Note, Report, Row, Table, Tone
from inference_models_core.reports.units import format_bytes, plural
from inference_models_core.types.backends import FormatTier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.planning import Plan
    from inference_models_core.types.packages import Artifact, ModelPackage

USED = "used"
USABLE = "usable"


@attrs.frozen(kw_only=True)
class PackageSummary:
    """One package of a model.

    Attributes:
        package_id: Its id.
        backend: Backend that opens it.
        quantization: Precision of the weights; ``None`` if unknown.
        batch: Batch sizes it accepts, in words.
        size: Bytes of all files; ``None`` if the provider does not say.
        trust: What opening it takes: ``"not needed"`` (the format is only data), ``"trusted source"``,
            ``"untrusted source"``, ``"own code"``, or empty if the backend is not known here.
        status: ``"used"``, ``"usable"`` or the code of its rejection.
        reason: Why it is not used.
        fix: What would change that.
    """

    package_id: str
    backend: str
    quantization: str | None
    batch: str
    size: int | None
    trust: str
    status: str
    reason: str = ""
    fix: str = ""


@attrs.frozen(kw_only=True)
class ModelReport(Report):
    """A model as its provider describes it, and what this machine makes of it.

    Attributes:
        reference: What the caller wrote.
        model_id: Canonical id.
        provider: Weights provider that knew it.
        trusted: Whether the caller chose where it comes from.
        architecture: Family; ``None`` if unknown.
        task: What it does; ``None`` if unknown.
        variant: Size or flavour; ``None`` if unknown.
        dependencies: Other models that it needs, by id.
        confidence: Recommended score threshold in [0, 1]; ``None`` if there is none.
        packages: Its packages: the one that would be used, other usable ones best first, then the rejected.
        warnings: What is worth knowing about the choice.
    """

    reference: str
    model_id: str
    provider: str
    trusted: bool
    architecture: str | None = None
    task: str | None = None
    variant: str | None = None
    dependencies: tuple[str, ...] = ()
    confidence: float | None = None
    packages: tuple[PackageSummary, ...] = ()
    warnings: tuple[str, ...] = ()

    def document(self) -> Document:
        """Overview, packages, warnings."""
        warnings = [Note(warning, tone=Tone.WARNING) for warning in self.warnings]
        return Document(title=self.model_id, parts=(self._overview(), self._packages(), *warnings))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; sizes in bytes."""
        return attrs.asdict(self)

    def _overview(self) -> Table:
        facts = {
            "asked for": self.reference if self.reference != self.model_id else None,
            "provider": f"{self.provider} ({'trusted' if self.trusted else 'not trusted'})",
            "architecture": self.architecture,
            "variant": self.variant,
            "task": self.task,
            "needs": ", ".join(self.dependencies),
            "recommended confidence": self.confidence,
            "packages": f"{plural(len(self.packages), 'package')}, {self._usable} can run here",
        }
        rows = [(Cell(name, tone=Tone.DIM), value) for name, value in facts.items() if value not in (None, "")]
        return Table(columns=("", ""), rows=rows)

    @property
    def _usable(self) -> int:
        return sum(package.status in (USED, USABLE) for package in self.packages)

    def _packages(self) -> Table:
        return Table(
            title="Packages",
            columns=("package", "backend", "batch", "quantization", "size", "trust", "status"),
            rows=map(_package_row, self.packages),
            empty="the model has no packages",
        )


def model_report(plan: Plan) -> ModelReport:
    """Builds the report of a model.

    Args:
        plan: The provider's answer and what this machine makes of it.

    Returns:
        The report. Sizes of files that are already on this machine are read from the file system.
    """
    metadata = plan.found.metadata
    parameters = metadata.recommended_parameters
    return ModelReport(
        reference=plan.request.ref.text,
        model_id=metadata.model_id,
        provider=plan.found.provider,
        trusted=plan.found.trusted,
        architecture=metadata.architecture,
        task=metadata.task,
        variant=metadata.variant,
        dependencies=tuple(dependency.model_id for dependency in metadata.dependencies),
        confidence=parameters.confidence if parameters else None,
        packages=tuple(_summaries(plan)),
        warnings=plan.negotiation.warnings,
    )


def _summaries(plan: Plan) -> Iterator[PackageSummary]:
    for place, candidate in enumerate(plan.negotiation.accepted):
        yield _summary(plan, candidate.package, USABLE if place else USED)
    packages = {package.package_id: package for package in plan.found.metadata.packages}
    for rejection in plan.negotiation.rejected:
        if rejection.package_id in packages:
            yield _summary(plan, packages[rejection.package_id], rejection.code, rejection.reason, rejection.fix)


def _summary(plan: Plan, package: ModelPackage, status: str, reason: str = "", fix: str = "") -> PackageSummary:
    backend = plan.registry.backend(package.backend).spec
    return PackageSummary(
        package_id=package.package_id,
        backend=package.backend,
        quantization=package.quantization,
        batch=str(package.batch),
        size=package_size(package),
        trust=_trust(package, plan.found.trusted, backend.tier if backend else None),
        status=status,
        reason=reason,
        fix=fix,
    )


def package_size(package: ModelPackage) -> int | None:
    """Bytes of all files of a package; ``None`` if that of one is neither stated nor to be found on this machine."""
    sizes = [_artifact_size(package, artifact) for artifact in package.artifacts]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _artifact_size(package: ModelPackage, artifact: Artifact) -> int | None:
    if artifact.size is not None or package.directory is None:
        return artifact.size
    path = package.directory / artifact.handle
    return path.stat().st_size if path.is_file() else None


def _trust(package: ModelPackage, is_trusted: bool, tier: FormatTier | None) -> str:
    if package.local_code is not None:
        return "own code"
    if tier is None:
        return ""
    if tier is FormatTier.DATA:
        return "not needed"
    return "trusted source" if is_trusted else "untrusted source"


def _package_row(package: PackageSummary) -> Row:
    tone = {USED: Tone.GOOD, USABLE: Tone.PLAIN}.get(package.status, Tone.BAD)
    cells = (
        Cell(package.package_id, tone=Tone.GOOD if package.status == USED else Tone.PLAIN),
        package.backend,
        package.batch,
        package.quantization or "unknown",
        format_bytes(package.size),
        package.trust,
        Cell(package.status, tone=tone),
    )
    return Row(cells, Note(package.reason, fix=package.fix))

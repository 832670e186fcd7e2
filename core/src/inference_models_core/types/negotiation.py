"""What the negotiation concludes: who may run, who may not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from inference_models_core.types.backends import BackendReport, BackendSpec, Fit
    from inference_models_core.types.devices import Device
    from inference_models_core.types.models import ModelSpec
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.plugins import PluginIdentity


@attrs.frozen(kw_only=True, repr=False)
class Rejection(Value):
    """Why a package is not used.

    Attributes:
        code: Stable identifier, such as ``"backend-not-installed"``.
        reason: One sentence.
        fix: Command or setting that changes it; empty where none exists.
        package_id: The package; filled in by the negotiation.
        backend: Its backend; filled in by the negotiation.
    """

    code: str
    reason: str
    fix: str = ""
    package_id: str = ""
    backend: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True, repr=False)
class Candidate(Value):
    """A package together with what would run it.

    Attributes:
        package: The package.
        row: The registered implementation; ``None`` for a package with its own code.
        row_plugin: Who registered the row.
        report: What was detected about the backend.
        device: The device it would compute on.
        fit: The matcher's verdict.
        ignored_rows: Other rows for the same package that are used only when named (``LoadOptions(prefer=...)``).
        backend_spec: The backend; ``None`` for a package with its own code whose backend no plugin registered.
        beyond_tolerance: Why its results are farther from a reference's than the caller allows; empty where they are
            not, or where it was never verified. Such candidates come after all others.
    """

    package: ModelPackage
    row: ModelSpec | None
    row_plugin: PluginIdentity | None
    report: BackendReport
    device: Device
    fit: Fit
    ignored_rows: tuple[tuple[ModelSpec, PluginIdentity], ...] = ()
    backend_spec: BackendSpec | None = None
    beyond_tolerance: str = ""

    @property
    def backend(self) -> str:
        """Name of the backend."""
        return self.package.backend

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "package_id": self.package.package_id,
            "backend": self.backend,
            "device": str(self.device),
            "quantization": self.package.quantization,
            "batch": str(self.package.batch),
            "implementation": str(self.row.implementation) if self.row else None,
            "plugin": str(self.row_plugin) if self.row_plugin else None,
            "runtime_version": self.report.version,
            "note": self.fit.note,
            "beyond_tolerance": self.beyond_tolerance,
            "ignored_implementations": [f"{spec.implementation} of {owner}" for spec, owner in self.ignored_rows],
        }


@attrs.frozen(kw_only=True, repr=False)
class Negotiation(Value):
    """Every package of a model, each in exactly one list.

    Attributes:
        metadata: The model as its provider described it.
        accepted: Candidates, best first.
        rejected: The others with their reasons.
        warnings: What the caller should know although it worked, such as a GPU that stays unused.
    """

    metadata: ModelMetadata
    accepted: tuple[Candidate, ...] = attrs.field(default=(), converter=to_tuple)
    rejected: tuple[Rejection, ...] = attrs.field(default=(), converter=to_tuple)
    warnings: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)

    @property
    def best(self) -> Candidate | None:
        """The candidate that would be loaded."""
        return self.accepted[0] if self.accepted else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model_id": self.metadata.model_id,
            "accepted": [candidate.to_dict() for candidate in self.accepted],
            "rejected": [rejection.to_dict() for rejection in self.rejected],
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        from inference_models_core.reports.negotiation import negotiation_text

        return negotiation_text(self)

    def __rich__(self) -> Any:
        from inference_models_core.reports.negotiation import negotiation_table

        return negotiation_table(self)

    def _repr_html_(self) -> str:
        from inference_models_core.reports.negotiation import negotiation_html

        return negotiation_html(self)


@attrs.frozen(kw_only=True, repr=False)
class Attempt(Value):
    """One candidate that was tried and could not be opened here."""

    candidate: Candidate
    error: Exception


@attrs.frozen(kw_only=True, repr=False)
class Resolution(Value):
    """How a loaded model came to be; ``model.resolution``.

    Attributes:
        reference: What the caller asked for.
        negotiation: Everything that was considered.
        chosen: The candidate that was loaded.
        attempts: Candidates tried before it.
        remembered_seconds_ago: Age of the choice if it was remembered; ``None`` if it was made now.
    """

    reference: str
    negotiation: Negotiation
    chosen: Candidate
    attempts: tuple[Attempt, ...] = ()
    remembered_seconds_ago: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "reference": self.reference,
            "remembered_seconds_ago": self.remembered_seconds_ago,
            "chosen": self.chosen.to_dict(),
            "attempts": [{**a.candidate.to_dict(), "error": str(a.error)} for a in self.attempts],
            **self.negotiation.to_dict(),
        }

    def __str__(self) -> str:
        from inference_models_core.reports.negotiation import resolution_text

        return resolution_text(self)

    def __rich__(self) -> Any:
        from inference_models_core.reports.negotiation import resolution_table

        return resolution_table(self)

    def _repr_html_(self) -> str:
        from inference_models_core.reports.negotiation import resolution_html

        return resolution_html(self)

"""What was chosen for a request, as a value and as a document."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from inference_models_core.errors import InvalidRequestError
from inference_models_core.negotiation import codes
from inference_models_core.parsing import as_number, as_object, as_text, describe, malformed
from inference_models_core.providers.documents import model_document
from inference_models_core.store.packages import StoredFile
from inference_models_core.types.backends import Availability, BackendReport, Fit
from inference_models_core.types.devices import Device, parse_device
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_models_core.parsing import Fields
    from inference_models_core.types.negotiation import Candidate, Negotiation

FARTHEST_TIME = 2.0**40
"""Seconds between the epoch and times that no clock shows: 35,000 years."""

TRANSIENT_CODES = frozenset((codes.DETECTION_FAILED, codes.DETECTION_TIMED_OUT, codes.POLICY_FAILED, codes.NOT_CACHED))
"""Rejections that may be gone a moment later, and with them the reason for the choice."""

_USABLE = (Availability.AVAILABLE.value, Availability.DEGRADED.value)
_ORDER = attrgetter("package_id", "code", "backend", "reason", "fix")
"""As a negotiation orders its rejections."""


class Choice(NamedTuple):
    """A choice that can be made again without asking anybody.

    Attributes:
        created_at: When it was made, in seconds since the epoch.
        provider: Name of the provider that knew the model.
        trusted: Whether the caller trusted it; what is trusted now is decided anew and never more.
        model: Document of the model with the one package that was chosen; no URLs.
        files: The package's files as they were fetched, digests and sizes included that the provider did not give.
        device: Where it would compute.
        report: What was detected about its backend.
        fit: The matcher's verdict.
        rejected: The other packages that are not used, and why.
        warnings: What the caller should know all the same.
    """

    created_at: float
    provider: str
    trusted: bool
    model: Mapping[str, Any]
    files: tuple[StoredFile, ...]
    device: Device
    report: BackendReport
    fit: Fit
    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()


def choice_of(
    negotiation: Negotiation,
    candidate: Candidate,
    files: Iterable[StoredFile],
    *,
    provider: str,
    trusted: bool,
    now: float,
) -> Choice | None:
    """The choice that a negotiation came to.

    Args:
        negotiation: The negotiation.
        candidate: The candidate that was loaded.
        files: Its package's files.
        provider: Name of the provider that knew the model.
        trusted: Whether the caller trusted it.
        now: The time, in seconds since the epoch.

    Returns:
        The choice; ``None`` if it must not be made again unseen, because something that stood in another package's way
        may be gone (a detection that took too long, a policy that did not answer, files that are not in the cache), or
        cannot be, because it is no document: files at a place of their own, code of a package.
    """
    if any(rejection.code in TRANSIENT_CODES for rejection in negotiation.rejected):
        return None
    if not math.isfinite(candidate.fit.preference):
        return None
    model = model_document(attrs.evolve(negotiation.metadata, packages=(candidate.package,)))
    if model is None:
        return None
    return Choice(
        created_at=now,
        provider=provider,
        trusted=trusted,
        model=model,
        files=tuple(files),
        device=candidate.device,
        report=candidate.report,
        fit=candidate.fit,
        rejected=negotiation.rejected,
        warnings=negotiation.warnings,
    )


def choice_document(choice: Choice) -> dict[str, Any]:
    """Plain JSON values for a choice; :func:`read_choice` reads them."""
    report = choice.report
    return {
        "createdAt": choice.created_at,
        "provider": choice.provider,
        "trusted": choice.trusted,
        "model": dict(choice.model),
        "files": [[file.handle, file.sha256, file.size] for file in choice.files],
        "device": str(choice.device),
        "report": {
            "backend": report.backend,
            "availability": report.availability.value,
            "version": report.version,
            "devices": [str(device) for device in report.devices],
            "capabilities": dict(report.capabilities),
            "code": report.code,
            "reason": report.reason,
            "fix": report.fix,
        },
        "fit": {"preference": choice.fit.preference, "note": choice.fit.note},
        "rejected": _rejection_groups(choice.rejected),
        "warnings": list(choice.warnings),
    }


def _rejection_groups(rejected: Iterable[Rejection]) -> list[dict[str, Any]]:
    """Rejections, with what many packages share written once: models have hundreds of them and few reasons."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for each in rejected:
        groups.setdefault((each.code, each.reason, each.fix, each.backend), []).append(each.package_id)
    return [
        {"code": code, "reason": reason, "fix": fix, "backend": backend, "packages": packages}
        for (code, reason, fix, backend), packages in groups.items()
    ]


def read_choice(value: Any, where: str) -> Choice:
    """Reads what :func:`choice_document` wrote.

    Raises:
        MalformedDocumentError: If it is anything else. The model's document is read when the choice is used.
    """
    fields = as_object(value, where)
    groups = fields.items("rejected", _read_group)
    return Choice(
        created_at=fields.number("createdAt", minimum=-FARTHEST_TIME, maximum=FARTHEST_TIME),
        provider=fields.text("provider"),
        trusted=fields.boolean("trusted"),
        model=fields.fields("model").mapping,
        files=fields.items("files", _read_file),
        device=fields.read("device", _read_device),
        report=_read_report(fields.fields("report")),
        fit=_read_fit(fields.fields("fit")),
        rejected=tuple(sorted((each for group in groups for each in group), key=_ORDER)),
        warnings=fields.items("warnings", as_text),
    )


def _read_group(value: Any, where: str) -> list[Rejection]:
    fields = as_object(value, where)
    texts = {name: fields.text(name) for name in ("code", "reason", "fix", "backend")}
    return [Rejection(**texts, package_id=package) for package in fields.items("packages", as_text)]


def _read_file(value: Any, where: str) -> StoredFile:
    if not isinstance(value, list) or len(value) != 3:
        malformed(where, "name, digest and size of a file", describe(value))
    handle, sha256, size = value
    return StoredFile(handle=handle, sha256=sha256, size=size)  # checks each


def _read_device(value: Any, where: str) -> Device:
    try:
        return parse_device(as_text(value, where))
    except InvalidRequestError:
        malformed(where, "a device", describe(value))


def _read_fit(fields: Fields) -> Fit:
    return Fit(preference=fields.read("preference", as_number), note=fields.text("note"))


def _read_report(fields: Fields) -> BackendReport:
    availability = Availability(fields.text("availability", choices=_USABLE))
    reason = fields.text("reason")
    if availability is not Availability.AVAILABLE and not reason:
        malformed(fields.where, "a reason", "none")
    return BackendReport(
        backend=fields.text("backend"),
        availability=availability,
        version=fields.text("version"),
        devices=fields.items("devices", _read_device),
        capabilities={
            as_text(name, fields.where): as_text(text, f"{fields.where}.capabilities.{name}")
            for name, text in fields.fields("capabilities").mapping.items()
        },
        code=fields.text("code"),
        reason=reason,
        fix=fields.text("fix"),
    )

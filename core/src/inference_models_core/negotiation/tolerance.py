"""How far the results of a package may be from those of a reference, and what it means where they are farther.

``inference-models verify`` measures; here it is judged, for each request with its own limits. Pure.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from inference_models_core.negotiation import codes
from inference_models_core.negotiation.trust import content_key
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.verification import Verification, VerificationKey

FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "labels": "of what was found has no equal",
        "boxes": "pixels between edges of boxes",
        "scores": "between scores",
        "masks": "of masks do not overlap",
        "key_points": "pixels between key points",
        "angles": "radians between directions",
        "vectors": "between directions of vectors (1 - cosine)",
        "pixels": "of pixels have another class",
        "depths": "of the range between depths",
        "values": "between numbers",
    }
)
"""Every figure and what it counts; shares are from 0 to 1."""

FULL_PRECISION: Mapping[str, float] = MappingProxyType(
    {
        "labels": 0.0,
        "boxes": 1.0,
        "scores": 1e-4,
        "masks": 0.01,
        "key_points": 1.0,
        "angles": 1e-3,
        "vectors": 1e-4,
        "pixels": 0.001,
        "depths": 1e-3,
        "values": 1e-4,
    }
)
"""What is allowed to packages in fp32, or of unknown precision, on the CPU."""

REDUCED_PRECISION: Mapping[str, float] = MappingProxyType(
    {
        "labels": 0.05,
        "boxes": 4.0,
        "scores": 0.05,
        "masks": 0.1,
        "key_points": 4.0,
        "angles": 0.05,
        "vectors": 0.01,
        "pixels": 0.02,
        "depths": 0.02,
        "values": 0.05,
    }
)
"""What is allowed to packages in lower precision, and on accelerators, which round more coarsely even in fp32."""


def limits_for(quantization: str | None, device: str, own: Mapping[str, float]) -> Mapping[str, float]:
    """The limits for a package.

    Args:
        quantization: Its precision; ``None`` for unknown.
        device: Kind of device.
        own: The caller's limits, which win.

    Returns:
        Figure -> largest difference that is allowed.
    """
    full = device == "cpu" and quantization in ("fp32", None)
    return {**(FULL_PRECISION if full else REDUCED_PRECISION), **own}


def excess(deltas: Mapping[str, float], limits: Mapping[str, float]) -> str:
    """What is beyond the limits, in words; empty if nothing is. A figure without a limit has that of ``values``."""
    return ", ".join(_beyond(deltas, limits))


def _beyond(deltas: Mapping[str, float], limits: Mapping[str, float]) -> Iterator[str]:
    for name, delta in deltas.items():
        limit = limits.get(name, limits["values"])
        if delta > limit:
            yield f"{name}: {delta:.3g} {FIGURES.get(name, FIGURES['values'])}, {limit:g} allowed"


def verdict_on(
    candidate: Candidate, request: LoadRequest, known: Mapping[VerificationKey, Verification]
) -> Rejection | str:
    """What its verification means for a candidate.

    Args:
        candidate: The candidate.
        request: What the caller allows.
        known: What was verified of the model.

    Returns:
        A rejection where the caller wants none beyond the tolerance; else why it is beyond it, empty where it is not,
        or where nobody knows. A package that the caller named is never refused: ids skip preferences.
    """
    found = known.get((content_key(candidate.package) or "", *where_it_runs(candidate))) if known else None
    options = request.options
    if found is None or options.beyond_tolerance == "ignore":
        return ""
    device = candidate.device.kind
    reason = excess(found.deltas, limits_for(candidate.package.quantization, device, options.tolerance))
    if not reason:
        return ""
    reason = f"verified against {found.reference} ({found.reference_backend}), its results differ: {reason}"
    if options.beyond_tolerance == "demote" or request.package_id is not None:
        return reason
    fix = f'model_package_id="{candidate.package.package_id}", or LoadOptions(tolerance=..., beyond_tolerance="demote")'
    return Rejection(code=codes.BEYOND_TOLERANCE, reason=reason, fix=fix)


def where_it_runs(candidate: Candidate) -> tuple[str, str, str]:
    """Backend, version of its runtime and kind of device of a candidate."""
    return candidate.backend, candidate.report.version, candidate.device.kind

"""The error for a model of which no package can be used here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from inference_models_core.errors import NoCompatiblePackageError
from inference_models_core.negotiation import codes

if TYPE_CHECKING:
    from inference_models_core.types.negotiation import Negotiation, Rejection

    Group: TypeAlias = tuple[int, str, str, str]
    """Count, code, reason, fix."""

_SHOWN = 12
_UNKNOWN_CODE_STAGE = codes.STAGES[codes.DEVICE_UNAVAILABLE]
"""Codes that are not core's come from matchers and reviews, the last to be asked."""

_NOT_THE_POINT = (codes.NOT_REQUESTED_PACKAGE, codes.BACKEND_NOT_REQUESTED)
"""What the caller excluded on purpose explains least."""


def no_candidate_error(negotiation: Negotiation) -> NoCompatiblePackageError:
    """The error to raise where a negotiation accepted nothing.

    Args:
        negotiation: With no accepted candidate.

    Returns:
        An error whose message groups equal reasons, most useful first, and whose hint is the best fix.
    """
    model_id, rejected = negotiation.metadata.model_id, negotiation.rejected
    if not rejected:
        return NoCompatiblePackageError(
            f"{model_id} has no packages: its provider lists nothing that could be loaded",
            hint="check the id, or whether the model has finished training and exporting",
            negotiation=negotiation,
        )
    groups = group_rejections(rejected)
    counted = f"none of the {len(rejected)} packages" if len(rejected) > 1 else "the only package"
    verdict = "can" if len(rejected) > 1 else "cannot"
    lines = [f"{counted} of {model_id} {verdict} be used here:", *map(_line, groups[:_SHOWN])]
    if len(groups) > _SHOWN:
        lines.append(f"  and {len(groups) - _SHOWN} more reasons")
    return NoCompatiblePackageError("\n".join(lines), hint=_best_fix(negotiation, groups), negotiation=negotiation)


def group_rejections(rejected: tuple[Rejection, ...]) -> list[Group]:
    """Counts equal reasons, most useful first: not what the caller excluded, with a fix, closest to being used.

    Args:
        rejected: Rejections in any order.

    Returns:
        (count, code, reason, fix) of each distinct reason.
    """
    counts = Counter((rejection.code, rejection.reason, rejection.fix) for rejection in rejected)
    return sorted(((count, *kind) for kind, count in counts.items()), key=_usefulness)


def _usefulness(group: Group) -> tuple[bool, bool, int, int, str, str, str]:
    count, code, reason, fix = group
    return code in _NOT_THE_POINT, not fix, -codes.STAGES.get(code, _UNKNOWN_CODE_STAGE), -count, code, reason, fix


def _line(group: Group) -> str:
    count, code, reason, fix = group
    return f"  {count} x {code}: {reason}" + (f" -> {fix}" if fix else "")


def _best_fix(negotiation: Negotiation, groups: list[Group]) -> str:
    if all(code == codes.NOT_REQUESTED_PACKAGE for _, code, _, _ in groups):
        return _nearest_package(negotiation)
    return groups[0][3]


def _nearest_package(negotiation: Negotiation) -> str:
    names = sorted(package.package_id for package in negotiation.metadata.packages)
    return f"its packages are: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"

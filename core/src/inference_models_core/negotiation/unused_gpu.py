"""What the caller should know although the negotiation succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.negotiation import codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.types.negotiation import Candidate, Rejection
    from inference_models_core.types.requests import LoadRequest

_ABOUT_THE_MACHINE = (
    codes.BACKEND_NOT_INSTALLED,
    codes.RUNTIME_NOT_INSTALLED,
    codes.DETECTION_FAILED,
    codes.DETECTION_TIMED_OUT,
    codes.BACKEND_UNAVAILABLE,
)
"""Rejections whose fix may bring the GPU into use."""


def unused_gpu_warnings(
    request: LoadRequest, accepted: Sequence[Candidate], rejected: Sequence[Rejection], gpu_seen: str
) -> list[str]:
    """Warns where ``device="auto"`` came to the CPU of a machine that has a GPU.

    Args:
        request: What the caller asked for.
        accepted: Candidates, best first.
        rejected: The other packages.
        gpu_seen: Name of the GPU; empty if there is none.

    Returns:
        At most one sentence that names the GPU, why it stays unused, and the fix.
    """
    if not gpu_seen or not accepted or not request.device.is_auto or accepted[0].device.kind != "cpu":
        return []
    reason, fix = _why(accepted[0], rejected)
    return [f"{gpu_seen} stays unused: {reason}{f'; to use it: {fix}' if fix else ''}"]


def _why(best: Candidate, rejected: Sequence[Rejection]) -> tuple[str, str]:
    if best.report.reason:
        return best.report.reason, best.report.fix
    blockers = [rejection for rejection in rejected if rejection.code in _ABOUT_THE_MACHINE]
    if blockers:
        blocker = min(blockers, key=lambda r: (not r.fix, _ABOUT_THE_MACHINE.index(r.code), r.backend, r.package_id))
        return f"{blocker.reason}, and {best.backend} runs on the CPU", blocker.fix
    return f"{best.backend} can use only the CPU here", best.report.fix

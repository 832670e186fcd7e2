"""The check of ``inference-models doctor`` for PyTorch; without its import, which takes seconds."""

from __future__ import annotations

from inference_models_core.types.backends import Availability
from inference_models_core.types.health import CheckResult, Verdict

from inference_models_torch.builds import OLDEST_RUNTIME, UPGRADE, is_older
from inference_models_torch.detect import report


def check_build() -> CheckResult:
    """The build of PyTorch fits this machine."""
    from inference_models_core.runtime.probe import RuntimeProbe

    found = report("torch-script", RuntimeProbe())
    if found.availability is not Availability.AVAILABLE:
        verdict = Verdict.FAILED if found.code == "runtime-broken" else Verdict.WARNING
        return CheckResult(verdict=verdict, message=found.reason, fix=found.fix)
    if is_older(found.version, OLDEST_RUNTIME):
        message = f"PyTorch {found.version} is older than {OLDEST_RUNTIME} and opens no files"
        return CheckResult(verdict=Verdict.WARNING, message=message, fix=UPGRADE)
    devices = ", ".join(map(str, found.devices))
    return CheckResult(verdict=Verdict.OK, message=f"PyTorch {found.version} on {devices}")

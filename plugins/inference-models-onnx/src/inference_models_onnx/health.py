"""Checks of ``inference-models doctor`` for ONNX Runtime."""

from __future__ import annotations

from inference_models_core.types.health import CheckResult, Verdict

from inference_models_onnx.builds import INSTALL_CPU, conflict_text, gpu_line, installed_builds, mending_line
from inference_models_onnx.detect import import_runtime, unused_gpu


def check_builds() -> CheckResult:
    """One build of ONNX Runtime is installed, and only one."""
    builds = installed_builds()
    if not builds:
        return CheckResult(verdict=Verdict.WARNING, message="ONNX Runtime is not installed", fix=INSTALL_CPU)
    if len(builds) > 1:
        return CheckResult(verdict=Verdict.FAILED, message=conflict_text(builds), fix=mending_line(builds))
    name, version = next(iter(builds.items()))
    return CheckResult(verdict=Verdict.OK, message=f"{name} {version}")


def check_gpu() -> CheckResult:
    """A GPU of this machine is used by ONNX Runtime."""
    from inference_models_core.runtime.probe import RuntimeProbe

    try:
        runtime = import_runtime()
    except (ImportError, OSError, AttributeError) as error:
        return CheckResult(verdict=Verdict.FAILED, message=f"ONNX Runtime cannot be imported: {error}", fix=INSTALL_CPU)
    providers = tuple(runtime.get_available_providers())
    unused = unused_gpu(providers, RuntimeProbe())
    if not unused:
        return CheckResult(verdict=Verdict.OK, message=f"execution providers: {', '.join(providers)}")
    return CheckResult(
        verdict=Verdict.WARNING,
        message=f"{unused} stays unused: this build of ONNX Runtime has no CUDA provider",
        fix=gpu_line(installed_builds()),
    )

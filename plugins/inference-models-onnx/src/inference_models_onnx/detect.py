"""Which ONNX Runtime is installed, and what it can use on this machine.

Metadata first, then the import; no CUDA context is ever created. What the runtime lists as available is a claim: the
session checks it again.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from inference_models_core.types.backends import Availability, BackendReport
from inference_models_core.types.devices import CPU, Device

from inference_models_onnx.builds import (
    INSTALL_CPU,
    conflict_text,
    gpu_line,
    installed_builds,
    mending_line,
)
from inference_models_onnx.providers import CPU_PROVIDER, device_kind

if TYPE_CHECKING:
    from inference_models_core.runtime.probe import RuntimeProbe

_ACCELERATORS = ("rocm", "dml", "npu")
_AFTER_CPU = ("coreml",)  # computes in half precision and splits graphs: only for those who ask


def report(probe: RuntimeProbe) -> BackendReport:
    """Examines this machine.

    Args:
        probe: Facts about the machine.

    Returns:
        The report; ``DEGRADED`` where two builds are installed or a GPU stays unused, with the line that mends it.
    """
    builds = installed_builds(probe.installed_version)
    if not builds and importlib.util.find_spec("onnxruntime") is None:
        return _unavailable("runtime-not-installed", "ONNX Runtime is not installed", INSTALL_CPU)
    try:
        runtime = import_runtime()
    except (ImportError, OSError, AttributeError) as error:
        reason = f"ONNX Runtime cannot be imported: {error}"
        return _unavailable("runtime-broken", reason, mending_line(builds or {"onnxruntime": ""}))
    return _describe(runtime, builds, probe)


def import_runtime() -> Any:
    """Imports ONNX Runtime.

    Raises:
        ImportError: Also where only an empty folder is left of it, which happens when one of two builds is removed.
    """
    runtime = importlib.import_module("onnxruntime")
    if not hasattr(runtime, "InferenceSession"):
        raise ImportError("its files are missing; another build of it was probably removed")
    return runtime


def _unavailable(code: str, reason: str, fix: str) -> BackendReport:
    return BackendReport(backend="onnx", availability=Availability.UNAVAILABLE, code=code, reason=reason, fix=fix)


def _describe(runtime: Any, builds: dict[str, str], probe: RuntimeProbe) -> BackendReport:
    providers = tuple(runtime.get_available_providers())
    code, reason, fix = _shortcoming(builds, providers, probe)
    return BackendReport(
        backend="onnx",
        availability=Availability.DEGRADED if reason else Availability.AVAILABLE,
        version=runtime.__version__,
        devices=usable_devices(providers, probe),
        capabilities={"providers": ",".join(providers), "build": ",".join(builds) or "unknown"},
        code=code,
        reason=reason,
        fix=fix,
    )


def _shortcoming(builds: dict[str, str], providers: tuple[str, ...], probe: RuntimeProbe) -> tuple[str, str, str]:
    if len(builds) > 1:
        return "conflicting-builds", conflict_text(builds), mending_line(builds)
    unused = unused_gpu(providers, probe)
    if not unused:
        return "", "", ""
    return "gpu-unused", f"{unused} stays unused: this build of ONNX Runtime has no CUDA provider", gpu_line(builds)


def unused_gpu(providers: tuple[str, ...], probe: RuntimeProbe) -> str:
    """Name of a GPU of NVIDIA that no provider of this build uses; empty if there is none."""
    if any(device_kind(provider) in ("cuda", "dml") for provider in providers):
        return ""
    gpus = probe.gpus()
    return gpus[0].name or "the GPU" if gpus else ""


def usable_devices(providers: tuple[str, ...], probe: RuntimeProbe) -> tuple[Device, ...]:
    """Devices that the providers serve on this machine, best first."""
    kinds = {device_kind(provider) for provider in providers}
    devices = [Device("cuda", gpu.index) for gpu in probe.gpus()] if "cuda" in kinds else []
    devices += [Device(kind) for kind in _ACCELERATORS if kind in kinds]
    devices += [CPU] if CPU_PROVIDER in providers else []
    devices += [Device(kind) for kind in _AFTER_CPU if kind in kinds]
    return tuple(devices)

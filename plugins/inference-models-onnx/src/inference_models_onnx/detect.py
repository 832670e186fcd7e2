"""Which ONNX Runtime is installed, and what it can use on this machine.

Metadata and files first, then the import; no CUDA context is ever created. Of the plain CPU build everything is known
from its files, which spares a plan the import, half of its time. What is reported is a claim: the session checks it
again.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
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
    from collections.abc import Iterable

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
    if "onnxruntime" not in sys.modules and is_plain_cpu_build(builds):
        return _describe((CPU_PROVIDER,), builds["onnxruntime"], builds, probe, examined="files")
    try:
        runtime = import_runtime()
    except (ImportError, OSError, AttributeError) as error:
        reason = f"ONNX Runtime cannot be imported: {error}"
        return _unavailable("runtime-broken", reason, mending_line(builds or {"onnxruntime": ""}))
    return _describe(runtime.get_available_providers(), runtime.__version__, builds, probe, examined="runtime")


def is_plain_cpu_build(builds: Iterable[str], platform: str = sys.platform) -> bool:
    """Whether what is installed is, by its files, the build that has the CPU provider and no other worth naming.

    Providers other than the CPU's are shared libraries of their own in the builds for Linux.

    Args:
        builds: Distributions that own the module.
        platform: As in ``sys.platform``.
    """
    if set(builds) != {"onnxruntime"} or not platform.startswith("linux"):
        return False
    spec = importlib.util.find_spec("onnxruntime")
    folders = spec.submodule_search_locations if spec else None
    files = _names(Path(folders[0], "capi")) if folders else []
    libraries = [name for name in files if name.startswith("libonnxruntime_providers_")]
    return libraries in ([], ["libonnxruntime_providers_shared.so"]) and any(
        name.startswith("onnxruntime_pybind11_state") for name in files
    )


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


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


def _describe(
    available: Iterable[str], version: str, builds: dict[str, str], probe: RuntimeProbe, *, examined: str
) -> BackendReport:
    providers = tuple(available)
    code, reason, fix = _shortcoming(builds, providers, probe)
    return BackendReport(
        backend="onnx",
        availability=Availability.DEGRADED if reason else Availability.AVAILABLE,
        version=version,
        devices=usable_devices(providers, probe),
        capabilities={
            "providers": ",".join(providers),
            "build": ",".join(builds) or "unknown",
            "examined": examined,
        },
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

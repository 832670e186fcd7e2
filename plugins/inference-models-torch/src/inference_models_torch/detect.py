"""Which PyTorch is installed, and what it can use on this machine.

From files alone: importing PyTorch takes seconds and would be paid by every plan. What is reported is a claim: the
session checks it again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models_core.types.backends import Availability, BackendReport
from inference_models_core.types.devices import CPU, Device

from inference_models_torch.builds import CHOOSE_BUILD, INSTALL, installed_build, release_of

if TYPE_CHECKING:
    from inference_models_core.runtime.probe import RuntimeProbe

    from inference_models_torch.builds import Build

_AMD_TRACE = Path("/dev/kfd")


def report(backend: str, probe: RuntimeProbe) -> BackendReport:
    """Examines this machine.

    Args:
        backend: Name of the backend that is asked about.
        probe: Facts about the machine.

    Returns:
        The report; ``DEGRADED`` where a GPU stays unused, with what mends it. ``capabilities`` tells ``torchvision``,
        the version that is installed, empty if none is.
    """
    build = installed_build()
    if build is None:
        return _unavailable(backend, probe)
    code, reason, fix = _shortcoming(build, probe)
    return BackendReport(
        backend=backend,
        availability=Availability.DEGRADED if reason else Availability.AVAILABLE,
        version=build.version,
        devices=usable_devices(build, probe),
        capabilities={"cuda": build.cuda, "torchvision": probe.installed_version("torchvision") or ""},
        code=code,
        reason=reason,
        fix=fix,
    )


def _unavailable(backend: str, probe: RuntimeProbe) -> BackendReport:
    said = probe.installed_version("torch")
    return BackendReport(
        backend=backend,
        availability=Availability.UNAVAILABLE,
        code="runtime-broken" if said else "runtime-not-installed",
        reason=f"PyTorch {said} is installed and its files are missing" if said else "PyTorch is not installed",
        fix=f"pip install --force-reinstall torch=={said}" if said else INSTALL,
    )


def usable_devices(build: Build, probe: RuntimeProbe) -> tuple[Device, ...]:
    """Devices that a build serves on this machine, best first."""
    if build.cuda and driver_serves(build, probe):
        return (*(Device("cuda", gpu.index) for gpu in probe.gpus()), CPU)
    if build.hip and _AMD_TRACE.exists():
        return (Device("cuda"), CPU)
    return (Device("mps"), CPU) if has_mps(probe) else (CPU,)


def driver_serves(build: Build, probe: RuntimeProbe) -> bool:
    """Whether the driver takes programs of the build's CUDA; from CUDA 11 on any driver of the same major does."""
    built, driver = release_of(build.cuda), probe.cuda_driver_version()
    return built is None or driver is None or driver[0] >= built[0]


def has_mps(probe: RuntimeProbe, platform: str = sys.platform) -> bool:
    """Whether this is a Mac with a GPU that PyTorch uses: every build for Apple's own processors has it."""
    return platform == "darwin" and probe.system().machine == "arm64"


def _shortcoming(build: Build, probe: RuntimeProbe) -> tuple[str, str, str]:
    gpus = probe.gpus() if not build.hip else ()
    name = (gpus[0].name or "the GPU") if gpus else ""
    if name and not build.cuda:
        reason = f"{name} stays unused: PyTorch {build.version} is a build without CUDA"
        return "gpu-unused", reason, f"pip uninstall -y torch; {CHOOSE_BUILD}"
    if name and not driver_serves(build, probe):
        driver = ".".join(map(str, probe.cuda_driver_version() or ()))
        reason = (
            f"{name} stays unused: PyTorch {build.version} is built with CUDA {build.cuda}, the driver has {driver}"
        )
        return "driver-too-old", reason, f"upgrade the driver of NVIDIA, or {CHOOSE_BUILD}"
    return "", "", ""

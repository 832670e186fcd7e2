"""One object that answers questions about the machine, each found out once and only when asked."""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_models_core.runtime.facts import Gpu, Jetson, SystemFacts
    from inference_models_core.runtime.nvml import NvmlFacts

OVERRIDE_VARIABLE = "INFERENCE_MODELS_OVERRIDE_CUDA"
_VERSION = re.compile(r"(\d+)\.(\d+)")
_FIND_OUT: Any = object()


_TRACES = ("/dev/nvidiactl", "/dev/nvmap", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/dxg")
"""Device files of a Linux machine with a GPU of NVIDIA: of its driver, of a Jetson, of Windows' Linux subsystem."""
_CLAIMS = (OVERRIDE_VARIABLE, "JETSON_MODULE", "L4T_VERSION", "RUNNING_ON_JETSON")


def may_have_gpu(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether looking for a GPU of NVIDIA can find one; spares other machines the cost of looking.

    Args:
        environ: Environment variables; some of them claim a GPU.
        platform: As in ``sys.platform``.
    """
    if not platform.startswith("linux") or any(name in environ for name in _CLAIMS):
        return True
    return any(os.path.exists(trace) for trace in _TRACES)  # noqa: PTH110 - pathlib would be imported for nothing else


class RuntimeProbe:
    """Facts about the machine, shared by core and all plugins.

    Nothing here imports a runtime, starts a process or creates a CUDA context.

    Args:
        gpus: Used instead of looking; so are the next four, each named like the question it answers.
        driver_version: See :meth:`driver_version`.
        cuda_driver_version: See :meth:`cuda_driver_version`.
        jetson: See :meth:`jetson`.
        system: See :meth:`system`.
        installed: Distribution -> installed version or ``None``, instead of a scan of its own.
        environ: Environment variables; those of the process if ``None``.
    """

    def __init__(
        self,
        *,
        gpus: tuple[Gpu, ...] = _FIND_OUT,
        driver_version: str = _FIND_OUT,
        cuda_driver_version: tuple[int, int] | None = _FIND_OUT,
        jetson: Jetson | None = _FIND_OUT,
        system: SystemFacts = _FIND_OUT,
        installed: Callable[[str], str | None] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        given = {
            "_gpus": gpus,
            "_driver_version": driver_version,
            "_cuda_driver_version": cuda_driver_version,
            "_jetson": jetson,
            "_system": system,
        }
        # Filling a cached property in advance is how its answer is given instead of found out.
        self.__dict__.update({name: value for name, value in given.items() if value is not _FIND_OUT})
        self._installed = installed
        self._environ = os.environ if environ is None else environ

    def gpus(self) -> tuple[Gpu, ...]:
        """NVIDIA GPUs that CUDA would show to this process, in its order.

        None of them if ``INFERENCE_MODELS_OVERRIDE_CUDA`` is set to nothing.
        """
        return self._gpus

    def driver_version(self) -> str:
        """Version of the NVIDIA driver, on a Jetson without NVML that of its Linux; empty if there is none."""
        return self._driver_version

    def cuda_driver_version(self) -> tuple[int, int] | None:
        """Newest CUDA version that the driver supports, ``(12, 4)`` for instance; ``None`` without a driver.

        ``INFERENCE_MODELS_OVERRIDE_CUDA=12.4`` overrides it, set to nothing it means that there is none.

        Raises:
            InvalidRequestError: If the variable is neither empty nor such a version.
        """
        return self._cuda_driver_version

    def jetson(self) -> Jetson | None:
        """The Jetson that this is, or ``None``."""
        return self._jetson

    def system(self) -> SystemFacts:
        """Operating system, processor and Python."""
        return self._system

    def installed_version(self, distribution: str) -> str | None:
        """Version of an installed distribution from its metadata, without importing it; ``None`` if there is none."""
        if self._installed is None:
            from inference_models_core.plugins.distributions import Environment

            self._installed = Environment().version
        return self._installed(distribution)

    @functools.cached_property
    def _nvml(self) -> NvmlFacts:
        from inference_models_core.runtime.nvml import read_nvml

        return read_nvml(self._environ.get("CUDA_VISIBLE_DEVICES"))

    @functools.cached_property
    def _gpus(self) -> tuple[Gpu, ...]:
        if self._environ.get(OVERRIDE_VARIABLE) == "" or not may_have_gpu(self._environ):
            return ()
        jetson = self.jetson()
        if self._nvml.gpus or jetson is None:
            return self._nvml.gpus
        from inference_models_core.runtime.jetson import gpu_of_jetson

        return (gpu_of_jetson(jetson),)

    @functools.cached_property
    def _driver_version(self) -> str:
        jetson = self.jetson()
        return self._nvml.driver_version or (jetson.l4t_version if jetson else "")

    @functools.cached_property
    def _cuda_driver_version(self) -> tuple[int, int] | None:
        text = self._environ.get(OVERRIDE_VARIABLE)
        if text is None:
            return self._nvml.cuda_driver_version
        match = _VERSION.match(text)
        if text and match is None:
            raise InvalidRequestError(f"{OVERRIDE_VARIABLE} is {text!r}", hint="set it to a version such as 12.4")
        return (int(match[1]), int(match[2])) if match else None

    @functools.cached_property
    def _jetson(self) -> Jetson | None:
        from inference_models_core.runtime.jetson import read_jetson

        return read_jetson(self._environ)

    @functools.cached_property
    def _system(self) -> SystemFacts:
        from inference_models_core.runtime.system import read_system

        return read_system()

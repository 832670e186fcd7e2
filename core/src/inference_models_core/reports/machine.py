"""The machine as reports show it: system, processor, devices, driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.reports.units import format_bytes, plural

if TYPE_CHECKING:
    from inference_models_core.runtime.facts import Gpu, Jetson, SystemFacts
    from inference_models_core.runtime.probe import RuntimeProbe


@attrs.frozen(kw_only=True)
class MachineFacts:
    """What the runtime probe found out.

    Attributes:
        system: Operating system, processor, Python.
        gpus: NVIDIA GPUs in CUDA's order.
        driver_version: Version of the NVIDIA driver; empty if there is none.
        cuda_driver_version: Newest CUDA version that the driver supports; ``None`` without a driver.
        jetson: The Jetson that this is, or ``None``.
    """

    system: SystemFacts
    gpus: tuple[Gpu, ...] = ()
    driver_version: str = ""
    cuda_driver_version: tuple[int, int] | None = None
    jetson: Jetson | None = None

    def words(self) -> dict[str, str]:
        """Name -> value as people read it; what is not there is left out."""
        system = self.system
        cores = plural(system.cpu_count, "core")
        facts = {
            "system": " ".join(part for part in (system.os, system.os_version, system.machine) if part),
            "processor": f"{system.cpu_name}, {cores}" if system.cpu_name else cores,
            "jetson": _jetson_words(self.jetson) if self.jetson else "",
            "gpu": "none that CUDA shows" if not self.gpus else "",
            **{f"gpu {gpu.index}": _gpu_words(gpu) for gpu in self.gpus},
            "nvidia driver": self._driver_words(),
        }
        return {name: value for name, value in facts.items() if value}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return attrs.asdict(self)

    def _driver_words(self) -> str:
        cuda = _version(self.cuda_driver_version)
        parts = (self.driver_version, f"supports CUDA up to {cuda}" if cuda else "")
        return ", ".join(part for part in parts if part)


def machine_facts(probe: RuntimeProbe) -> MachineFacts:
    """Asks the probe everything."""
    return MachineFacts(
        system=probe.system(),
        gpus=probe.gpus(),
        driver_version=probe.driver_version(),
        cuda_driver_version=probe.cuda_driver_version(),
        jetson=probe.jetson(),
    )


def _gpu_words(gpu: Gpu) -> str:
    memory = format_bytes(gpu.memory_bytes) if gpu.memory_bytes else ""
    capability = _version(gpu.compute_capability)
    parts = (gpu.name or "unknown", memory, f"compute capability {capability}" if capability else "")
    return ", ".join(part for part in parts if part)


def _jetson_words(jetson: Jetson) -> str:
    l4t = f"L4T {jetson.l4t_version}" if jetson.l4t_version else ""
    return ", ".join(part for part in (jetson.module or "unknown module", l4t) if part)


def _version(version: tuple[int, int] | None) -> str:
    return f"{version[0]}.{version[1]}" if version else ""

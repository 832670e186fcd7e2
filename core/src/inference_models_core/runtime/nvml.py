"""GPUs and driver from NVML, NVIDIA's management library, through ctypes.

Unlike any CUDA call, this creates no CUDA context: it is safe before a fork and costs no GPU memory. Functions and
layouts are those of NVML's API reference.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.log import debug
from inference_models_core.runtime.facts import Gpu
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_LIBRARIES = {"linux": "libnvidia-ml.so.1", "win32": "nvml.dll"}
_TEXT_BYTES = 96
_NUMBER = re.compile(r"\d+")


@attrs.frozen(kw_only=True, repr=False)
class NvmlFacts(Value):
    """What NVML says.

    Attributes:
        gpus: The GPUs that CUDA would show to this process.
        driver_version: Version of the driver, such as ``"550.54.15"``; empty if unknown.
        cuda_driver_version: Newest CUDA that the driver supports, such as ``(12, 4)``; ``None`` if unknown.
    """

    gpus: tuple[Gpu, ...] = ()
    driver_version: str = ""
    cuda_driver_version: tuple[int, int] | None = None


NOTHING = NvmlFacts()


def load_nvml() -> Any | None:
    """The library, ``None`` if there is none."""
    import ctypes

    name = _LIBRARIES.get(sys.platform)
    try:
        return ctypes.CDLL(name) if name else None
    except OSError:
        return None


def read_nvml(visible: str | None, load: Callable[[], Any | None] = load_nvml) -> NvmlFacts:
    """Asks NVML once and lets it go.

    Args:
        visible: Value of ``CUDA_VISIBLE_DEVICES``; ``None`` if it is not set. Its numbers are taken in NVML's order,
            that of the PCI bus. CUDA sorts different GPUs of one machine by speed unless
            ``CUDA_DEVICE_ORDER=PCI_BUS_ID`` is set.
        load: Opens the library.

    Returns:
        The facts; nothing without a driver.
    """
    library = load()
    if library is None:
        return NOTHING
    code = library.nvmlInit_v2()
    if code != 0:
        debug("NVML does not start: code %d", code)
        return NOTHING
    nvml = _Nvml(library)
    try:
        return NvmlFacts(
            gpus=tuple(_visible_gpus(nvml, visible)),
            driver_version=nvml.text("nvmlSystemGetDriverVersion"),
            cuda_driver_version=_cuda_version(nvml.number("nvmlSystemGetCudaDriverVersion_v2")),
        )
    finally:
        library.nvmlShutdown()


def _cuda_version(number: int | None) -> tuple[int, int] | None:
    return (number // 1000, number % 1000 // 10) if number else None


class _Nvml:
    """The few kinds of calls that are needed; each gives nothing where the library or the device cannot answer."""

    def __init__(self, library: Any) -> None:
        import ctypes

        self._library = library
        self._ctypes = ctypes

    def _call(self, function: str, *arguments: Any) -> bool:
        return hasattr(self._library, function) and getattr(self._library, function)(*arguments) == 0

    def number(self, function: str, *arguments: Any) -> int | None:
        value = self._ctypes.c_int()
        return value.value if self._call(function, *arguments, self._ctypes.byref(value)) else None

    def text(self, function: str, *arguments: Any) -> str:
        buffer = self._ctypes.create_string_buffer(_TEXT_BYTES)
        asked = self._call(function, *arguments, buffer, self._ctypes.c_uint(_TEXT_BYTES))
        return buffer.value.decode("utf-8", "replace") if asked else ""

    def handle(self, function: str, *arguments: Any) -> Any | None:
        handle = self._ctypes.c_void_p()
        return handle if self._call(function, *arguments, self._ctypes.byref(handle)) else None

    def handles(self) -> list[Any]:
        count = self.number("nvmlDeviceGetCount_v2") or 0
        found = (self.handle("nvmlDeviceGetHandleByIndex_v2", self._ctypes.c_uint(i)) for i in range(count))
        return [handle for handle in found if handle is not None]

    def slices(self, gpu: Any) -> list[Any]:
        """The MIG devices of a GPU."""
        count = self.number("nvmlDeviceGetMaxMigDeviceCount", gpu) or 0
        found = (self.handle("nvmlDeviceGetMigDeviceHandleByIndex", gpu, self._ctypes.c_uint(i)) for i in range(count))
        return [handle for handle in found if handle is not None]

    def memory(self, handle: Any) -> int:
        values = (self._ctypes.c_ulonglong * 3)()  # nvmlMemory_t: total, free, used
        return int(values[0]) if self._call("nvmlDeviceGetMemoryInfo", handle, self._ctypes.byref(values)) else 0

    def compute_capability(self, handle: Any) -> tuple[int, int] | None:
        major, minor = self._ctypes.c_int(), self._ctypes.c_int()
        arguments = (handle, self._ctypes.byref(major), self._ctypes.byref(minor))
        return (major.value, minor.value) if self._call("nvmlDeviceGetCudaComputeCapability", *arguments) else None

    def uuid(self, handle: Any) -> str:
        return self.text("nvmlDeviceGetUUID", handle)


def _visible_gpus(nvml: _Nvml, visible: str | None) -> Iterator[Gpu]:
    handles = nvml.handles()
    for index, (parent, handle) in enumerate(_chosen(nvml, handles, visible)):
        yield Gpu(
            index=index,
            name=nvml.text("nvmlDeviceGetName", handle),
            memory_bytes=nvml.memory(handle),
            compute_capability=nvml.compute_capability(parent),
            uuid=nvml.uuid(handle),
        )


def _chosen(nvml: _Nvml, handles: Sequence[Any], visible: str | None) -> list[tuple[Any, Any]]:
    """Pairs (GPU, GPU or its MIG device) that CUDA would show."""
    whole = [(handle, handle) for handle in handles]
    if visible is None:
        return whole
    if "MIG-" in visible:
        slices = [(handle, part) for handle in handles for part in nvml.slices(handle)]
        uuids = [nvml.uuid(part) for _, part in slices]
        return [slices[position] for position in visible_positions(visible, uuids)][:1]  # CUDA uses one MIG device
    return [whole[position] for position in visible_positions(visible, [nvml.uuid(handle) for handle in handles])]


def visible_positions(visible: str, uuids: Sequence[str]) -> list[int]:
    """Reads ``CUDA_VISIBLE_DEVICES`` (CUDA C++ Programming Guide, "CUDA Environment Variables").

    Args:
        visible: Numbers or beginnings of UUIDs, separated by commas. What follows an invalid entry is invisible; an
            entry given twice makes everything invisible.
        uuids: UUIDs of the devices in order.

    Returns:
        Positions of the visible devices in the order given.
    """
    positions: list[int] = []
    for entry in map(str.strip, visible.split(",")):
        position = _position(entry, uuids)
        if position is None:
            break
        if position in positions:
            return []
        positions.append(position)
    return positions


def _position(entry: str, uuids: Sequence[str]) -> int | None:
    if _NUMBER.fullmatch(entry):
        return int(entry) if int(entry) < len(uuids) else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    matching = [position for position, uuid in enumerate(uuids) if uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None

"""Execution providers: their names, where they compute, and which of them serve a device."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
TENSORRT_PROVIDER = "TensorrtExecutionProvider"
DIRECTML_PROVIDER = "DmlExecutionProvider"

DEVICE_KINDS = {
    CUDA_PROVIDER: "cuda",
    TENSORRT_PROVIDER: "cuda",
    "NvTensorRTRTXExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "rocm",
    "ROCMExecutionProvider": "rocm",
    DIRECTML_PROVIDER: "dml",
    "QNNExecutionProvider": "npu",
    "CoreMLExecutionProvider": "coreml",
}
"""Provider -> kind of device that it computes on; all others (CPU, XNNPACK, OpenVINO by default) count as ``cpu``."""

_DEFAULTS = {
    "cpu": CPU_PROVIDER,
    "cuda": CUDA_PROVIDER,
    "rocm": "MIGraphXExecutionProvider",
    "dml": DIRECTML_PROVIDER,
    "npu": "QNNExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
_OTHERS = ("OpenVINOExecutionProvider", "XnnpackExecutionProvider", "DnnlExecutionProvider", "WebGpuExecutionProvider")
_SUFFIX = "ExecutionProvider"
_BY_SHORT_NAME = {name.removesuffix(_SUFFIX).lower(): name for name in (CPU_PROVIDER, *DEVICE_KINDS, *_OTHERS)} | {
    "directml": DIRECTML_PROVIDER,
    "trt": TENSORRT_PROVIDER,
}


def provider_name(text: str) -> str:
    """The runtime's spelling of a provider: ``"cuda"`` and ``"CUDAExecutionProvider"`` are the same.

    A name that is not known here is returned as it is: runtimes can load providers that we never heard of.
    """
    lowered = text.strip().lower()
    return _BY_SHORT_NAME.get(lowered.removesuffix(_SUFFIX.lower()), text.strip())


def device_kind(provider: str) -> str:
    """Kind of device that a provider computes on."""
    return DEVICE_KINDS.get(provider, "cpu")


def serves(provider: str, kind: str) -> bool:
    """Whether a provider computes on a kind of device."""
    return device_kind(provider) == kind


@functools.lru_cache(maxsize=64)
def default_providers(kind: str) -> tuple[str, ...]:
    """Providers used for a kind of device when the caller names none; the CPU takes what the first one cannot.

    TensorRT is never a default: it builds an engine for minutes and changes the numbers.
    """
    first = _DEFAULTS.get(kind)
    if first is None:
        return ()
    return (first,) if first == CPU_PROVIDER else (first, CPU_PROVIDER)


def missing(wanted: Iterable[str], available: Collection[str]) -> tuple[str, ...]:
    """Providers that were asked for and are not there, in order."""
    return tuple(name for name in wanted if name not in available)

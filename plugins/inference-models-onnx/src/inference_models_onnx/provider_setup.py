"""What execution providers need before a session is made: options, and libraries that the process must find."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
import threading
from typing import TYPE_CHECKING, Any

from inference_models_core.log import logger

from inference_models_onnx.providers import TENSORRT_PROVIDER, default_providers, device_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from inference_models_core.types.devices import Device

    from inference_models_onnx.options import OnnxOptions

_TAKES_DEVICE_ID = ("cuda", "rocm", "dml")


def configured_providers(settings: OnnxOptions, device: Device, path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The providers of a session with their options; the caller's own options win.

    Args:
        settings: The caller's options; without providers, the defaults of the device are used.
        device: Where to compute; its index becomes the provider's ``device_id``.
        path: The model file, which names TensorRT's engine cache.

    Returns:
        Pairs of name and options, in order of preference.
    """
    chosen = settings.providers
    if chosen is None:
        chosen = tuple((name, {}) for name in default_providers(device.kind))
    return [(name, {**_defaults(name, device, path), **options}) for name, options in chosen]


def _defaults(name: str, device: Device, path: Path) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    if device.index is not None and device_kind(name) == device.kind and device.kind in _TAKES_DEVICE_ID:
        defaults["device_id"] = device.index
    if name == TENSORRT_PROVIDER:
        defaults |= {
            "trt_fp16_enable": True,
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(_engine_cache(path)),
        }
    return defaults


def _engine_cache(path: Path) -> Path:
    """A private directory per model file: engines are code, so never one that came with a package."""
    import hashlib

    from inference_models_core.settings import cache_folder

    status = path.stat()
    identity = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    key = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:32]
    directory = cache_folder() / "onnx-tensorrt" / key
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def prepare_libraries(runtime: Any, providers: Iterable[str]) -> None:
    """Loads the CUDA libraries that pip installed, where the runtime offers to; it does not look there by itself."""
    preload = getattr(runtime, "preload_dlls", None)
    if preload is not None and any(device_kind(name) == "cuda" for name in providers):
        _preload_once(preload)


@functools.lru_cache(maxsize=1)
def _preload_once(preload: Callable[[], None]) -> None:
    captured = _ThreadCapture()
    with contextlib.redirect_stdout(captured):
        preload()
    if captured.text:
        logger().info("ONNX Runtime on loading CUDA libraries: %s", captured.text.strip())


class _ThreadCapture(io.TextIOBase):
    """Takes what this thread prints; what other threads print meanwhile goes where it always goes."""

    def __init__(self) -> None:
        self._owner = threading.get_ident()
        self._elsewhere = sys.stdout
        self.text = ""

    def write(self, text: str) -> int:
        if threading.get_ident() != self._owner:
            return self._elsewhere.write(text)
        self.text += text
        return len(text)

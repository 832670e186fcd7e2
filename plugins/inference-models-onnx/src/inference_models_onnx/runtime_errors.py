"""What ONNX Runtime raises, and what it means for us."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from inference_models_core.errors import (
    CannotOpenHereError,
    InferenceModelsError,
    LoadError,
    PackageError,
    PackageFileMissingError,
)

from inference_models_onnx.builds import installed_builds, upgrade_line

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLASSES = (
    "DeviceReset",
    "EPFail",
    "EngineError",
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "ModelLoadCanceled",
    "ModelLoaded",
    "ModelRequiresCompilation",
    "NoModel",
    "NoSuchFile",
    "NotFound",
    "NotImplemented",
    "RuntimeException",
)
_MEMORY = r"bad_alloc|out of memory|failed to allocate|bfc_arena|allocate memory"
_DAMAGED = (
    r"deserialize tensor|unpack|size of initializer|does not match expected size|buffer size mismatch|"
    r"external data|external initializer|"
    r"protobuf parsing failed|is not output of any previous nodes|must be topologically sorted|type error: type"
)
_TOO_NEW = r"opset|ir version|ir_version"


@functools.cache
def runtime_errors() -> tuple[type[Exception], ...]:
    """The exception classes that ONNX Runtime raises; they share no base class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    own = tuple(getattr(native, name) for name in _CLASSES if hasattr(native, name))
    return (*own, RuntimeError, ValueError, TypeError, NotImplementedError)


def explain_open_error(error: Exception, name: str, providers: Iterable[str], version: str) -> InferenceModelsError:
    """The typed error for a file that the runtime did not open.

    Args:
        error: What the runtime raised.
        name: The file's name.
        providers: Execution providers that were asked for.
        version: Version of the runtime.

    Returns:
        A package error for a file that no runtime could open, a load error for exhausted memory, and
        :class:`CannotOpenHereError` for everything that another runtime, version or provider might do.
    """
    text, kind = str(error), type(error).__name__
    if kind == "NoSuchFile":
        return PackageFileMissingError(f"ONNX Runtime does not find {name}: {text}")
    if _says(_MEMORY, text):
        return LoadError(f"not enough memory to open {name}: {text}")
    if kind in ("InvalidProtobuf", "NoModel") or _says(_DAMAGED, text):
        return PackageError(f"{name} is damaged: {text}", hint="fetch or export the model again")
    return CannotOpenHereError(
        f"ONNX Runtime {version} with {', '.join(providers)} cannot open {name}: {text}",
        hint=upgrade_line(installed_builds()) if _says(_TOO_NEW, text) else "",
    )


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None

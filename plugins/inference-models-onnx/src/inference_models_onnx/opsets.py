"""Which ONNX opset and file version each release of ONNX Runtime opens.

Measured by opening a graph of every opset and every file version with the last patch release of each minor version on
the CPU: a runtime refuses anything newer than it knows. (The published compatibility table says opset 23 for 1.22; the
runtime says 22.)
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from inference_models_onnx.builds import OLDEST_RUNTIME

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")

_CEILINGS = {
    # major.minor: (opset of the domain ai.onnx, IR version)
    (1, 17): (20, 9),
    (1, 18): (21, 10),
    (1, 19): (21, 10),
    (1, 20): (21, 10),
    (1, 21): (22, 10),
    (1, 22): (22, 10),
    (1, 23): (23, 11),
    (1, 24): (25, 13),
    (1, 25): (26, 13),
    (1, 26): (26, 13),
    (1, 27): (26, 13),
    (1, 28): (26, 13),
    (1, 29): (26, 13),
    (1, 30): (26, 13),
    (1, 31): (26, 13),
    (1, 32): (28, 14),
}
_OLDEST = tuple(int(part) for part in OLDEST_RUNTIME.split("."))


class Ceiling(NamedTuple):
    """Newest opset and IR version that a runtime opens; ``None`` where unknown, which forbids nothing.

    Attributes:
        opset: Of the domain ``ai.onnx``.
        ir_version: Version of the file format.
        too_old: Whether the runtime is older than this backend drives.
    """

    opset: int | None = None
    ir_version: int | None = None
    too_old: bool = False


@functools.lru_cache(maxsize=64)
def ceiling(version: str) -> Ceiling:
    """The ceiling of a runtime version.

    Args:
        version: Version text such as ``"1.24.4"`` or ``"1.20.0.dev20241014"``.

    Returns:
        What it opens. A release newer than the table is not an old one: it has no ceiling here, and the runtime itself
        has the last word when the file is opened. The same goes for text that is no version.
    """
    release = release_of(version)
    if release is None:
        return Ceiling()
    opset, ir_version = _CEILINGS.get(release[:2], (None, None))
    return Ceiling(opset=opset, ir_version=ir_version, too_old=release[:2] < _OLDEST)


@functools.lru_cache(maxsize=64)
def release_of(version: str) -> tuple[int, int, int] | None:
    """Major, minor and patch of a version text; ``None`` for text that is no version."""
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


@functools.lru_cache(maxsize=64)
def runtime_for(opset: int | None, ir_version: int | None) -> str:
    """Oldest runtime of the table that opens a file, such as ``"1.24"``; empty if none does."""
    for (major, minor), (newest_opset, newest_ir) in sorted(_CEILINGS.items()):
        if (opset or 0) <= newest_opset and (ir_version or 0) <= newest_ir:
            return f"{major}.{minor}"
    return ""

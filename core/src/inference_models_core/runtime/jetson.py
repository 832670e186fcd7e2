"""Is this a Jetson, and which? From files and environment variables, without starting a shell."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models_core.errors import InvalidRequestError
from inference_models_core.runtime.facts import Gpu, Jetson
from inference_models_core.runtime.system import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path("/")
_MODULE_VARIABLE = "JETSON_MODULE"
_L4T_VARIABLE = "L4T_VERSION"
_RUNNING_VARIABLE = "RUNNING_ON_JETSON"
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_RELEASE = re.compile(r"\bR(\d+)\b.*?REVISION:\s*(\d+(?:\.\d+)*)")
_MEMORY = re.compile(r"^MemTotal:\s*(\d+) kB", re.MULTILINE)
# NVIDIA's table of compute capabilities. The order matters: there are an AGX Orin, an Orin Nano, an AGX Thor.
_FAMILIES = {
    "thor": (11, 0),
    "orin": (8, 7),
    "xavier": (7, 2),
    "agx": (7, 2),  # "Jetson-AGX" alone is the AGX Xavier, as older releases call it
    "tx2": (6, 2),
    "quill": (6, 2),  # what the device tree of a TX2 developer kit says
    "tx1": (5, 3),
    "nano": (5, 3),
}


def read_jetson(environ: Mapping[str, str] | None = None, root: Path = _ROOT) -> Jetson | None:
    """Finds out about a Jetson.

    ``RUNNING_ON_JETSON`` decides if it is set; ``JETSON_MODULE`` and ``L4T_VERSION`` stand for files that containers
    often lack.

    Args:
        environ: Environment variables; those of the process if ``None``.
        root: Where ``/proc`` and ``/etc`` are.

    Returns:
        What it is; ``None`` if this is no Jetson.

    Raises:
        InvalidRequestError: If ``RUNNING_ON_JETSON`` is neither true nor false.
    """
    variables = os.environ if environ is None else environ
    running = _switch(variables.get(_RUNNING_VARIABLE, ""))
    if running is False:
        return None
    module = _slug(variables.get(_MODULE_VARIABLE, "")) or _module_of_device_tree(root)
    if not module and not running:
        return None
    l4t_version = variables.get(_L4T_VARIABLE, "").strip() or parse_l4t(read_text(root / "etc/nv_tegra_release"))
    return Jetson(module=module, l4t_version=l4t_version, compute_capability=_compute_capability(module))


def gpu_of_jetson(jetson: Jetson, root: Path = _ROOT) -> Gpu:
    """The GPU of a Jetson, whose memory is the system's, for systems without NVML."""
    match = _MEMORY.search(read_text(root / "proc/meminfo"))
    return Gpu(
        index=0,
        name=jetson.module or "jetson",
        memory_bytes=int(match[1]) * 1024 if match else 0,
        compute_capability=jetson.compute_capability,
    )


def parse_l4t(document: str) -> str:
    """Version from ``/etc/nv_tegra_release``: ``"# R36 (release), REVISION: 4.3, ..."`` is ``"36.4.3"``."""
    match = _RELEASE.search(document)
    return f"{match[1]}.{match[2]}" if match else ""


def _switch(text: str) -> bool | None:
    word = text.strip().lower()
    if word and word not in (*_TRUE, *_FALSE):
        raise InvalidRequestError(f"{_RUNNING_VARIABLE} is {text!r}", hint="set it to true or false")
    return word in _TRUE if word else None


def _module_of_device_tree(root: Path) -> str:
    model = _slug(read_text(root / "proc/device-tree/model"))
    known = "jetson" in model or model == "quill" or ("nvidia" in model and _compute_capability(model) is not None)
    return model if known else ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _compute_capability(module: str) -> tuple[int, int] | None:
    return next((capability for family, capability in _FAMILIES.items() if family in module.split("-")), None)

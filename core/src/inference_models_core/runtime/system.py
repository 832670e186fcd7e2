"""Operating system, processor and Python, from files and the standard library."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from inference_models_core.runtime.facts import SystemFacts

_ROOT = Path("/")
_NAMES = {"win32": "windows", "darwin": "macos"}


def read_system(root: Path = _ROOT) -> SystemFacts:
    """Reads the facts.

    Args:
        root: Where ``/etc`` and ``/proc`` are.
    """
    return SystemFacts(
        os=_NAMES.get(sys.platform, sys.platform),
        os_version=_os_version(root),
        machine=os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        cpu_name=_cpu_name(root),
        cpu_count=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        python=f"{_implementation()} {'.'.join(map(str, sys.version_info[:3]))}",
    )


def read_text(path: Path) -> str:
    """Content of a small system file without the zero bytes that the device tree ends its texts with.

    Returns:
        The text; empty if the file does not exist or may not be read.
    """
    try:
        return path.read_text("utf-8", "replace").replace("\0", "").strip()
    except OSError:
        return ""


def _os_version(root: Path) -> str:
    if sys.platform == "win32":
        version = sys.getwindowsversion()
        return f"Windows {version.major}.{version.minor}.{version.build}"
    if sys.platform == "darwin":
        import platform

        return f"macOS {platform.mac_ver()[0]}"
    return os_release(read_text(root / "etc/os-release"))


def os_release(document: str) -> str:
    """Name and version from an ``os-release`` file (freedesktop.org ``os-release(5)``)."""
    fields = dict(line.split("=", 1) for line in document.splitlines() if "=" in line)
    words = (fields.get(key, "").strip().strip("\"'") for key in ("NAME", "VERSION_ID"))
    return " ".join(word for word in words if word)


def _cpu_name(root: Path) -> str:
    for line in read_text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return os.environ.get("PROCESSOR_IDENTIFIER", "")


def _implementation() -> str:
    name = sys.implementation.name
    return {"cpython": "CPython", "pypy": "PyPy"}.get(name, name)

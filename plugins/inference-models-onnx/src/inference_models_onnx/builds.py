"""The builds of ONNX Runtime, as package metadata sees them; imports no runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BUILDS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
)
"""Distributions that own the module ``onnxruntime``; two of them overwrite each other's files."""

OLDEST_RUNTIME = "1.17"
INSTALL_CPU = 'pip install "inference-models-onnx[cpu]"'
INSTALL_GPU = 'pip install "inference-models-onnx[gpu]"'


def installed_builds(version: Callable[[str], str | None] | None = None) -> dict[str, str]:
    """The builds that are installed, with their versions, in the order of :data:`BUILDS`.

    Args:
        version: Gives a distribution's version or ``None``; the standard library's, whose import costs more than all
            the rest here, where nothing lighter is at hand.
    """
    versions = ((name, (version or _version_of)(name)) for name in BUILDS)
    return {name: found for name, found in versions if found is not None}


def _version_of(name: str) -> str | None:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def mending_line(builds: dict[str, str]) -> str:
    """The command that leaves exactly one of several builds: the one that was added to the plain one."""
    special = [name for name in builds if name != "onnxruntime"]
    if not special:
        install = INSTALL_CPU
    elif special[0] == "onnxruntime-gpu":
        install = INSTALL_GPU
    else:
        install = f"pip install {special[0]}"
    return f"pip uninstall -y {' '.join(builds)} && {install}"


def gpu_line(builds: str | Iterable[str]) -> str:
    """The command that puts the build for GPUs of NVIDIA in the place of what is installed, never beside it.

    Args:
        builds: Installed builds, or their names separated by commas.
    """
    there = _known(builds)
    return f"pip uninstall -y {' '.join(there)} && {INSTALL_GPU}" if there else INSTALL_GPU


def upgrade_line(builds: str | Iterable[str], least: str = "") -> str:
    """The command that upgrades the build that is installed, and not another one beside it.

    Args:
        builds: Installed builds, or their names separated by commas.
        least: Version that is enough; empty for the newest.
    """
    build = next(iter(_known(builds)), BUILDS[0])
    return f'pip install --upgrade "{build}>={least}"' if least else f"pip install --upgrade {build}"


def _known(builds: str | Iterable[str]) -> tuple[str, ...]:
    names = builds.split(",") if isinstance(builds, str) else builds
    return tuple(name for name in names if name in BUILDS)


def conflict_text(builds: dict[str, str]) -> str:
    """What is wrong when several builds are installed."""
    listed = " and ".join(f"{name} {version}" for name, version in builds.items())
    return f"{listed} are installed together and overwrite each other's files"

"""The builds of PyTorch, as files on the disk tell them apart; imports no runtime."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

OLDEST_RUNTIME = "2.10"
"""First release whose reader of ``weights_only`` pickles has no known hole (CVE-2025-32434, CVE-2026-24747)."""

INSTALL = 'pip install "inference-models-torch[torch]"'
INSTALL_TIMM = 'pip install "inference-models-torch[timm]"'
INSTALL_TORCHVISION = "pip install torchvision  # of the release and build that fit the installed PyTorch"
UPGRADE = f'pip install --upgrade "torch>={OLDEST_RUNTIME}"'
CHOOSE_BUILD = "choose a build for this machine on https://pytorch.org/get-started/locally/"

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_ASSIGNMENT = re.compile(r"""^(\w+)\s*(?::[^=\n]*)?=\s*(?:(['"])([^'"\n]*)\2|None)\s*$""", re.MULTILINE)
_MOST_BYTES = 16_384


class Build(NamedTuple):
    """What an installed PyTorch says about itself.

    Attributes:
        version: Such as ``"2.13.0+cpu"``.
        cuda: CUDA release that it was built with, such as ``"13.0"``; empty for none.
        hip: The same for AMD's HIP, which PyTorch calls ``cuda``, too.
    """

    version: str
    cuda: str = ""
    hip: str = ""


def installed_build() -> Build | None:
    """The PyTorch that would be imported, from its own ``version.py``; ``None`` where there is none or it is cut."""
    spec = importlib.util.find_spec("torch")
    folders = spec.submodule_search_locations if spec else None
    try:
        text = Path(folders[0], "version.py").read_text(encoding="utf-8")[:_MOST_BYTES] if folders else ""
    except (OSError, UnicodeDecodeError):
        return None
    said = {match[1]: match[3] or "" for match in _ASSIGNMENT.finditer(text)}
    if not said.get("__version__"):
        return None
    return Build(said["__version__"], cuda=said.get("cuda", ""), hip=said.get("hip", ""))


@functools.lru_cache(maxsize=64)
def release_of(version: str) -> tuple[int, int, int] | None:
    """Major, minor and patch of a version text; ``None`` for text that is no version.

    What follows does not count: NVIDIA's builds for its containers and Jetsons call themselves ``2.6.0a0+...``.
    """
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def is_older(version: str, least: str) -> bool:
    """Whether a version is below another; text that is no version is not."""
    found, wanted = release_of(version), release_of(least)
    return found is not None and wanted is not None and found < wanted

"""How the files of a package may lie on the disk."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEVER_TENSORS = frozenset({".onnx", ".json", ".txt", ".yaml", ".yml", ".md"})


def links_allowed(handles: Iterable[str]) -> bool:
    """Whether hard links will do.

    ONNX Runtime opens them all. ``onnx.load``, which its users have, refuses external data that has a second name on
    the disk, and the name of such a file can be anything: one that could be it is reason enough to copy.

    Args:
        handles: Names of the files of a package.

    Returns:
        Whether no file besides graphs and documents is among them.
    """
    return all(PurePosixPath(handle).suffix.lower() in _NEVER_TENSORS for handle in handles)

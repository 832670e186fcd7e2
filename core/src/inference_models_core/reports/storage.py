"""The folder that downloads go to, and whether it can be used."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.settings import cache_folder, chosen_cache

if TYPE_CHECKING:
    from pathlib import Path


@attrs.frozen(kw_only=True)
class CacheFacts:
    """The cache folder as it is now; looking creates nothing.

    Attributes:
        path: The folder.
        exists: Whether it is there.
        writable: Whether it, or the nearest folder above that exists, can be written.
        private: Whether nobody else can write into it; ``None`` where the system does not say (Windows) or it does
            not exist.
        free_bytes: Free space on its disk.
    """

    path: str
    exists: bool
    writable: bool
    private: bool | None
    free_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return attrs.asdict(self)


def cache_facts(folder: Path | None = None) -> CacheFacts:
    """Looks at a cache folder.

    Args:
        folder: The folder; the one that is used without a choice of the caller if ``None``.
    """
    path = folder or chosen_cache() or cache_folder()
    existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    return CacheFacts(
        path=str(path),
        exists=existing == path,
        writable=existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
        private=_is_private(path) if existing == path else None,
        free_bytes=shutil.disk_usage(existing).free,
    )


def _is_private(path: Path) -> bool | None:
    if sys.platform == "win32":  # access lists, which mode bits do not show
        return None
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022

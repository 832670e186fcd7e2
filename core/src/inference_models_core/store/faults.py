"""What the operating system says, as errors of the cache."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from inference_models_core.errors import CacheError, DiskFullError, InferenceModelsError, ReadOnlyCacheError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def typed_errors(path: Path, needed: int = 0) -> Iterator[None]:
    """Turns errors of the operating system into errors of the cache.

    Args:
        path: What is being worked on, for the message.
        needed: Bytes that are to be written there.

    Raises:
        DiskFullError: If there is no room.
        ReadOnlyCacheError: If writing is forbidden.
        CacheError: For every other error, but for a missing file, which callers treat as absence.
    """
    try:
        yield
    except (InferenceModelsError, FileNotFoundError):
        raise
    except OSError as error:
        raise as_cache_error(error, path, needed) from error


def as_cache_error(error: OSError, path: Path, needed: int = 0) -> CacheError:
    """The error of the cache that says what the operating system said."""
    said = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return disk_full(path, needed)
    if error.errno in _FORBIDDEN:
        return ReadOnlyCacheError(
            f"{path} cannot be written: {said}",
            hint="make it writable for this user, or use another cache: cache_dir=...",
        )
    return CacheError(f"{path}: {said}", hint="look at the disk; inference-models cache verify checks the rest")


def disk_full(path: Path, needed: int) -> DiskFullError:
    """The error for a disk without room."""
    available = free_bytes(path)
    return DiskFullError(
        f"no room in {path}: {needed:,} bytes are needed, {available:,} are free",
        path=path,
        needed=needed,
        available=available,
        hint="free some: inference-models cache prune --keep 20GB, or use another disk: cache_dir=...",
    )


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write; quotas are not seen by every system."""
    import shutil

    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free

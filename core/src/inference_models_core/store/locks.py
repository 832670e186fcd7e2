"""Advisory locks, so that a file is fetched once and not by everybody. Nothing is wrong where they do nothing."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from inference_models_core import parsing
from inference_models_core.download import locks
from inference_models_core.errors import CacheError, CacheLockStalledError
from inference_models_core.log import logger
from inference_models_core.store import files
from inference_models_core.store.documents import read_value
from inference_models_core.store.faults import typed_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

STALL_SECONDS = 60.0
_SHORTEST_PAUSE = 0.005
_LONGEST_PAUSE = 0.25
_warned: set[Path] = set()


@contextlib.contextmanager
def held(path: Path, *, watched: Path, mode: int, stall_seconds: float = STALL_SECONDS) -> Iterator[None]:
    """Holds a lock between processes and between threads, where the file system has locks.

    Args:
        path: File of the lock; it is made and stays. Its folder must exist.
        watched: Folder in which whoever holds the lock works: while files grow there, waiting goes on.
        mode: Permissions of the file.
        stall_seconds: How long nothing may move there.

    Raises:
        CacheLockStalledError: If nothing moved for that long; names the file, and who holds the lock.
        UnsafeCacheError: If the file is a link, a FIFO or a device.
    """
    owner = os.getpid()
    with typed_errors(path):
        lock = _lock(path, mode)
        if lock is not None:
            _wait(lock, path, watched, stall_seconds)
    try:
        yield
    finally:
        if lock is not None and os.getpid() == owner:  # a forked child never held it
            lock.release()


def _lock(path: Path, mode: int) -> BaseFileLock | None:
    """The lock, not yet taken; ``None``, with a warning, where locks do not work."""
    try:
        works = _has_locks(path, mode)
    except CacheError:
        raise
    except OSError as error:
        _warn_once(path, f"{path.name} cannot be opened: {error.strerror}")
        return None
    if not works:
        _warn_once(path, "the file system has no locks")
        return None
    import filelock

    return filelock.FileLock(path, mode=mode)


def _has_locks(path: Path, mode: int) -> bool:
    """Asks the file system itself, as the package for locks takes some of its errors for a lock that is held."""
    fd = _open(path, mode)
    try:
        return sys.platform == "win32" or locks.take(fd, shared=True) is not None
    finally:
        locks.close(fd)


def _open(path: Path, mode: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        return files.open_existing(path, writable=True)
    try:
        fd = files.create(path, mode)
    except FileExistsError:
        return files.open_existing(path, writable=True)
    try:
        files.set_mode(fd, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _warn_once(path: Path, why: str) -> None:
    if path.parent not in _warned:
        _warned.add(path.parent)
        logger().warning("no locks in %s (%s): files that several processes want are fetched by each", path.parent, why)


def _wait(lock: BaseFileLock, path: Path, watched: Path, stall_seconds: float) -> None:
    seen, since, pause = progress(watched), time.monotonic(), _SHORTEST_PAUSE
    while not _try(lock):
        time.sleep(min(pause, stall_seconds / 4))
        pause = min(1.5 * pause, _LONGEST_PAUSE)
        now = progress(watched)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since >= stall_seconds:
            raise _stalled(path, watched, time.monotonic() - since)


def _try(lock: BaseFileLock) -> bool:
    import filelock

    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return False
    return True


def progress(folder: Path) -> list[tuple[str, int, int]]:
    """What lies in a folder, in a form that changes whenever somebody works there."""
    found = []
    for path in sorted(folder.glob("**/*")):
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            found.append((str(path), status.st_size, status.st_mtime_ns))
    return found


def _stalled(path: Path, watched: Path, seconds: float) -> CacheLockStalledError:
    return CacheLockStalledError(
        f"{path}: {_holder(watched)} holds the lock and nothing has moved in {watched} for {seconds:.0f} s",
        hint="end that process if it hangs, or wait for it; then load again",
    )


def _holder(folder: Path) -> str:
    """Who wrote last, as said beside their part."""
    notes = [(status.st_mtime_ns, path) for path in folder.glob("*.json") if (status := _status(path))]
    for _, note in sorted(notes, reverse=True):
        pid, host = read_value(note, "pid", parsing.as_integer), read_value(note, "host", parsing.as_text)
        if pid is not None and host is not None:
            return f"process {pid} on {host}"
    return "another process"


def _status(path: Path) -> os.stat_result | None:
    with contextlib.suppress(OSError):
        return os.lstat(path)
    return None

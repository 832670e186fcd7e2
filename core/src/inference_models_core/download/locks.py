"""Whether the owner of a part is alive: it holds an advisory lock on the file for as long as it lives.

The lock guards nothing: parts are private. It only tells garbage from what another process is writing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

from inference_models_core.store import files

if TYPE_CHECKING:
    from pathlib import Path

_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


def take(fd: int, *, shared: bool = False) -> bool | None:
    """Takes the lock of an open file until it is closed.

    Args:
        fd: The file.
        shared: Whether others may hold it in the same way at the same time.

    Returns:
        Whether it was free; ``None`` if there are no such locks here.
    """
    if sys.platform == "win32":
        return None  # locks there are not advisory: they would keep others from reading
    import fcntl

    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def close(fd: int) -> None:
    """Gives back a lock that was held for an instant, and closes the file.

    Closing alone does not give it back where another thread forked meanwhile: the child inherits the open file and the
    lock with it, and would go on to wait for itself.
    """
    try:
        if sys.platform != "win32":
            import fcntl

            with contextlib.suppress(OSError):  # no locks here
                fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def exclude(path: Path) -> bool:
    """Whether locks work at all: one on a file whose lock this process holds must not be free a second time.

    Some network file systems grant every lock.
    """
    fd = files.open_existing(path, writable=True)
    try:
        return take(fd) is False
    finally:
        close(fd)

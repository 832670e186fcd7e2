"""A package's folder in use: nobody collects it, and whether it was touched can be asked."""

from __future__ import annotations

import os
import sys
import time
import weakref
from typing import TYPE_CHECKING

from inference_models_core.download import locks
from inference_models_core.store import files, identity
from inference_models_core.store.layout import BUILDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inference_models_core.store.identity import FileIdentity

_TRIES = 10
_PAUSE = 0.002


class Lease:
    """A verified package's folder, held by a shared lock until it is closed or forgotten.

    Attributes:
        directory: The folder. Nothing may write there, nor add files.
    """

    def __init__(self, directory: Path, fd: int | None, identities: Mapping[str, FileIdentity]) -> None:
        self.directory = directory
        self._identities = dict(identities)
        self._release = weakref.finalize(self, close_folder, fd)

    def check_unchanged(self) -> bool:
        """Whether every file still is the one that was verified, and was all the time since.

        Asked after a runtime has opened the files: a file that was swapped and swapped back has another time of
        change. So has one that got another hard link meanwhile, which is harmless; loading again settles it.
        """
        return take_identities(self.directory, self._identities) == self._identities

    def close(self) -> None:
        """Lets go of the folder; may be called more than once."""
        self._release()


def hold_folder(folder: Path) -> tuple[int | None, bool]:
    """Holds a folder with a shared lock.

    Args:
        folder: The folder.

    Returns:
        Its descriptor (``None`` on Windows, where open files cannot be removed), and whether it is held: not, if it
        is being removed or was replaced meanwhile.

    Raises:
        FileNotFoundError: If it is not there.
        OSError: If it is a link, or no folder.
    """
    if sys.platform == "win32":
        return None, folder.is_dir()
    for _ in range(_TRIES):  # who lists the cache, or asks whether a folder is in use, holds it for an instant
        fd = files.open_folder(folder)
        if _is_taken(fd, folder):
            return fd, True
        time.sleep(_PAUSE)
    return None, False


def _is_taken(fd: int, folder: Path) -> bool:
    """Whether the folder could be held; closed if not."""
    is_taken = False
    try:
        is_taken = locks.take(fd, shared=True) is not False and is_same_folder(fd, folder)
    finally:
        if not is_taken:
            locks.close(fd)
    return is_taken


def is_same_folder(fd: int, folder: Path) -> bool:
    """Whether the folder that was opened still has its name."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(folder))
    except FileNotFoundError:
        return False


def close_folder(fd: int | None) -> None:
    """Closes what :func:`hold_folder` has opened; a forked process that inherited it holds the folder on."""
    if fd is not None:
        os.close(fd)


def is_held(folder: Path) -> bool | None:
    """Whether anybody holds a folder; ``None`` if locks do not tell."""
    if sys.platform == "win32":
        return None
    try:
        fd = files.open_folder(folder)
    except OSError:
        return None
    try:
        free = locks.take(fd)
        return None if free is None else not free
    finally:
        locks.close(fd)


def folders_of(handles: Iterable[str]) -> list[str]:
    """The package's folder itself (``""``) and those in it that lead to its files."""
    found = {handle[:index] for handle in handles for index, character in enumerate(handle) if character == "/"}
    return ["", *sorted(found)]


def take_identities(folder: Path, names: Iterable[str]) -> dict[str, FileIdentity | None]:
    """Identities of files (``a/b``) and folders (``a/``, and ``/`` for the package's own) of a package."""
    return {
        name: identity.of_folder(folder / name.strip("/")) if name.endswith("/") else identity.of_path(folder / name)
        for name in names
    }


def remove_unless_held(folder: Path, *, may_be_held: bool) -> bool:
    """Removes a package's folder that nobody holds: first its name, so that nobody finds half of it.

    Args:
        folder: The folder.
        may_be_held: What to believe where locks do not tell.

    Returns:
        Whether it is gone.
    """
    if sys.platform == "win32":
        return not may_be_held and _remove(folder)
    try:
        fd = files.open_folder(folder)
    except FileNotFoundError:
        return True
    try:
        free = locks.take(fd)
        if free is None:
            free = not may_be_held
        return free and is_same_folder(fd, folder) and _remove(folder)
    finally:
        locks.close(fd)


def _remove(folder: Path) -> bool:
    doomed = folder.with_name(f"{BUILDING}{os.urandom(8).hex()}")
    files.rename(folder, doomed)
    files.remove_tree(doomed)
    return True

"""Parts: private files in which downloads arrive, and which outlive whoever wrote them."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models_core.download import locks
from inference_models_core.download.notes import Note, note_path, temporary_path, write_note
from inference_models_core.errors import CacheError
from inference_models_core.store import files

if TYPE_CHECKING:
    from typing_extensions import Self

SUFFIX = ".part"
_CREATE_TRIES = 10
_FOLDER_MODE = 0o700


class Part:
    """A file that only its creator writes, with a lock that says whether that one is alive.

    Attributes:
        path: Where it is.
        fd: The open file.
        note: What it is a part of; ``None`` until something is known.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.note: Note | None = None
        self._started = time.time()
        self._is_open = True
        self._in_use = False

    def describe(self, note: Note) -> None:
        """Says what it is a part of, for whoever resumes it."""
        if note != self.note:
            write_note(self.path, note, self._started)
            self.note = note

    def clear(self) -> None:
        """Forgets everything that arrived."""
        files.truncate(self.fd, 0)

    def keep_open(self) -> None:
        """A thread that could not be stopped may still write: the descriptor must never mean another file."""
        self._in_use = True

    def release(self) -> None:
        """Closes it, and leaves it to be resumed if there is anything to resume."""
        if self._is_open and (self.note is None or os.fstat(self.fd).st_size == 0):
            self.remove()
        self.close_file()

    def close_file(self) -> None:
        """Gives up the file and with it the lock."""
        if self._is_open and not self._in_use:
            os.close(self.fd)
        self._is_open = False

    def remove(self) -> None:
        """Removes what is still there of it, and closes it."""
        if sys.platform == "win32":
            self.close_file()  # an open file cannot be removed there
        _remove_files(self.path)
        self.close_file()


class VerifiedPart:
    """A complete download whose content is what was promised; a context manager.

    Attributes:
        path: The file: on the disk, mode 0600, to be renamed by whoever publishes it.
        sha256: Of its content.
        size: Bytes.
    """

    def __init__(self, part: Part, sha256: str, size: int) -> None:
        self.path = part.path
        self.sha256 = sha256
        self.size = size
        self._part = part
        if sys.platform == "win32":
            part.close_file()  # an open file cannot be renamed there

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives up ownership; a file that was not published is removed, and so is what dead downloads of it left."""
        self._part.remove()
        remove_dead_parts(self.path.parent, idle_seconds=float("inf"))


def create_part(folder: Path) -> Part:
    """Creates a part that belongs to this process.

    Args:
        folder: Of the parts of one file; made if it is not there.

    Raises:
        OSError: If it cannot be created.
    """
    for _ in range(_CREATE_TRIES):
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        path = folder / f"{'-'.join(_machine())}-{os.urandom(8).hex()}{SUFFIX}"
        with suppress(FileNotFoundError):  # somebody tidied the folder away
            fd = files.create(path)
            # A collector that came between creation and lock took it for dead: then it has no name any more.
            if locks.take(fd) is not False and (sys.platform == "win32" or os.fstat(fd).st_nlink):
                return Part(path, fd)
            os.close(fd)
            files.remove(path)
    raise CacheError(f"no file can be kept in {folder}: it is removed as soon as it is created")


def parts_in(folder: Path) -> list[Path]:
    """The parts in a folder, whoever they belong to."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def remove_dead_parts(folder: Path, *, idle_seconds: float) -> int:
    """Removes parts whose owner is provably dead, and those that nobody has written to for long.

    An owner is dead if it was on this machine, locks work here, and its lock is free.

    Args:
        folder: Of the parts of one file.
        idle_seconds: After so many seconds without a change a part is garbage even if nothing can be proved.

    Returns:
        How many parts were removed.
    """
    removed = sum(_remove_if_dead(path, idle_seconds) for path in parts_in(folder))
    for suffix in (".json", ".tmp"):
        for path in folder.glob(f"*{suffix}"):
            if not os.path.lexists(path.with_suffix(SUFFIX)):
                files.discard(path)
    return removed


def _remove_if_dead(path: Path, idle_seconds: float) -> bool:
    try:
        fd = files.open_existing(path, writable=True)
        try:
            is_garbage = _is_garbage(path, fd, idle_seconds)
        finally:
            locks.close(fd)  # before it is removed, as Windows wants it
        return is_garbage and _remove_files(path)
    except OSError:
        return False  # gone, not ours, or not a file at all


def _is_garbage(path: Path, fd: int, idle_seconds: float) -> bool:
    taken = locks.take(fd)
    if taken is False:
        return False
    is_dead = taken is True and _is_of_this_machine(path) and locks.exclude(path)
    return is_dead or time.time() - os.fstat(fd).st_mtime > idle_seconds


def _remove_files(part: Path) -> bool:
    removed = files.discard(part)
    files.discard(note_path(part))
    files.discard(temporary_path(part))
    return removed


def _is_of_this_machine(path: Path) -> bool:
    return not set(path.name.split("-")[:2]).isdisjoint(_machine())


@functools.cache
def _machine() -> tuple[str, str]:
    """This host by its name and by its boot: a container has another name, a reboot has another boot."""
    return _tag(platform.node()), _tag(_boot())


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return platform.node()


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]

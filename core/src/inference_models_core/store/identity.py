"""Which file this is, as the operating system knows it: what tells a changed file from the one that was verified."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from inference_models_core import parsing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_TICK_NS = 10_000_000
"""Longest step of the clock that stamps files, on systems with coarse ones: two changes within it look like one."""
_TRIES = 3
_CHUNK = 1 << 20


class FileIdentity(NamedTuple):
    """A file at a moment; every change of content, name or links changes it.

    Attributes:
        size: Bytes.
        mtime_ns: Last change of the content, nanoseconds since 1970.
        ctime_ns: Last change of anything, set by the kernel alone (on Windows: when it was made).
        ino: Number in its file system.
        dev: Its file system.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    ino: int
    dev: int


def of_stat(found: os.stat_result) -> FileIdentity | None:
    """The identity in what ``stat`` says; ``None`` for anything but a regular file."""
    if not stat.S_ISREG(found.st_mode):
        return None
    return FileIdentity(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def of_folder(path: Path) -> FileIdentity | None:
    """The identity of a folder, which changes with its name and with the names in it; ``None`` if there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        return None
    return FileIdentity(0, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def of_path(path: Path) -> FileIdentity | None:
    """The identity of the regular file at a path; ``None`` if there is none, a link included."""
    try:
        return of_stat(os.lstat(path))
    except OSError:
        return None


def is_same_content(first: FileIdentity, second: FileIdentity) -> bool:
    """Whether both are one file whose content was not written since; names and links may have come and gone."""
    return first._replace(ctime_ns=0) == second._replace(ctime_ns=0)


def settled(take: Callable[[], Sequence[FileIdentity | None]]) -> tuple[FileIdentity, ...] | None:
    """Identities that every later change is bound to change, however coarse the clock that stamps files.

    Args:
        take: Takes the identities now.

    Returns:
        The identities, taken 10 ms after the last change; ``None`` if a file is missing, or keeps changing.
    """
    known = take()
    for _ in range(_TRIES):
        present = [each for each in known if each is not None]
        if len(present) < len(known):
            return None
        wait = max((_unsettled_seconds(each) for each in present), default=0.0)
        if not wait:
            return tuple(present)
        time.sleep(wait)
        known = take()
    return None


def _unsettled_seconds(identity: FileIdentity) -> float:
    age = time.time_ns() - identity.ctime_ns
    return (_TICK_NS - age) / 1e9 if 0 <= age < _TICK_NS else 0.0


def sha256_of(fd: int) -> str:
    """Digest of an open file's whole content, in hex; memory stays constant."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
        file.seek(0)
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def verify(fd: int, sha256: str) -> tuple[FileIdentity | None, str]:
    """Reads an open file and says whether it is the one that was promised.

    Args:
        fd: The file.
        sha256: Digest that it should have.

    Returns:
        Its identity if the content is right and was not written meanwhile, else ``None``; and what was found, in words.
        Before the identity is believed in another time than now, see :func:`settled_as`.
    """
    before = of_stat(os.fstat(fd))
    if before is None:
        return None, "no regular file"
    digest = sha256_of(fd)
    after = of_stat(os.fstat(fd))
    if after is None or not is_same_content(before, after):
        return None, "a file that is being written"
    return (after, f"sha256 {digest}") if digest == sha256 else (None, f"sha256 {digest}")


def settled_as(fd: int, verified: FileIdentity) -> FileIdentity | None:
    """The settled identity of an open file whose content was verified; ``None`` if it is written, or keeps changing."""
    found = settled(lambda: [of_stat(os.fstat(fd))])
    return found[0] if found is not None and is_same_content(found[0], verified) else None


def write_stamp(identity: FileIdentity) -> list[int]:
    """An identity as a JSON value."""
    return list(identity)


def read_stamp(value: Any, where: str) -> FileIdentity:
    """The inverse of :func:`write_stamp`.

    Raises:
        MalformedDocumentError: If it is anything else.
    """
    return FileIdentity(*parsing.as_list(value, where, _integer, length=len(FileIdentity._fields)))


def _integer(value: Any, where: str) -> int:
    return parsing.as_integer(value, where, minimum=-(2**63), maximum=2**64)

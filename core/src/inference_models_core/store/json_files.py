"""Small JSON documents of the cache: written whole or not at all, and set aside when they are damaged."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from inference_models_core.errors import MalformedDocumentError, UnsafeCacheError
from inference_models_core.log import logger
from inference_models_core.parsing import MAX_DOCUMENT_BYTES, malformed, parse_json
from inference_models_core.store import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

TEMPORARY_SUFFIX = ".tmp"
_ONLY_OWNER, _GROUP = 0o600, 0o640


def read_json_file(path: Path, read: Callable[[Any, str], T], quarantine: Path | None) -> T | None:
    """Reads a document.

    Args:
        path: The file.
        read: Makes a value of the parsed document, given its name for errors.
        quarantine: Folder for a damaged file; ``None`` leaves it where it is, as in a cache that cannot be written.

    Returns:
        The value; ``None`` if there is no such file, it may not be read, or it is damaged. The last is told by one
        warning.

    Raises:
        UnsafeCacheError: If something else than a file is in its place.
    """
    try:
        content = read_small_file(path)
    except UnsafeCacheError:
        raise
    except OSError:
        return None
    try:
        return read(parse_json(content, path.name), path.name)
    except MalformedDocumentError as error:
        set_aside(path, quarantine, error.message)
        return None


def read_small_file(path: Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The content of a file; of one that is larger than ``limit``, the first ``limit + 1`` bytes.

    Raises:
        OSError: If it cannot be read.
        UnsafeCacheError: If it is no regular file.
    """
    fd = files.open_existing(path)
    with os.fdopen(fd, "rb", buffering=0) as file:
        return file.read(limit + 1) if os.fstat(fd).st_size > limit else file.read()


def write_json_file(path: Path, document: Any, *, mode: int = _ONLY_OWNER) -> None:
    """Writes a document: readers see the old one or the new one, also after a power failure.

    Args:
        path: The file; its folder must exist.
        document: Plain JSON values.
        mode: Its permissions, whatever the umask.

    Raises:
        MalformedDocumentError: If it could not be read back: no JSON, or larger than readers accept.
        OSError: If it cannot be written.
    """
    try:
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise MalformedDocumentError(f"{path.name}: cannot be written as JSON: {error}") from error
    if len(content) > MAX_DOCUMENT_BYTES:
        malformed(path.name, f"at most {MAX_DOCUMENT_BYTES} bytes", f"{len(content)} bytes")
    write_small_file(path, content, mode=mode)


def write_small_file(path: Path, content: bytes, *, mode: int = _ONLY_OWNER) -> None:
    """As :func:`write_json_file`, for content of any kind."""
    temporary = write_temporary(path, content, mode=mode)
    try:
        files.replace(temporary, path)
    except BaseException:
        files.remove(temporary)
        raise
    files.sync_folder(path.parent)


def write_temporary(path: Path, content: bytes, *, mode: int = _ONLY_OWNER) -> Path:
    """A new file beside ``path`` with this content, on the disk, which nobody looks at yet."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
    fd = files.create(temporary)
    try:
        files.write(fd, content)
        files.sync(fd)
        if mode != _ONLY_OWNER:
            files.set_mode(fd, mode)
    except BaseException:
        os.close(fd)
        files.remove(temporary)
        raise
    os.close(fd)
    return temporary


def private_mode(*, shared: bool) -> int:
    """Permissions of a file that is nobody's business but its owner's, or its group's where the cache is shared."""
    return _GROUP if shared else _ONLY_OWNER


def set_aside(path: Path, quarantine: Path | None, reason: str) -> None:
    """Takes a damaged file out of the way, with one warning; a cache that cannot be written keeps it."""
    logger().warning("%s is damaged and is not used: %s", path, reason)
    if quarantine is None:
        return
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}-{path.name.lstrip('.')}"
    try:
        quarantine.mkdir(mode=0o700, exist_ok=True)
        files.rename(path, quarantine / name)
    except OSError as error:
        logger().warning("%s cannot be moved to %s: %s", path, quarantine, error.strerror or error)


def remove_old_temporaries(folder: Path, *, older_than: float, now: float | None = None) -> int:
    """Removes what writers left behind that were killed.

    Args:
        folder: A folder with small files.
        older_than: Seconds since the last change; no writer takes that long.
        now: The time, in seconds since the epoch; the system's if ``None``.

    Returns:
        How many there were.
    """
    limit = (time.time() if now is None else now) - older_than
    stale = [path for path in folder.glob(f".*{TEMPORARY_SUFFIX}") if _changed_before(path, limit)]
    return sum(map(files.remove, stale))


def _changed_before(path: Path, limit: float) -> bool:
    try:
        return path.lstat().st_mtime < limit
    except OSError:
        return False

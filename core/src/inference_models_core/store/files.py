"""Every file operation of the store and of downloads: none follows a symbolic link, none waits on a FIFO.

One module, so that tests can make the n-th operation fail or kill the process there, in the order in which the
operating system sees them.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from inference_models_core.errors import UnsafeCacheError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a FIFO in the place of a file must not make us wait for its other end
_BINARY = getattr(os, "O_BINARY", 0)
_COMMON = getattr(os, "O_CLOEXEC", 0) | _NOFOLLOW | _NONBLOCK | _BINARY
_COPY_BLOCK = 16 << 20  # small enough to stop soon, large enough not to matter
_CANNOT_SHARE = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}

on_operation: Callable[[str], None] | None = None
"""Called with the name of each operation before it happens; for tests."""


def _about_to(operation: str) -> None:
    if on_operation is not None:
        on_operation(operation)


def create(path: Path, mode: int = 0o600) -> int:
    """Creates a file that must not exist and opens it for reading and writing."""
    _about_to("create")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _COMMON, mode)


def open_existing(path: Path, *, writable: bool = False) -> int:
    """Opens a regular file.

    Raises:
        FileNotFoundError: If nothing is there.
        UnsafeCacheError: If what is there is a link, a directory, a device or a FIFO.
    """
    _about_to("open")
    try:
        fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | _COMMON)
    except FileNotFoundError:
        raise
    except OSError:
        if is_regular(path):
            raise
        raise _not_a_file(path) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_a_file(path)
    return fd


def _not_a_file(path: Path) -> UnsafeCacheError:
    return UnsafeCacheError(f"{path} is not a regular file", hint=f"look at it and remove it: rm {path}")


def is_regular(path: Path) -> bool:
    """Whether a regular file is there; a link to one is none."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def write(fd: int, data: bytes | memoryview) -> None:
    """Writes all of it at the file's position."""
    view = memoryview(data)
    while view:
        _about_to("write")
        view = view[os.write(fd, view) :]


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Writes all of it at a place, without moving the file's position."""
    view = memoryview(data)
    while view:
        _about_to("write")
        written = os.pwrite(fd, view, offset) if hasattr(os, "pwrite") else _seek_and_write(fd, view, offset)
        view, offset = view[written:], offset + written


def _seek_and_write(fd: int, view: memoryview, offset: int) -> int:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.write(fd, view)


def read_at(fd: int, buffer: memoryview, offset: int) -> int:
    """Reads from a place, without moving the file's position where the system can; 0 bytes at the end."""
    _about_to("read")
    if hasattr(os, "preadv"):
        return os.preadv(fd, [buffer], offset)
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def copy_at(source: int, target: int, start: int, stop: int) -> int:
    """Copies a window of one file to the same place in another; file systems that can share its blocks do.

    Returns:
        Where it ended: before ``stop`` if the source is shorter.
    """
    copied = _share if hasattr(os, "copy_file_range") else _copy_block
    while start < stop:
        _about_to("write")
        count = copied(source, target, start, min(stop - start, _COPY_BLOCK))
        if count == 0:
            break
        start += count
    return start


def _share(source: int, target: int, offset: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, count, offset, offset)  # type: ignore[attr-defined, no-any-return, unused-ignore]
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return _copy_block(source, target, offset, count)


def _copy_block(source: int, target: int, offset: int, count: int) -> int:
    buffer = memoryview(bytearray(min(count, 1 << 20)))
    found = read_at(source, buffer, offset)
    write_at(target, buffer[:found], offset)
    return found


def truncate(fd: int, size: int) -> None:
    """Gives a file this size."""
    _about_to("truncate")
    os.ftruncate(fd, size)


def sync(fd: int) -> None:
    """Waits until the file's content is on the disk."""
    _about_to("fsync")
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk; systems that cannot do it do it themselves."""
    if sys.platform == "win32":
        return
    _about_to("fsync")
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def set_mode(fd: int, mode: int) -> None:
    """Sets the permissions of an open file, whatever the umask."""
    _about_to("chmod")
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)


def replace(source: Path, target: Path) -> None:
    """Gives a file its final name; whatever had it is gone, readers see the old or the new one."""
    _about_to("rename")
    os.replace(source, target)


def rename(source: Path, target: Path) -> None:
    """Gives a folder its final name.

    Raises:
        OSError: If a folder with content has it already.
    """
    _about_to("rename")
    os.rename(source, target)


def link(source: Path, target: Path) -> None:
    """Gives a file a second name.

    Raises:
        OSError: If the file system cannot, or the name is taken.
    """
    _about_to("link")
    os.link(source, target, follow_symlinks=False)


def remove(path: Path) -> bool:
    """Removes a file; whether it was there."""
    _about_to("unlink")
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def discard(path: Path) -> bool:
    """Removes a file that nobody needs; whether it is gone now. That it stays is never a reason to fail."""
    try:
        return remove(path)
    except OSError as error:
        from inference_models_core.log import debug

        debug("%s stays: %s", path, error)
        return False


def make_folder(path: Path, mode: int) -> bool:
    """Makes a folder; whether it was not there yet."""
    _about_to("mkdir")
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return False
    return True


def set_folder_mode(path: Path, mode: int) -> None:
    """Sets the permissions of a folder that this process has just made, whatever the umask."""
    _about_to("chmod")
    os.chmod(path, mode)


def open_folder(path: Path) -> int:
    """Opens a folder, to lock it and to look up names in it; not on Windows."""
    _about_to("open")
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | _NOFOLLOW)


def remove_folder(path: Path) -> None:
    """Removes an empty folder."""
    _about_to("rmdir")
    os.rmdir(path)


def remove_tree(path: Path) -> None:
    """Removes a file, or a folder with all that is in it; links are removed, never followed."""
    try:
        entries = list(os.scandir(path)) if stat.S_ISDIR(os.lstat(path).st_mode) else None
    except FileNotFoundError:
        return
    if entries is None:
        _remove_protected(path)
        return
    for entry in entries:
        remove_tree(path / entry.name)
    remove_folder(path)


def _remove_protected(path: Path) -> None:
    try:
        remove(path)
    except PermissionError:
        if os.name != "nt":
            raise
        os.chmod(path, stat.S_IWRITE)  # Windows keeps read-only files
        remove(path)


def touch(path: Path, mode: int) -> None:
    """Gives an empty file the current time, and makes it if it is not there."""
    _about_to("utime")
    try:
        os.utime(path, follow_symlinks=False) if os.utime in os.supports_follow_symlinks else os.utime(path)
    except FileNotFoundError:
        fd = create(path, mode)
        try:
            set_mode(fd, mode)
        finally:
            os.close(fd)


_FICLONE = 0x40049409  # linux/fs.h


def reflink(source: int, target: int) -> None:
    """Lets an empty open file share the content of another; a later write to one of them does not reach the other.

    Raises:
        OSError: If the file system, or the operating system, cannot.
    """
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    import fcntl

    _about_to("reflink")
    fcntl.ioctl(target, _FICLONE, source)

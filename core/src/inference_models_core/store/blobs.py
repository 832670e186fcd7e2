"""Files by what is in them: found only if the content is right, and visible only when it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from inference_models_core.errors import CacheError, IntegrityError, UnsafeCacheError
from inference_models_core.log import logger
from inference_models_core.store import files, identity
from inference_models_core.store.documents import read_value, write_quietly
from inference_models_core.store.layout import check_sha256
from inference_models_core.store.quarantine import put_aside
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.store.identity import FileIdentity
    from inference_models_core.store.layout import Layout


@attrs.frozen(kw_only=True, repr=False)
class Blobs(Value):
    """The content-addressed files of a cache."""

    layout: Layout
    writable: bool

    def find(self, sha256: str, size: int | None = None, *, read: bool = False) -> Path | None:
        """A blob whose content was checked, by its stamp or by reading it.

        Args:
            sha256: Its digest.
            size: Bytes it should have; ``None`` where unknown.
            read: Read it even where its stamp says that it is unchanged.

        Returns:
            Its path; ``None`` if it is not there, or was damaged, which is put aside with a warning.
        """
        opened = self.open_blob(sha256, size, read=read)
        if opened is None:
            return None
        os.close(opened[0])
        return self.layout.blob(sha256)

    def open_blob(self, sha256: str, size: int | None = None, *, read: bool = False) -> tuple[int, FileIdentity] | None:
        """The same, opened, with the identity that was checked; the caller closes it."""
        path = self.layout.blob(sha256)
        fd = self._open(path)
        if fd is None:
            return None
        try:
            found = self._check(fd, path, sha256, size, read)
        except BaseException:
            os.close(fd)
            raise
        if found is None:
            os.close(fd)
            return None
        return fd, found

    def _open(self, path: Path) -> int | None:
        try:
            return files.open_existing(path)
        except FileNotFoundError:
            return None
        except UnsafeCacheError as error:
            put_aside(self.layout, path, error.message, writable=self.writable)
        except PermissionError:
            logger().warning("%s cannot be read by this user and counts as absent", path)
        return None

    def _check(self, fd: int, path: Path, sha256: str, size: int | None, read: bool) -> FileIdentity | None:
        found = identity.of_stat(os.fstat(fd))
        if read or found is None or found != self._stamp(sha256):
            found, seen = identity.verify(fd, sha256)
            if found is None:
                self._put_aside(fd, path, f"expected sha256 {sha256}, found {seen}")
                return None
            self._stamp_open(fd, sha256, found)
        return found if size in {None, found.size} else None  # a good blob, whatever somebody promised about it

    def _put_aside(self, fd: int, path: Path, why: str) -> None:
        """Unless another process has put a right one in its place meanwhile."""
        current = identity.of_path(path)
        damaged = identity.of_stat(os.fstat(fd))
        if current is None or damaged is None or (current.ino, current.dev) == (damaged.ino, damaged.dev):
            put_aside(self.layout, path, why, writable=self.writable)

    def _stamp_open(self, fd: int, sha256: str, verified: FileIdentity) -> None:
        """While others give it more names, it is right and not stamped."""
        found = identity.settled_as(fd, verified) if self.writable else None
        if found is not None:
            self.remember(sha256, found)

    def _stamp(self, sha256: str) -> FileIdentity | None:
        return read_value(self.layout.blob_stamp(sha256), "blob", identity.read_stamp)

    def remember(self, sha256: str, found: FileIdentity) -> None:
        """Keeps the identity of a file that was verified; without it the file is read again next time."""
        if self.writable:
            write_quietly(self.layout, self.layout.blob_stamp(sha256), {"blob": identity.write_stamp(found)})

    def publish(self, part: Path, fd: int | None, sha256: str, size: int) -> Path:
        """Gives a verified, fsynced part its final name.

        Args:
            part: The file; its content was verified by whoever wrote it, and is nobody else's to write.
            fd: The same file open, if the caller has it.
            sha256: Digest of the content.
            size: Its bytes.

        Returns:
            The blob's path. Where another process was faster, theirs is kept and the part left to the caller.

        Raises:
            IntegrityError: If the part has another size.
            CacheError: If it is gone, and nobody published the same content.
        """
        path = self.layout.blob(check_sha256(sha256))
        if self._is_published(path, sha256, size):
            return path
        try:
            self._rename_and_stamp(part, fd, path, size)
        except FileNotFoundError as error:
            if self.find(sha256, size) is None:
                raise CacheError(f"{part} was taken away before it could become {path.name}") from error
        return path

    def _rename_and_stamp(self, part: Path, fd: int | None, path: Path, size: int) -> None:
        opened = files.open_existing(part) if fd is None else os.dup(fd)
        try:
            self._rename(opened, part, path, size)
            files.sync_folder(path.parent)
            found = identity.of_stat(os.fstat(opened))
            if found is not None:
                self._stamp_open(opened, path.name, found)
        finally:
            os.close(opened)

    def _is_published(self, path: Path, sha256: str, size: int) -> bool:
        current = identity.of_path(path)
        return current is not None and current.size == size and current == self._stamp(sha256)

    def _rename(self, fd: int, part: Path, path: Path, size: int) -> None:
        found = os.fstat(fd).st_size
        if found != size:
            raise IntegrityError(f"{part.name} has {found} bytes and should have {size}")
        self.layout.make(path.parent)
        files.set_mode(fd, self.layout.blob_mode)
        files.replace(part, path)

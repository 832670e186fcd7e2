"""Builds a package's folder from blobs, beside its final place, and gives it its name when all of it is right."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import time
from typing import TYPE_CHECKING

import attrs

from inference_models_core.builtin.local_provider import CONFIG_FILE
from inference_models_core.errors import CacheError, CacheLockStalledError
from inference_models_core.log import debug
from inference_models_core.store import files, identity
from inference_models_core.store.documents import write_file
from inference_models_core.store.layout import BUILDING, LOCKS
from inference_models_core.store.lease import Lease, close_folder, hold_folder, take_identities
from inference_models_core.store.locks import held
from inference_models_core.store.packages import manifest_content, package_folder
from inference_models_core.store.quarantine import put_aside
from inference_models_core.store.reading import Reader, file_names, folder_names
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.store.blobs import Blobs
    from inference_models_core.store.identity import FileIdentity
    from inference_models_core.store.layout import Layout
    from inference_models_core.store.packages import StoredFile, StoredPackage

_TRIES = 20
_STALL_SECONDS = 30.0
_LINKED_FROM = 64 * 1024
"""Bytes from which on a hard link is worth it: packages share small files, and each link changes the times of all."""
_CHUNK = 1 << 20


@attrs.frozen(kw_only=True, repr=False)
class Builder(Value):
    """Makes the folders of packages."""

    layout: Layout
    blobs: Blobs
    reader: Reader

    def place(self, package: StoredPackage) -> Lease:
        """Makes a package's folder, unless somebody else is faster.

        Args:
            package: Its files must be blobs.

        Returns:
            The folder, held.

        Raises:
            FileNotFoundError: If a blob is not there, or not any more.
            CacheError: If it cannot be written.
        """
        folder = package_folder(self.layout, package)
        self.layout.make(folder.parent)
        with self._alone(folder):
            for attempt in range(_TRIES):
                lease = self.reader.find(package) or self._build(package, folder)
                if lease is not None:
                    return lease
                time.sleep(0.005 * attempt)  # somebody removes it just now
        raise CacheError(f"{folder} keeps changing", hint="see which other program writes there")

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """One builds and the others wait, as copies take time; who waits in vain builds, too."""
        lock = self.layout.make(self.layout.folder(LOCKS)) / f"{folder.name}.lock"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(
                    held(lock, watched=folder.parent, mode=self.layout.file_mode, stall_seconds=_STALL_SECONDS)
                )
            except CacheLockStalledError as error:
                debug("built without a lock: %s", error.message)
            yield

    def _build(self, package: StoredPackage, folder: Path) -> Lease | None:
        temporary = folder.parent / f"{BUILDING}{os.urandom(8).hex()}"
        with contextlib.ExitStack() as undoing:
            undoing.callback(files.remove_tree, temporary)
            self.layout.make(temporary)
            fd, _ = hold_folder(temporary)
            undoing.callback(close_folder, fd)
            placed = self._fill(package, temporary)
            if not self._rename(temporary, folder):
                return None
            lease = self._lease(package, folder, fd, placed)
            if lease is not None:
                undoing.pop_all()
            return lease

    def _fill(self, package: StoredPackage, temporary: Path) -> dict[str, FileIdentity]:
        placed = {}
        for file in package.files:
            self.layout.make((temporary / file.handle).parent)
            placed[file.handle] = self._place(file, temporary / file.handle, package.links)
        write_file(temporary / CONFIG_FILE, manifest_content(package), self.layout.blob_mode)
        for name in folder_names(package)[1:]:
            files.sync_folder(temporary / name)
        return placed

    @staticmethod
    def _rename(temporary: Path, folder: Path) -> bool:
        try:
            files.rename(temporary, folder)
        except OSError as error:
            if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.EACCES} and folder.is_dir():
                return False
            raise
        files.sync_folder(folder.parent)
        return True

    def _lease(
        self, package: StoredPackage, folder: Path, fd: int | None, placed: dict[str, FileIdentity]
    ) -> Lease | None:
        names = [*folder_names(package), *file_names(package)]
        found = identity.settled(lambda: list(take_identities(folder, names).values()))
        current = {} if found is None else dict(zip(names, found, strict=True))
        if any(
            name not in current or not identity.is_same_content(current[name], each) for name, each in placed.items()
        ):
            return None
        self.reader.stamp(folder, {name: current[name] for name in file_names(package)})
        self.reader.note_use(folder)
        self._stamp_links(package, current)
        return Lease(folder, fd, current)

    def _stamp_links(self, package: StoredPackage, current: dict[str, FileIdentity]) -> None:
        """A link changes the blob's times, too; its content is the one that was just checked."""
        for file in package.files:
            if identity.of_path(self.layout.blob(file.sha256)) == current[file.handle]:
                self.blobs.remember(file.sha256, current[file.handle])

    def _place(self, file: StoredFile, target: Path, links: bool) -> FileIdentity:
        opened = self.blobs.open_blob(file.sha256, file.size)
        if opened is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.layout.blob(file.sha256)))
        fd, verified = opened
        try:
            placed = None
            if file.size >= _LINKED_FROM:
                placed = self._share(fd, verified, target)
            if placed is None and links and file.size >= _LINKED_FROM:
                placed = self._link(file.sha256, verified, target)
            return placed or self._copy(file, fd, target)
        finally:
            os.close(fd)

    def _share(self, fd: int, verified: FileIdentity, target: Path) -> FileIdentity | None:
        """A copy that takes no room until somebody writes, where the file system can."""
        if sys.platform != "linux":
            return None
        try:
            with _new_file(target, self.layout.blob_mode) as copy:
                files.reflink(fd, copy)
                is_right = _is_still(fd, verified) and os.fstat(copy).st_size == verified.size
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
            is_right = False
        if is_right:
            return identity.of_path(target)
        files.remove(target)
        return None

    def _link(self, sha256: str, verified: FileIdentity, target: Path) -> FileIdentity | None:
        """Another name of the same file, where the file system and the owner allow it."""
        try:
            files.link(self.layout.blob(sha256), target)
        except OSError as error:
            debug("%s is copied: %s", target.name, error)
            return None
        placed = identity.of_path(target)
        if placed is not None and identity.is_same_content(placed, verified):
            return placed
        files.remove(target)
        return None

    def _copy(self, file: StoredFile, fd: int, target: Path) -> FileIdentity:
        with _new_file(target, self.layout.blob_mode) as copy:
            digest = _copy_hashing(fd, copy)
        placed = identity.of_path(target)
        if digest != file.sha256 or placed is None:
            blob = self.layout.blob(file.sha256)
            put_aside(self.layout, blob, f"expected sha256 {file.sha256}, found sha256 {digest}", writable=True)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(blob))
        return placed


def _is_still(fd: int, verified: FileIdentity) -> bool:
    found = identity.of_stat(os.fstat(fd))
    return found is not None and identity.is_same_content(found, verified)


@contextlib.contextmanager
def _new_file(path: Path, mode: int) -> Iterator[int]:
    """A new file that is on the disk afterwards."""
    fd = files.create(path)
    try:
        yield fd
        files.set_mode(fd, mode)
        files.sync(fd)
    finally:
        os.close(fd)


def _copy_hashing(source: int, target: int) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    offset = 0
    while count := files.read_at(source, buffer, offset):
        digest.update(buffer[:count])
        files.write(target, buffer[:count])
        offset += count
    return digest.hexdigest()

"""The cache on this machine, as everybody else sees it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models_core.errors import MalformedDocumentError, ReadOnlyCacheError
from inference_models_core.store.blobs import Blobs
from inference_models_core.store.documents import read_document, write_document
from inference_models_core.store.faults import disk_full, free_bytes, typed_errors
from inference_models_core.store.layout import DIGESTS, LOCKS, PARTIAL, Layout, check_sha256
from inference_models_core.store.packages import StoredFile, StoredPackage
from inference_models_core.store.reading import Reader
from inference_models_core.store.root import open_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from inference_models_core import parsing
    from inference_models_core.store.lease import Lease

__all__ = ["Store", "StoredFile", "StoredPackage"]

_SPARE = 1 << 20
"""Bytes that stay free for the small files around large ones."""
STALL_SECONDS = 60.0


class Store:
    """Content-addressed files and the packages made of them.

    Reading needs no lock and believes nothing: what is found was checked by its stamp or by reading it; what is
    damaged is put aside with one warning and counts as absent. Every error is a
    :class:`~inference_models_core.errors.CacheError` of some kind, but where a method says otherwise.

    Attributes:
        root: Real path of the cache's folder.
        writable: Whether this process may write there; if not, nothing is attempted.
        shared: Whether a group of users writes there.
    """

    def __init__(self, layout: Layout, *, writable: bool) -> None:
        self.root = layout.root
        self.shared = layout.shared
        self.writable = writable
        self.layout = layout
        self._blobs = Blobs(layout=layout, writable=writable)
        self._reader = Reader(layout=layout, writable=writable)

    @classmethod
    def open(cls, root: Path | None = None, *, shared: bool = False, create: bool = True) -> Store:
        """Opens a cache, and makes it if it is not there.

        Args:
            root: Its folder; ``None`` for the user's own cache. A folder that the caller names may belong to the
                superuser and be writable for a group; the user's own may not. Everybody may write neither.
            shared: Whether it belongs to a group of users: their files are believed, and may be replaced by them.
            create: Whether to make it; a store without a folder finds nothing.

        Raises:
            UnsafeCacheError: If others may write there; names the path, the reason and the command that mends it.
            ReadOnlyCacheError: If it cannot be made.
        """
        with typed_errors(Path("the cache") if root is None else root):
            layout = open_root(root, shared=shared, create=create)
        return cls(layout, writable=os.access(layout.root, os.W_OK | os.X_OK))

    def find_blob(self, sha256: str, size: int | None = None) -> Path | None:
        """A file by the digest of its content, checked.

        Args:
            sha256: 64 lower-case hex digits.
            size: Bytes it should have; ``None`` where unknown.

        Returns:
            Its path; ``None`` if it is not there, damaged, or of another size.
        """
        with typed_errors(self.root):
            return self._blobs.find(sha256, size)

    def part_folder(self, key: str) -> Path:
        """The folder for unfinished downloads of a key: a digest, ``md5-<digest>`` or ``url-<digest>``.

        Raises:
            MalformedDocumentError: If the key is no such text.
        """
        with self._writing():
            return self.layout.make(self.layout.key_path(PARTIAL, key))

    def lock(self, key: str, *, stall_seconds: float = STALL_SECONDS) -> AbstractContextManager[None]:
        """Holds the advisory lock of a key, between processes and threads.

        Waits as long as the parts of the key grow. Where there are no locks, one warning is given and nobody waits.

        Raises:
            CacheLockStalledError: If nothing moved for ``stall_seconds``; names the file, the holder and the time.
        """
        return self._held(key, stall_seconds) if self.writable else contextlib.nullcontext()

    @contextlib.contextmanager
    def _held(self, key: str, stall_seconds: float) -> Iterator[None]:
        from inference_models_core.store.locks import held

        with typed_errors(self.root):
            self.layout.make(self.layout.folder(LOCKS))
            path = self.layout.key_path(LOCKS, key, ".lock")
            watched = self.layout.key_path(PARTIAL, key)
        with held(path, watched=watched, mode=self.layout.file_mode, stall_seconds=stall_seconds):
            yield

    def reserve(self, size: int) -> None:
        """Asks whether there is room for so many bytes.

        Raises:
            DiskFullError: If not.
        """
        with typed_errors(self.root):
            if free_bytes(self.root) < size + _SPARE:
                raise disk_full(self.root, size)

    def publish(self, part: Path, fd: int | None, sha256: str, size: int) -> Path:
        """Makes a verified, fsynced part the blob of its content; see :meth:`Blobs.publish`."""
        with self._writing(size):
            return self._blobs.publish(part, fd, sha256, size)

    def known_digest(self, key: str) -> tuple[str, int] | None:
        """Digest and size of what was fetched for a key without a strong digest; ``None`` if nothing was."""
        fields = read_document(self.layout.key_path(DIGESTS, key, ".json"))
        try:
            return None if fields is None else _digest(fields)
        except MalformedDocumentError:
            return None

    def remember_digest(self, key: str, sha256: str, size: int) -> None:
        """Keeps what was computed here for a key; marked as promised by nobody."""
        content = {"sha256": check_sha256(sha256), "size": size, "verified": False}
        with self._writing():
            self.layout.make(self.layout.folder(DIGESTS))
            write_document(self.layout.key_path(DIGESTS, key, ".json"), content, self.layout.file_mode)

    def find_package(self, package: StoredPackage, *, verify: str = "stamp") -> Lease | None:
        """A package that is complete and right, held.

        Args:
            package: Which.
            verify: ``"stamp"`` compares size, times and inode of each file with those of the moment when its content
                was verified, and reads it where they differ; ``"full"`` reads all.

        Returns:
            ``None`` if it is not there, or was damaged.
        """
        with typed_errors(self.root):
            return self._reader.find(package, read=verify == "full")

    def place_package(self, package: StoredPackage) -> Lease:
        """Makes a package's folder from blobs: sharing blocks, else a hard link if allowed, else a copy.

        Raises:
            FileNotFoundError: If a blob is not there; fetch it again.
            CacheError: If the folder cannot be written.
        """
        from inference_models_core.store.placing import Builder

        with self._writing(sum(file.size for file in package.files)):
            return Builder(layout=self.layout, blobs=self._blobs, reader=self._reader).place(package)

    def model_folder(self, provider: str, model_id: str) -> Path:
        """The folder of a model's packages; it may not exist."""
        return self.layout.model(provider, model_id)

    @contextlib.contextmanager
    def _writing(self, needed: int = 0) -> Iterator[None]:
        if not self.writable:
            raise ReadOnlyCacheError(
                f"the cache {self.root} cannot be written",
                hint="make it writable, fill it first (inference-models pull), or choose another: cache_dir=...",
            )
        with typed_errors(self.root, needed):
            yield


def _digest(fields: parsing.Fields) -> tuple[str, int]:
    return check_sha256(fields.text("sha256")), fields.integer("size", minimum=0)

"""Makes room: what nobody uses, needs or can use any more goes, and what is in use stays."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from inference_models_core import names
from inference_models_core.errors import ReadOnlyCacheError
from inference_models_core.log import debug
from inference_models_core.store import files, inventory
from inference_models_core.store.faults import typed_errors
from inference_models_core.store.layout import BLOBS, DIGESTS, PARTIAL, QUARANTINE, STAMPS, USES
from inference_models_core.store.lease import remove_unless_held
from inference_models_core.store.packages import read_manifest
from inference_models_core.store.quarantine import SECONDS_KEPT, put_aside_at
from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.store.store import Store

GRACE_SECONDS = 3600.0
"""How long a blob may belong to no package: the other files of its package may still be on their way."""
_DAY = 24 * 3600.0
_HASTE = 60.0
"""How long a folder may be new and not held yet."""
_REMEMBERED = ("answers", "choices", "verifications")


@attrs.frozen(kw_only=True, repr=False)
class Collected(Value):
    """What was removed.

    Attributes:
        packages: Folders of packages.
        in_use: Folders of packages that would have gone, but are in use, or may be.
        blobs: How many files without a package.
        parts: How many unfinished downloads of dead processes.
        quarantined: How many damaged files that were kept for a look.
        freed_bytes: Room that is free now and was not before.
        total_bytes: Room that the cache takes now.
    """

    packages: tuple[Path, ...] = attrs.field(converter=to_tuple)
    in_use: tuple[Path, ...] = attrs.field(converter=to_tuple)
    blobs: int
    parts: int
    quarantined: int
    freed_bytes: int
    total_bytes: int


def prune(
    store: Store,
    keep_bytes: int | None = None,
    older_than: float | None = None,
    *,
    grace_seconds: float = GRACE_SECONDS,
) -> Collected:
    """Removes garbage, then packages that were not used for longest. Packages built on this machine stay.

    Args:
        store: The cache.
        keep_bytes: Room that it may take; ``None`` removes no package for it.
        older_than: Seconds; packages that were not used for so long go in any case.
        grace_seconds: How old a blob without a package must be.

    Returns:
        What was removed.

    Raises:
        ReadOnlyCacheError: If the cache cannot be written.
    """
    with _collecting(store) as collector:
        collector.remove_garbage(grace_seconds)
        by_use = sorted(collector.fetched_packages(), key=lambda folder: inventory.last_used(store, folder))
        for folder in by_use:
            is_old = older_than is not None and time.time() - inventory.last_used(store, folder) > older_than
            if is_old or (keep_bytes is not None and inventory.size_of(store.root) > keep_bytes):
                collector.remove_package(folder)
        return collector.result()


def remove_model(store: Store, provider: str, model_id: str, package_id: str | None = None) -> Collected:
    """Removes one model's packages, or one of them, with the files that nothing else needs."""
    with _collecting(store) as collector:
        beginning = "" if package_id is None else f"{names.slug(package_id)}-"
        for folder in collector.fetched_packages():
            if folder.parent == store.model_folder(provider, model_id) and folder.name.startswith(beginning):
                collector.remove_package(folder)
        return collector.result()


def clear(store: Store) -> Collected:
    """Removes all that can be fetched again and is not in use, and what was remembered about it."""
    with _collecting(store) as collector:
        for folder in collector.fetched_packages():
            collector.remove_package(folder)
        collector.remove_garbage(0.0, quarantine_seconds=0.0)
        for name in (DIGESTS, *_REMEMBERED):
            for path in inventory.children(store.root / name):
                collector.remove(path)
        return collector.result()


@contextlib.contextmanager
def _collecting(store: Store) -> Iterator[_Collector]:
    if not store.writable:
        raise ReadOnlyCacheError(f"the cache {store.root} cannot be written, so nothing can be removed")
    with typed_errors(store.root):
        yield _Collector(store)


class _Collector:
    """One collection: which blobs are needed, and what was removed so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before = inventory.size_of(store.root)
        self._packages: list[Path] = []
        self._in_use: list[Path] = []
        self._blobs = self._parts = self._quarantined = 0
        self._needed = Counter(
            sha256 for folder in inventory.package_folders(store) for sha256 in _contents(folder)
        )  # fmt: skip

    def result(self) -> Collected:
        """What was removed so far."""
        total = inventory.size_of(self._store.root)
        return Collected(
            packages=self._packages,
            in_use=self._in_use,
            blobs=self._blobs,
            parts=self._parts,
            quarantined=self._quarantined,
            freed_bytes=max(0, self._before - total),
            total_bytes=total,
        )

    def fetched_packages(self) -> list[Path]:
        """Folders of packages that can be fetched again."""
        return [path for path in inventory.package_folders(self._store) if not inventory.is_local_build(path)]

    def remove_package(self, folder: Path) -> None:
        """Removes a package that nobody uses, and the blobs that only it needed."""
        contents = _contents(folder)
        is_recent = time.time() - inventory.last_used(self._store, folder) < _DAY
        if not remove_unless_held(folder, may_be_held=is_recent):
            self._in_use.append(folder)
            return
        self._packages.append(folder)
        for note in (self._store.layout.note(STAMPS, folder, ".json"), self._store.layout.note(USES, folder)):
            self.remove(note)
        _remove_if_empty(folder.parent)
        self._needed.subtract(contents)
        for sha256 in contents:
            if self._needed[sha256] <= 0:
                self._remove_blob(self._store.layout.blob(sha256))

    def _remove_blob(self, path: Path) -> None:
        self._blobs += self.remove(path)
        self.remove(self._store.layout.blob_stamp(path.name))

    @staticmethod
    def remove(path: Path) -> bool:
        """Removes a file or a folder; whether it could be."""
        try:
            os.lstat(path)
            files.remove_tree(path)
        except OSError as error:
            debug("%s stays: %s", path, error)
            return False
        return True

    def remove_garbage(self, grace_seconds: float, quarantine_seconds: float = SECONDS_KEPT) -> None:
        """Removes what belongs to nothing and nobody."""
        self._remove_unfinished()
        self._remove_parts()
        self._remove_blobs(grace_seconds)
        self._remove_quarantined(quarantine_seconds)
        self._remove_notes()

    def _remove_unfinished(self) -> None:
        for path in inventory.unfinished_folders(self._store):
            age = _age(path)
            if age > _HASTE:
                remove_unless_held(path, may_be_held=age < _DAY)
                _remove_if_empty(path.parent)

    def _remove_parts(self) -> None:
        from inference_models_core.download.parts import remove_dead_parts

        for folder in inventory.children(self._store.layout.folder(PARTIAL)):
            self._parts += remove_dead_parts(folder, idle_seconds=_DAY)
            _remove_if_empty(folder)

    def _remove_blobs(self, grace_seconds: float) -> None:
        for folder in inventory.children(self._store.layout.folder(BLOBS)):
            for path in inventory.children(folder):
                if self._needed[path.name] <= 0 and _age(path) > grace_seconds:
                    self._remove_blob_if_named(path)

    def _remove_blob_if_named(self, path: Path) -> None:
        try:
            is_blob = path == self._store.layout.blob(path.name)
        except ValueError:
            return  # not ours
        if is_blob:
            self._remove_blob(path)

    def _remove_quarantined(self, seconds: float) -> None:
        for path in inventory.children(self._store.layout.folder(QUARANTINE)):
            if time.time() - put_aside_at(path) >= seconds:
                self._quarantined += self.remove(path)

    def _remove_notes(self) -> None:
        """Stamps and uses of what is gone, and small files whose writer died."""
        layout = self._store.layout
        kept = {layout.note(USES, folder).name for folder in inventory.package_folders(self._store)}
        for kind in (STAMPS, USES):
            for path in inventory.children(layout.folder(kind)):
                if "--" in path.name and path.name.removesuffix(".json") not in kept:
                    self.remove(path)
        for kind in (STAMPS, USES, DIGESTS, *_REMEMBERED):
            for path in inventory.children(layout.folder(kind)):
                if path.suffix == ".tmp" and _age(path) > GRACE_SECONDS:
                    self.remove(path)


def _contents(folder: Path) -> set[str]:
    manifest = read_manifest(folder)
    return set() if manifest is None else {file.sha256 for file in manifest.files}


def _age(path: Path) -> float:
    """Seconds since the content was last written."""
    try:
        return time.time() - os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _remove_if_empty(folder: Path) -> None:
    try:
        files.remove_folder(folder)
    except OSError as error:
        debug("%s stays: %s", folder, error)

"""What is in a cache and how much room it takes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import attrs

from inference_models_core.store.layout import BLOBS, BUILDING, MODELS, PARTIAL, QUARANTINE, USES
from inference_models_core.store.lease import is_held
from inference_models_core.store.packages import read_manifest
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.store.packages import Manifest
    from inference_models_core.store.store import Store

LOCAL_BUILDS = "localtrt"
"""How the names of packages begin that were built on this machine, and that nobody can fetch again."""


@attrs.frozen(kw_only=True, repr=False)
class CachedPackage(Value):
    """A package on this machine.

    Attributes:
        provider: Name of the provider that knew it; ``None`` if its manifest is damaged, as the next two.
        model_id: Id of its model.
        package_id: Its id.
        backend: Name of the backend that opens it; ``None`` where unknown.
        directory: Its folder.
        bytes: Size of its files.
        unique_bytes: Of these, what no other package shares.
        last_used: Seconds since 1970; when it was made, if uses are not noted.
        in_use: Whether a process has it loaded; ``None`` if locks do not tell.
        is_local_build: Whether it was built here and cannot be fetched again.
    """

    provider: str | None
    model_id: str | None
    package_id: str | None
    backend: str | None
    directory: Path
    bytes: int
    unique_bytes: int
    last_used: float
    in_use: bool | None
    is_local_build: bool = False


@attrs.frozen(kw_only=True, repr=False)
class CacheUsage(Value):
    """Room that a cache takes, in bytes; files with several names count once, shared blocks are not seen.

    Attributes:
        root: The cache's folder.
        packages: How many packages.
        total: All of it.
        models: Packages and blobs.
        partial: Unfinished downloads.
        quarantine: Damaged files kept for a look.
        free: Bytes free on its disk.
    """

    root: Path
    packages: int
    total: int
    models: int
    partial: int
    quarantine: int
    free: int


def cached_packages(store: Store) -> tuple[CachedPackage, ...]:
    """All packages of a cache, in the order of their folders' names."""
    folders = list(package_folders(store))
    names = _names_by_inode(store)
    return tuple(_describe(store, folder, names) for folder in folders)


def package_folders(store: Store) -> Iterator[Path]:
    """Folders of packages; those that are being built or removed are none."""
    for model in _folders(store.layout.folder(MODELS)):
        yield from (path for path in _folders(model) if not path.name.startswith(BUILDING))


def unfinished_folders(store: Store) -> Iterator[Path]:
    """Folders of packages that are being built or removed, or were when their process died."""
    for model in _folders(store.layout.folder(MODELS)):
        yield from (path for path in _folders(model) if path.name.startswith(BUILDING))


def _folders(path: Path) -> list[Path]:
    return [each for each in children(path) if each.is_dir() and not each.is_symlink()]


def children(path: Path) -> list[Path]:
    """What is in a folder, sorted; nothing, if it is a link or no folder, or cannot be read."""
    try:
        return [] if path.is_symlink() else sorted(path.iterdir())
    except OSError:
        return []


def files_below(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files below a folder with what ``stat`` says of them; links are not followed."""
    for folder, _, names in os.walk(path):
        for name in names:
            file = path.__class__(folder, name)
            try:
                found = os.lstat(file)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield file, found


def _names_by_inode(store: Store) -> dict[tuple[int, int], set[Path]]:
    """The packages that each file of a package belongs to."""
    owners: dict[tuple[int, int], set[Path]] = {}
    for folder in package_folders(store):
        for _, found in files_below(folder):
            owners.setdefault((found.st_dev, found.st_ino), set()).add(folder)
    return owners


def _describe(store: Store, folder: Path, owners: dict[tuple[int, int], set[Path]]) -> CachedPackage:
    sizes = {(found.st_dev, found.st_ino): found.st_size for _, found in files_below(folder)}
    manifest = read_manifest(folder)
    return CachedPackage(
        **_identity(manifest),
        directory=folder,
        bytes=sum(sizes.values()),
        unique_bytes=sum(size for inode, size in sizes.items() if owners.get(inode, set()) <= {folder}),
        last_used=last_used(store, folder),
        in_use=is_held(folder),
        is_local_build=is_local_build(folder),
    )


def _identity(manifest: Manifest | None) -> dict[str, str | None]:
    return {
        name: None if manifest is None else getattr(manifest, name)
        for name in ("provider", "model_id", "package_id", "backend")
    }


def is_local_build(folder: Path) -> bool:
    """Whether a package was built on this machine."""
    return folder.name.startswith(LOCAL_BUILDS)


def last_used(store: Store, folder: Path) -> float:
    """When a package was last used, in seconds since 1970; when it was made, if that is not noted."""
    for path in (store.layout.note(USES, folder), folder):
        try:
            return os.lstat(path).st_mtime
        except OSError:
            continue
    return 0.0


def usage(store: Store) -> CacheUsage:
    """Room that a cache takes, by kind."""
    from inference_models_core.store.faults import free_bytes

    sizes = {name: size_of(store.root / name) if name else size_of(store.root) for name in ("", PARTIAL, QUARANTINE)}
    return CacheUsage(
        root=store.root,
        packages=sum(1 for _ in package_folders(store)),
        total=sizes[""],
        models=size_of(store.root / MODELS, store.root / BLOBS),
        partial=sizes[PARTIAL],
        quarantine=sizes[QUARANTINE],
        free=free_bytes(store.root),
    )


def size_of(*folders: Path) -> int:
    """Bytes of all files below folders; a file with several names counts once."""
    found = (status for folder in folders for _, status in files_below(folder))
    return sum({(status.st_dev, status.st_ino): status.st_size for status in found}.values())

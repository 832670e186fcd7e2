"""Reads everything in a cache and says what is damaged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from inference_models_core.log import debug
from inference_models_core.store import files, identity, inventory
from inference_models_core.store.faults import typed_errors
from inference_models_core.store.layout import BLOBS
from inference_models_core.store.packages import StoredPackage, read_manifest
from inference_models_core.store.quarantine import put_aside
from inference_models_core.store.reading import BusyPackageError, DamagedPackageError, verify_config, verify_file
from inference_models_core.types.converters import to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.store.store import Store


@attrs.frozen(kw_only=True, repr=False)
class Finding(Value):
    """Something damaged, put aside unless the cache cannot be written.

    Attributes:
        path: Where it was.
        problem: What was expected and what was found.
    """

    path: Path
    problem: str


@attrs.frozen(kw_only=True, repr=False)
class Verification(Value):
    """What reading everything gave.

    Attributes:
        files: How many files were looked at.
        bytes: How many bytes they have.
        findings: What is damaged.
    """

    files: int
    bytes: int
    findings: tuple[Finding, ...] = attrs.field(converter=to_tuple)


def verify_all(store: Store) -> Verification:
    """Reads every blob and every file of every package, whatever the stamps say.

    Args:
        store: The cache. Damaged files and packages are put aside: the next load fetches them again.

    Returns:
        What was found. Packages that were built on this machine have no digests and are left out.
    """
    with typed_errors(store.root):
        findings = [*_damaged_blobs(store), *_damaged_packages(store)]
        checked = [status for name in (BLOBS, "models") for _, status in inventory.files_below(store.root / name)]
    return Verification(files=len(checked), bytes=sum(status.st_size for status in checked), findings=findings)


def _damaged_blobs(store: Store) -> Iterator[Finding]:
    for folder in inventory.children(store.layout.folder(BLOBS)):
        for path in inventory.children(folder):
            problem = _problem_of_blob(path)
            if problem:
                put_aside(store.layout, path, problem, writable=store.writable)
                yield Finding(path=path, problem=problem)


def _problem_of_blob(path: Path) -> str | None:
    try:
        fd = files.open_existing(path)
    except OSError as error:
        return str(error)
    try:
        found, seen = identity.verify(fd, path.name)
    finally:
        os.close(fd)
    return None if found else f"expected sha256 {path.name}, found {seen}"


def _damaged_packages(store: Store) -> Iterator[Finding]:
    for folder in inventory.package_folders(store):
        problem = None if inventory.is_local_build(folder) else _problem_of_package(folder)
        if problem:
            put_aside(store.layout, folder, problem, writable=store.writable)
            yield Finding(path=folder, problem=problem)


def _problem_of_package(folder: Path) -> str | None:
    manifest = read_manifest(folder)
    if manifest is None:
        return "its manifest is missing or damaged"
    try:
        for file in manifest.files:
            verify_file(folder, file)
        verify_config(
            StoredPackage(
                provider=manifest.provider,
                model_id=manifest.model_id,
                package_id=manifest.package_id,
                files=manifest.files,
            ),
            folder,
        )
    except DamagedPackageError as error:
        return str(error)
    except BusyPackageError as error:
        debug("%s is right, as far as it stands still: %s", folder, error)
    return None

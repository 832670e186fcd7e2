"""Finds a package that is complete and right, or nothing."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core import parsing
from inference_models_core.builtin.local_provider import CONFIG_FILE
from inference_models_core.errors import UnsafeCacheError
from inference_models_core.log import debug
from inference_models_core.store import files, identity
from inference_models_core.store.documents import read_value, write_quietly
from inference_models_core.store.layout import STAMPS, USES
from inference_models_core.store.lease import (
    Lease,
    close_folder,
    folders_of,
    hold_folder,
    is_same_folder,
    take_identities,
)
from inference_models_core.store.packages import package_folder, read_manifest
from inference_models_core.store.quarantine import put_aside
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.store.identity import FileIdentity
    from inference_models_core.store.layout import Layout
    from inference_models_core.store.packages import StoredFile, StoredPackage


class DamagedPackageError(Exception):
    """Something in a package's folder is not what it should be; never leaves the store."""


class BusyPackageError(Exception):
    """A package's folder keeps changing, so that nothing can be said of it now; never leaves the store."""


@attrs.frozen(kw_only=True, repr=False)
class Reader(Value):
    """Reads packages of a cache."""

    layout: Layout
    writable: bool

    def find(self, package: StoredPackage, *, read: bool = False) -> Lease | None:
        """A package whose files were all checked, held.

        Args:
            package: Which.
            read: Read the files even where their stamps say that they are unchanged.

        Returns:
            ``None`` if it is not there, is being removed, or was damaged, which is put aside with a warning.
        """
        folder = package_folder(self.layout, package)
        self.layout.folder(*folder.parent.relative_to(self.layout.root).parts)
        try:
            fd, is_held = hold_folder(folder)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            debug("%s counts as absent: %s", folder, error)
            return None
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                raise
            self._put_aside(folder, "expected a folder, found something else")
            return None
        return self._lease(package, folder, fd, read) if is_held else None

    def _lease(self, package: StoredPackage, folder: Path, fd: int | None, read: bool) -> Lease | None:
        try:
            found = self._check(package, folder, read)
        except DamagedPackageError as error:
            if fd is None or is_same_folder(fd, folder):
                self._put_aside(folder, str(error))
            close_folder(fd)
            return None
        except BusyPackageError as error:
            debug("%s counts as absent: %s", folder, error)
            close_folder(fd)
            return None
        except BaseException:
            close_folder(fd)
            raise
        self.note_use(folder)
        return Lease(folder, fd, found)

    def _put_aside(self, folder: Path, why: str) -> None:
        put_aside(self.layout, folder, why, writable=self.writable)

    def _check(self, package: StoredPackage, folder: Path, read: bool) -> dict[str, FileIdentity]:
        found = dict(zip(folder_names(package), self._folders(package, folder), strict=True))
        current = take_identities(folder, file_names(package))
        stamps = None if read else read_value(self.layout.note(STAMPS, folder, ".json"), "files", _read_stamps)
        if stamps is None or stamps != current:
            current = {**current, **self._verify_all(package, folder, stamps or {}, current)}
            self.stamp(folder, current)
        return {**found, **current}  # type: ignore[dict-item]  # verified: none is missing

    @staticmethod
    def _folders(package: StoredPackage, folder: Path) -> tuple[FileIdentity, ...]:
        """Taken before the files are looked at: a folder that is swapped later has another time of change."""
        names = folder_names(package)
        found = identity.settled(lambda: list(take_identities(folder, names).values()))
        if found is None and None in take_identities(folder, names).values():
            raise DamagedPackageError("a folder of the package is missing")
        if found is None:
            raise BusyPackageError("its folders keep changing")
        return found

    def _verify_all(
        self,
        package: StoredPackage,
        folder: Path,
        stamps: dict[str, FileIdentity],
        current: dict[str, FileIdentity | None],
    ) -> dict[str, FileIdentity]:
        changed = [file for file in package.files if stamps.get(file.handle, 0) != current[file.handle]]
        found = {file.handle: verify_file(folder, file) for file in changed}
        return {**found, CONFIG_FILE: verify_config(package, folder)}

    def stamp(self, folder: Path, found: dict[str, FileIdentity | None]) -> None:
        """Keeps the identities of files that were verified."""
        if self.writable:
            content = {name: identity.write_stamp(each) for name, each in found.items() if each is not None}
            write_quietly(self.layout, self.layout.note(STAMPS, folder, ".json"), {"files": content})

    def note_use(self, folder: Path) -> None:
        """Keeps when a package was last used; nothing depends on it but the order in which packages are collected."""
        if not self.writable:
            return
        try:
            self.layout.make(self.layout.folder(USES))
            files.touch(self.layout.note(USES, folder), self.layout.file_mode)
        except OSError as error:
            debug("the use of %s is not noted: %s", folder, error)


def folder_names(package: StoredPackage) -> list[str]:
    """Names of a package's folders, in the form of :func:`take_identities`."""
    return [f"{name}/" for name in folders_of(file.handle for file in package.files)]


def file_names(package: StoredPackage) -> list[str]:
    """Names of a package's files, its manifest last."""
    return [*(file.handle for file in package.files), CONFIG_FILE]


def verify_file(folder: Path, file: StoredFile) -> FileIdentity:
    """Reads a file of a package.

    Raises:
        DamagedPackageError: If it is not what was promised.
        BusyPackageError: If it is, but keeps changing.
    """
    try:
        fd = files.open_existing(folder / file.handle)
    except FileNotFoundError:
        raise DamagedPackageError(f"{file.handle} is missing") from None
    except UnsafeCacheError as error:
        raise DamagedPackageError(error.message) from error
    try:
        found, seen = identity.verify(fd, file.sha256)
        if found is None or found.size != file.size:
            raise DamagedPackageError(f"{file.handle}: expected sha256 {file.sha256}, found {seen}")
        settled = identity.settled_as(fd, found)
    finally:
        os.close(fd)
    if settled is None:
        raise BusyPackageError(f"{file.handle} keeps changing")
    return settled


def verify_config(package: StoredPackage, folder: Path) -> FileIdentity:
    """Reads a package's manifest.

    Raises:
        DamagedPackageError: If it does not name the package's files.
        BusyPackageError: If it does, but keeps changing.
    """
    found = identity.settled(lambda: [identity.of_path(folder / CONFIG_FILE)])
    manifest = read_manifest(folder)
    if manifest is None:
        raise DamagedPackageError(f"{CONFIG_FILE} is missing or damaged")
    if found is None:
        raise BusyPackageError(f"{CONFIG_FILE} keeps changing")
    if sorted(map(_key, manifest.files)) != sorted(map(_key, package.files)):
        raise DamagedPackageError(f"{CONFIG_FILE} is that of another package")
    return found[0]


def _key(file: StoredFile) -> tuple[str, str, int]:
    return file.handle, file.sha256, file.size


def _read_stamps(value: Any, where: str) -> dict[str, FileIdentity]:
    fields = parsing.Fields(value, where)
    return {name: fields.read(name, identity.read_stamp) for name in fields.mapping}

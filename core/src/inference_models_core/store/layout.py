"""Where things lie below the root, and that the folders on the way there are real ones of ours."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import attrs

from inference_models_core.errors import UnsafeCacheError
from inference_models_core.names import slug
from inference_models_core.parsing import malformed
from inference_models_core.store import files
from inference_models_core.types import verification
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from pathlib import Path

BLOBS, PARTIAL, LOCKS, DIGESTS = "blobs", "partial", "locks", "digests"
MODELS, STAMPS, USES, QUARANTINE = "models", "stamps", "uses", "quarantine"
ANSWERS, CHOICES, PINS, VERIFICATIONS = "answers", "choices", "pins", verification.FOLDER
FOLDERS = (BLOBS, PARTIAL, LOCKS, DIGESTS, MODELS, STAMPS, USES, QUARANTINE, ANSWERS, CHOICES, PINS, VERIFICATIONS)
BUILDING = ".building-"
"""How the names of folders begin that are not packages yet, or not any more."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,127}", re.ASCII)


@attrs.frozen(kw_only=True, repr=False)
class Layout(Value):
    """Paths of one cache.

    Attributes:
        root: Real path of the cache's folder.
        shared: Whether a group of users writes there.
        damage: What was found damaged through this value, as sentences: path, what was expected, what was found.
    """

    root: Path
    shared: bool = False
    damage: list[str] = attrs.field(factory=list, init=False, eq=False, repr=False)
    _known: set[Path] = attrs.field(factory=set, init=False, eq=False, repr=False)

    @property
    def folder_mode(self) -> int:
        """Permissions of folders; in a shared cache what is made in them belongs to the group."""
        return 0o2770 if self.shared else 0o700

    @property
    def file_mode(self) -> int:
        """Permissions of locks, stamps and other small files."""
        return 0o660 if self.shared else 0o600

    @property
    def blob_mode(self) -> int:
        """Permissions of weights: nobody changes them."""
        return 0o444

    def blob(self, sha256: str) -> Path:
        """The file with a content.

        Raises:
            MalformedDocumentError: If the digest is not 64 lower-case hex digits.
        """
        check_sha256(sha256)
        return self.folder(BLOBS, sha256[:2]) / sha256

    def key_path(self, folder: str, key: str, suffix: str = "") -> Path:
        """The file or folder of a key such as a digest, ``md5-…`` or ``url-…``.

        Raises:
            MalformedDocumentError: If the key is no such text.
        """
        if not _KEY.fullmatch(key):
            malformed("key", "lower-case letters, digits and '-'", ascii(key[:80]))
        return self.folder(folder) / f"{key}{suffix}"

    def model(self, provider: str, model_id: str) -> Path:
        """The folder of a model's packages."""
        return self.folder(MODELS, slug(provider, model_id))

    def note(self, folder: str, package: Path, suffix: str = "") -> Path:
        """The small file in ``stamps`` or ``uses`` that belongs to a package's folder."""
        return self.folder(folder) / f"{package.parent.name}--{package.name}{suffix}"

    def blob_stamp(self, sha256: str) -> Path:
        """The stamp of a blob."""
        return self.folder(STAMPS) / f"{sha256}.json"

    def folder(self, *names: str) -> Path:
        """A folder below the root; whether it exists is not said, only that it is no link to elsewhere.

        Raises:
            UnsafeCacheError: If something on the way is no folder.
        """
        path = self.root
        for name in names:
            path = path / name
            if path not in self._known and is_folder(path):
                self._known.add(path)
        return path

    def make(self, path: Path) -> Path:
        """Makes a folder below the root, and those above it.

        Raises:
            UnsafeCacheError: If something on the way is no folder.
        """
        if path != self.root and not is_folder(path):
            self.make(path.parent)
            if files.make_folder(path, self.folder_mode):
                self._set_mode(path)
            is_folder(path)
        return path

    def _set_mode(self, path: Path) -> None:
        if self.shared and hasattr(os, "getuid"):
            files.set_folder_mode(path, self.folder_mode)


def check_sha256(sha256: str) -> str:
    """Checks that a text is a digest: 64 lower-case hex digits.

    Raises:
        MalformedDocumentError: If it is anything else.
    """
    if not isinstance(sha256, str):
        malformed("sha256", "64 lower-case hex digits", type(sha256).__name__)
    if not _SHA256.fullmatch(sha256):
        malformed("sha256", "64 lower-case hex digits", ascii(sha256)[:80])
    return sha256


def is_folder(path: Path) -> bool:
    """Whether a folder is there.

    Raises:
        UnsafeCacheError: If something else is there, a link to a folder included.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeCacheError(f"{path} is not a folder of the cache", hint=f"look at it and remove it: rm {path}")
    return True

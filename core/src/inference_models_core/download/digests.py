"""Whether bytes are those that were promised."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_models_core.download.values import RemoteFile


class Digests:
    """The digests that one file needs, taken while its bytes go by in order."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        only_md5 = file.sha256 is None and file.md5 is not None
        self._md5 = hashlib.md5(usedforsecurity=False) if only_md5 else None
        self.size = 0

    def update(self, block: memoryview) -> None:
        """Adds the next bytes."""
        self._sha256.update(block)
        if self._md5 is not None:
            self._md5.update(block)
        self.size += len(block)

    @property
    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._sha256.hexdigest()

    def mismatch(self) -> str | None:
        """What is other than promised, in words."""
        file = self._file
        if file.size is not None and self.size != file.size:
            return f"{file.size} bytes were promised, {self.size} came"
        if file.sha256 is not None:
            return _difference("sha256", file.sha256, self.sha256)
        if file.md5 is not None and self._md5 is not None:
            return _difference("md5", file.md5, self._md5.hexdigest())
        return None


def _difference(name: str, promised: str, found: str) -> str | None:
    return None if promised == found else f"its {name} is {found}, promised was {promised}"

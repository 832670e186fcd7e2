"""Names on disk that say nothing about what they stand for: keyed digests, with a key that never leaves its cache.

What was found out with one credential must not be found with another, and a copy of the cache must not tell which
credentials those were. A plain digest of a key could be guessed; a keyed one (HMAC-SHA-256, RFC 2104) cannot without
the 32 random bytes in ``scope.key``. Whoever removes that file makes the cache forget all that is scoped.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING

from inference_models_core.errors import UnsafeCacheError
from inference_models_core.log import debug
from inference_models_core.store import files
from inference_models_core.store.json_files import private_mode, read_small_file, set_aside, write_temporary
from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE = "scope.key"
QUARANTINE = "quarantine"
_KEY_BYTES = 32
_TRIES = 50
_PAUSE_SECONDS = 0.02


class Scope:
    """The key of one cache.

    Args:
        root: Folder of the cache.
        writable: Whether anything may be written there; where not and there is no key, nothing is remembered or
            recalled.
        shared: Whether the key is for a group: its members can share what was found out without a credential, or with
            the same one.
    """

    def __init__(self, root: Path, *, writable: bool = True, shared: bool = False) -> None:
        self.root = root
        self.writable = writable
        self.shared = shared

    @property
    def quarantine(self) -> Path | None:
        """Where damaged files go; ``None`` where nothing can be moved."""
        return self.root / QUARANTINE if self.writable else None

    def tag(self, *texts: str | Secret) -> str | None:
        """A name for any texts, secrets included.

        Args:
            texts: Each counts with its length: ``("ab", "c")`` and ``("a", "bc")`` differ.

        Returns:
            64 lower-case hex digits; ``None`` where there is no key and none can be made.

        Raises:
            UnsafeCacheError: If something else than a file is in the place of the key.
        """
        key = self._key
        if key is None:
            return None
        import hmac

        return hmac.digest(key, b"".join([_prefixed(text) for text in texts]), "sha256").hex()

    @functools.cached_property
    def _key(self) -> bytes | None:
        key = self._read()
        if key is None and self.writable:
            self._create()
            key = self._read()
        return key

    @property
    def _path(self) -> Path:
        return self.root / KEY_FILE

    def _read(self) -> bytes | None:
        key = b""
        for _ in range(_TRIES):  # where files cannot be linked, another process may be about to write it
            try:
                key = read_small_file(self._path, _KEY_BYTES)
            except UnsafeCacheError:
                raise
            except OSError as error:
                debug("no scope key: %s", error.strerror or error)
                return None
            if len(key) >= _KEY_BYTES:
                break
            time.sleep(_PAUSE_SECONDS)
        if len(key) == _KEY_BYTES:
            return key
        set_aside(self._path, self.quarantine, f"a key has {_KEY_BYTES} bytes; what was remembered is found no more")
        return None

    def _create(self) -> None:
        """Gives the cache a key, unless another process is faster: all end with the same one."""
        try:
            self._publish(write_temporary(self._path, os.urandom(_KEY_BYTES), mode=private_mode(shared=self.shared)))
        except OSError as error:  # full, or not ours: then nothing is remembered
            debug("no scope key can be written: %s", error.strerror or error)

    def _publish(self, temporary: Path) -> None:
        try:
            files.link(temporary, self._path)
        except FileExistsError:
            return
        except (OSError, NotImplementedError):  # a file system without links
            self._write_in_place()
        finally:
            files.remove(temporary)

    def _write_in_place(self) -> None:
        try:
            fd = files.create(self._path, private_mode(shared=self.shared))
        except FileExistsError:
            return
        try:
            files.write(fd, os.urandom(_KEY_BYTES))
            files.sync(fd)
        finally:
            os.close(fd)


def _prefixed(text: str | Secret) -> bytes:
    content = (text.reveal() if isinstance(text, Secret) else text).encode("utf-8", "surrogatepass")
    return len(content).to_bytes(8, "big") + content

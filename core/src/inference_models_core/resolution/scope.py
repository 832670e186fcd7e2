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

from inference_models_core.errors import MalformedDocumentError, UnsafeCacheError
from inference_models_core.log import debug
from inference_models_core.store import files
from inference_models_core.store.documents import read_small_file
from inference_models_core.store.layout import Layout
from inference_models_core.store.quarantine import put_aside
from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE = "scope.key"
_KEY_BYTES = 32
_ONLY_OWNER, _GROUP_READS = 0o600, 0o640
_TRIES = 50
_PAUSE_SECONDS = 0.02


class Scope:
    """The key of one cache, and how the cache may be used.

    Args:
        root: Folder of the cache.
        writable: Whether anything may be written there; where not and there is no key, nothing that is scoped is
            remembered or recalled.
        shared: Whether the cache is a group's. Its members then share the key, and find what was found out with the
            credential that they give, not what others found out with theirs.
    """

    def __init__(self, root: Path, *, writable: bool = True, shared: bool = False) -> None:
        self.layout = Layout(root=root, shared=shared)
        self.writable = writable

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
        return self.layout.root / KEY_FILE

    def _read(self) -> bytes | None:
        key = b""
        try:
            for _ in range(_TRIES):  # where files cannot be linked, another process may be about to write it
                key = read_small_file(self._path)
                if len(key) >= _KEY_BYTES:
                    break
                time.sleep(_PAUSE_SECONDS)
        except UnsafeCacheError:
            raise
        except (OSError, MalformedDocumentError) as error:
            debug("no scope key: %s", error)
            return None
        if len(key) == _KEY_BYTES:
            return key
        what = f"{len(key)} bytes are no key of {_KEY_BYTES}; what was remembered is not found any more"
        put_aside(self.layout, self._path, what, writable=self.writable)
        return None

    def _create(self) -> None:
        """Gives the cache a key, unless another process is faster: all end with the same one."""
        temporary = self._path.with_name(f".{os.urandom(8).hex()}.tmp")
        try:
            self._write_new(temporary)
            self._publish(temporary)
        except FileExistsError:
            debug("another process gave the cache its scope key")
        except UnsafeCacheError:
            raise
        except OSError as error:  # full, or not ours: then nothing is remembered
            debug("no scope key can be written: %s", error)
        finally:
            files.discard(temporary)

    def _publish(self, temporary: Path) -> None:
        try:
            files.link(temporary, self._path)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # a file system, or a system, without links
            self._write_new(self._path)

    def _write_new(self, path: Path) -> None:
        mode = _GROUP_READS if self.layout.shared else _ONLY_OWNER
        fd = files.create(path, mode)
        try:
            files.set_mode(fd, mode)
            files.write(fd, os.urandom(_KEY_BYTES))
            files.sync(fd)
        finally:
            os.close(fd)


def _prefixed(text: str | Secret) -> bytes:
    content = (text.reveal() if isinstance(text, Secret) else text).encode("utf-8", "surrogatepass")
    return len(content).to_bytes(8, "big") + content

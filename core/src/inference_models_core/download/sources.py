"""Where a file can be fetched, one URL after the other."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from inference_models_core.errors import DownloadError, InferenceModelsError
from inference_models_core.network.origins import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def source_of(url: str) -> str:
    """Tells one origin and path from others, whatever the signature in the query, without giving them away."""
    return hashlib.sha256(redacted(url).encode()).hexdigest()[:16]


class _Url(str):
    """A URL that shows no signature in a traceback with the variables of our frames."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(redacted(self))


class Sources:
    """The URLs of one file; for several threads.

    Args:
        name: Of the file, for messages.
        urls: Best first.
        refresh: Gives new URLs in the place of those that have expired; called once at most.
    """

    def __init__(self, name: str, urls: Sequence[str], refresh: Callable[[], Sequence[str]] | None) -> None:
        self._name = name
        self._urls = tuple(map(_Url, urls))
        self._refresh = refresh
        self._lock = threading.Lock()
        self.attempts: list[str] = []
        """What went wrong, in words."""
        if not self._urls and not self._renew():
            raise DownloadError(f"{name}: there is no URL to fetch it from")

    @property
    def url(self) -> str:
        """The one in use."""
        return self._urls[0]

    @property
    def keys(self) -> frozenset[str]:
        """:func:`source_of` each of them."""
        return frozenset(map(source_of, self._urls))

    def leave(self, url: str, error: InferenceModelsError, *, refused: bool = False) -> None:
        """Turns to the next URL, or to new ones if this one was refused.

        Args:
            url: The one that failed; nothing happens if another thread has turned away from it already.
            error: Raised if there is no other.
            refused: Whether it may have expired.
        """
        with self._lock:
            if url != self.url or (refused and self._renew()):
                return
            if len(self._urls) == 1:
                if isinstance(error, DownloadError):
                    error.attempts = tuple(self.attempts)
                raise error
            self._urls = self._urls[1:]

    def turn(self) -> None:
        """Puts the URL in use behind the others."""
        with self._lock:
            self._urls = (*self._urls[1:], self._urls[0])

    def _renew(self) -> bool:
        refresh, self._refresh = self._refresh, None
        urls = tuple(map(_Url, refresh())) if refresh is not None else ()
        self._urls = urls or self._urls
        return bool(urls)

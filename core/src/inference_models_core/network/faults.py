"""What went wrong on the way, in words that contain no URL and no header."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING

import requests
import urllib3

from inference_models_core.errors import DownloadError
from inference_models_core.network.environment import CERTIFICATE_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inference_models_core.network.origins import Location

_NOT_CONNECTED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
_CERTIFICATE_HINT = f"if your network has its own authority, set {CERTIFICATE_VARIABLES[0]} to its PEM file"


class NotConnectedError(DownloadError):
    """Nothing was sent: the host may answer at another address."""


class MalformedAnswerError(DownloadError):
    """What came is no proper answer; asking again would bring the same."""


def fault(location: Location, error: BaseException, cut_because: str) -> DownloadError:
    """The error to raise for one of ``requests``, ``urllib3`` or the socket.

    Those quote whole URLs, so only the innermost one is told, without its traceback.
    """
    links = tuple(_links(error))
    cause = links[-1]
    kind = DownloadError if cut_because else _kind(links)
    failure = kind(f"{location}: {cut_because or words(cause)}", hint=_hint(links))
    if isinstance(cause, (OSError, http.client.HTTPException)):
        cause.__cause__ = cause.__context__ = None
        failure.__cause__ = cause.with_traceback(None)
    return failure


def _kind(links: Sequence[BaseException]) -> type[DownloadError]:
    if any(isinstance(link, _NOT_CONNECTED) for link in links):
        return NotConnectedError
    malformed = (urllib3.exceptions.InvalidHeader, requests.exceptions.InvalidHeader)
    return MalformedAnswerError if any(isinstance(link, malformed) for link in links) else DownloadError


def _links(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, outermost first; each library does it in its own way."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        inner = (getattr(link, "reason", None), *link.args, link.__cause__, link.__context__)
        link = next((one for one in inner if isinstance(one, BaseException)), None)


def words(cause: BaseException) -> str:
    """What happened, without what the library that noticed says about it."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "nothing came in time"
    if isinstance(cause, http.client.IncompleteRead):
        return "the body ends too early"
    if isinstance(cause, OSError):
        return f"the connection failed: {cause.strerror or cause}"
    if isinstance(cause, http.client.HTTPException):
        return f"the connection failed: {type(cause).__name__}"
    return f"the request failed: {type(cause).__name__}"


def _hint(links: Sequence[BaseException]) -> str:
    if any(isinstance(link, requests.exceptions.InvalidSchema) for link in links):
        return 'for a SOCKS proxy: pip install "requests[socks]"'
    return _CERTIFICATE_HINT if isinstance(links[-1], ssl.SSLCertVerificationError) else ""

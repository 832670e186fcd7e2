"""The HTTP client of providers and downloads: ``requests``, held to this library's promises.

Certificates are always verified; nothing is sent to an origin that it does not belong to; every hop of a redirect is
checked as the first one; bodies arrive as they were sent. Proxies and certificate authorities of the environment are
honoured, ``.netrc`` is not, and cookies are not kept.
"""

from __future__ import annotations

import re
import threading
import time
import weakref
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

import requests
import urllib3

from inference_models_core.__about__ import __version__
from inference_models_core.errors import DownloadError, InvalidRequestError, OfflineError, UnsafeUrlError
from inference_models_core.network.connections import Adapter, Attempt
from inference_models_core.network.documents import DOCUMENT_SECONDS, Question, ask
from inference_models_core.network.environment import has_proxy, proxies_for, tls_context
from inference_models_core.network.faults import NotConnectedError, fault
from inference_models_core.network.origins import Location, Origin, accepted, origin_of, understand
from inference_models_core.network.policy import UrlPolicy, check_location, checked_addresses, configured
from inference_models_core.network.response import Response
from inference_models_core.network.retries import SYSTEM_CLOCK, Clock
from inference_models_core.settings import offline as offline_mode
from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Self
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_HEADERS = frozenset({"range", "if-range", "accept", "if-none-match", "if-modified-since"})
_OWN_HEADERS = {"User-Agent": f"inference-models-core/{__version__}", "Accept": "*/*"}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?|")
_MOST_ADDRESSES = 4
_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, HTTPException)


class HttpClient:
    """Asks for documents and files; may be used by several threads; a context manager.

    Args:
        origins: URLs of the origins that the user configured: exempt from the rules about scheme, port and address.
        headers: Origin -> name -> value: sent to exactly this origin, also when a redirect leads there.
        offline: Whether to refuse everything; offline mode of the environment is heeded as well.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds without a byte after which a connection counts as dead.
        clock: Time and chance of retries.
        policy: Which URLs may be asked, in place of the usual rules with ``origins``.
        proxies: Whether the environment's proxies are used.
    """

    def __init__(
        self,
        *,
        origins: Iterable[str] = (),
        headers: Mapping[str, Mapping[str, Secret]] | None = None,
        offline: bool = False,
        connect_timeout: float = 10,
        read_timeout: float = 30,
        clock: Clock = SYSTEM_CLOCK,
        policy: UrlPolicy | None = None,
        proxies: bool = True,
    ) -> None:
        self._policy = configured(origins) if policy is None else policy
        self._headers = {origin_of(origin): dict(bound) for origin, bound in (headers or {}).items()}
        self._offline = offline
        self._timeout = (connect_timeout, read_timeout)
        self._clock = clock
        self._use_proxies = proxies
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._adapters: dict[tuple[Origin, str | None], Adapter] = {}
        self._reached: dict[Origin, str | None] = {}
        self._attempts: weakref.WeakSet[Attempt] = weakref.WeakSet()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(
        self, url: str, *, headers: Mapping[str, Secret | str] | None = None, deadline: float | None = None
    ) -> Response:
        """Asks for a file.

        Args:
            url: Checked, as is each URL that it redirects to.
            headers: Those for ranges, conditions and content types are kept through redirects; all others are sent to
                the URL's own origin and dropped once a redirect leaves it.
            deadline: Seconds for everything, to the last byte of the body. Without one only the time until the
                headers have arrived is bounded.

        Returns:
            The answer, whatever its status, to be read piece by piece.

        Raises:
            OfflineError: If the network is forbidden; before anything is resolved.
            UnsafeUrlError: If the URL, or one that it redirects to, leads where it must not.
            DownloadError: If the connection fails.
            InvalidRequestError: If a header cannot be sent.
        """
        found = understand(url)
        del url  # a traceback that shows variables must not show the query
        return self._open(accepted(found), dict(headers or {}), deadline)

    def get_document(
        self,
        url: str,
        *,
        params: Iterable[tuple[str, Secret | str]] = (),
        headers: Mapping[str, Secret | str] | None = None,
        what: str,
    ) -> Any:
        """Asks for a JSON document; three times at most, with the pauses that the server asks for.

        Args:
            url: Of the document.
            params: Appended to its query.
            headers: As for :meth:`open`.
            what: Is asked for, as messages say it, such as ``"model org/name"``.

        Returns:
            The document, within the limits of :mod:`inference_models_core.parsing`.

        Raises:
            UnauthorizedError, PaymentRequiredError, ForbiddenError, ModelNotFoundError, UsagePausedError: For the
                statuses 401, 402, 403, 404 and 423.
            RateLimitedError: If the server wants fewer requests, or a pause longer than ``MAX_PAUSE``.
            ProviderUnavailableError: If it cannot be reached or fails.
            ProviderError: For every other status but 200.
            MalformedDocumentError: If the document is too large or not JSON.
            OfflineError, UnsafeUrlError: As for :meth:`open`.
        """
        params = [(name, value) for name, value in params]
        found = understand(url)
        del url
        location = _with_query(accepted(found), params)
        given = dict(headers or {})
        values = [*given.values(), *(value for _, value in params), *self._headers.get(location.origin, {}).values()]
        question = Question(location.origin.authority, what, [value for value in values if isinstance(value, Secret)])
        return ask(question, lambda: self._open(location, given, DOCUMENT_SECONDS), self._clock)

    def close(self) -> None:
        """Cuts what is still open, in any thread, and closes the connections; nothing can be asked afterwards."""
        with self._lock:
            self._closed = True
            attempts, adapters = list(self._attempts), list(self._adapters.values())
        for attempt in attempts:
            attempt.cut("the client was closed")
        for adapter in adapters:
            adapter.close()

    def _open(self, location: Location, headers: Mapping[str, Secret | str], deadline: float | None) -> Response:
        if self._offline or offline_mode():
            raise OfflineError(f"{location}: offline mode forbids the network")
        ends = _Deadline(deadline)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(location, headers, ends)
            following = _redirection(response, location)
            if following is None:
                return response
            if following.origin != location.origin:
                headers = {name: value for name, value in headers.items() if name.lower() in _KEPT_HEADERS}
            location = following
        raise DownloadError(f"{location}: more than {MAX_REDIRECTS} redirects")

    def _ask(self, location: Location, headers: Mapping[str, Secret | str], ends: _Deadline) -> Response:
        """One hop, at the first of the host's addresses that answers."""
        check_location(location, self._policy)
        proxies = proxies_for(location) if self._use_proxies else {}
        *others, last = self._addresses(location, proxies)
        for address in others:
            try:
                return self._send(location, address, proxies, headers, ends)
            except NotConnectedError:
                continue
        return self._send(location, last, proxies, headers, ends)

    def _addresses(self, location: Location, proxies: dict[str, str]) -> Sequence[str | None]:
        """Where to connect, where it worked last time first; a proxy resolves for itself."""
        if has_proxy(location, proxies):
            return [None]
        addresses = checked_addresses(location.origin, self._policy)
        reached = self._reached.get(location.origin)
        return sorted(addresses, key=lambda address: address != reached)[:_MOST_ADDRESSES]

    def _send(
        self,
        location: Location,
        address: str | None,
        proxies: dict[str, str],
        headers: Mapping[str, Secret | str],
        ends: _Deadline,
    ) -> Response:
        request = _request(location, address, {**headers, **self._headers.get(location.origin, {})})
        adapter = self._adapter(location.origin, address)
        attempt = self._begin(ends)
        try:
            answer = adapter.attempt(attempt, request, self._timeout, proxies)
        except _FAULTS as error:
            failure = fault(location, error, attempt.cut_because)
        else:
            attempt.cut_after(*ends.limit(None))
            self._reached[location.origin] = address
            return _uncut(Response(answer, str(location), attempt), attempt)
        raise failure  # outside of the handler: its error, which quotes the URL, is not to be shown as the context

    def _begin(self, ends: _Deadline) -> Attempt:
        attempt = Attempt()
        with self._lock:
            if self._closed:
                raise DownloadError("the client was closed")
            self._attempts.add(attempt)
        attempt.cut_after(*ends.limit(sum(self._timeout)))
        return attempt

    def _adapter(self, origin: Origin, address: str | None) -> Adapter:
        key = (origin, address)
        with self._lock:
            if self._context is None:
                self._context = tls_context()
            if key not in self._adapters:
                self._adapters[key] = Adapter(self._context, None if address is None else origin.host)
            return self._adapters[key]


class _Deadline:
    """The moment by which everything must have arrived; ``None``: no such moment."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + (seconds or 0.0)

    def limit(self, longest: float | None) -> tuple[float | None, str]:
        """Seconds for the next step, ``longest`` at most, and what to say when they are over."""
        left = None if self._seconds is None else self._ends - time.monotonic()
        if left is None or (longest is not None and longest < left):
            return longest, f"it took longer than {longest:g} seconds" if longest is not None else ""
        return left, f"it took longer than {self._seconds:g} seconds"


def _with_query(location: Location, params: Iterable[tuple[str, Secret | str]]) -> Location:
    query = urlencode([(name, _shown(value)) for name, value in params])
    separator = "&" if "?" in location.target else "?"
    return Location(location.origin, f"{location.target}{separator}{query}" if query else location.target)


def _uncut(response: Response, attempt: Attempt) -> Response:
    """Headers that end because the connection was cut look like headers that have ended."""
    if attempt.cut_because:
        response.close()
        raise DownloadError(f"{response.url}: {attempt.cut_because}")
    return response


def _shown(value: Secret | str) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _request(location: Location, address: str | None, headers: Mapping[str, Secret | str]) -> requests.PreparedRequest:
    request = requests.Request("GET", _with_address(location, address)).prepare()
    for name, value in {**_OWN_HEADERS, **headers}.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(_shown(value)):
            hint = "a key is one line of ASCII text: look for line breaks around it"
            raise InvalidRequestError(f"the header {name!r} has characters that cannot be sent", hint=hint)
        request.headers[name] = _shown(value)
    request.headers["Accept-Encoding"] = "identity"
    request.headers["Host"] = location.origin.authority
    return request


def _with_address(location: Location, address: str | None) -> str:
    """The URL with the checked address in the place of the name; the name goes into the Host header and TLS."""
    if address is None:
        return location.url
    return Location(location.origin._replace(host=address), location.target).url


def _redirection(response: Response, current: Location) -> Location | None:
    """Where an answer sends us, if it does."""
    if response.status not in _REDIRECTS or "Location" not in response.headers:
        return None
    response.discard()
    found = _joined(current, response.headers["Location"])
    if isinstance(found, str):
        raise UnsafeUrlError(f"{current} redirects to a URL that is refused: {found}")
    if found.origin.scheme != "https" and current.origin.scheme == "https":
        raise UnsafeUrlError(f"{current} redirects to {found}, which is not encrypted")
    return found


def _joined(current: Location, text: str) -> Location | str:
    """A Location header, which may be relative, and is UTF-8 on the wire where servers do not encode it."""
    try:
        text = text.strip().encode("latin-1").decode("utf-8", "replace").replace(" ", "%20")
        return understand(urljoin(current.url, text))
    except ValueError:
        return "it is malformed"

"""Pictures from URLs: a small download that cannot be turned against the network it runs in.

Only https to public addresses. A name is resolved once, every address it has is checked, and the connection goes to
one of the checked addresses, so that a name that answers differently the next time (DNS rebinding) gains nothing. Each
redirect passes the same checks. Proxies and credentials from the environment are not used.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from inference_models_core.errors import InputError, OfflineError, UrlInputForbiddenError
from inference_models_core.settings import offline
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_BYTES = 32 * 1024 * 1024
MAX_SECONDS = 10.0
MAX_REDIRECTS = 5
_CHUNK = 64 * 1024
_PORTS = {"https": 443, "http": 80}


def fetch(url: str, *, allow_private_hosts: bool = False) -> bytes:
    """Downloads one picture.

    Args:
        url: An https URL.
        allow_private_hosts: Also accept hosts in private networks and, by http as well, on this machine.

    Returns:
        At most ``MAX_BYTES`` bytes, within ``MAX_SECONDS``.

    Raises:
        UrlInputForbiddenError: If the URL or one it redirects to leads where it must not.
        InputError: If it cannot be downloaded, is too large or too slow.
        OfflineError: If the network is forbidden.
    """
    if offline():
        raise OfflineError(f"cannot fetch {url}: offline mode is on", hint="pass the picture's path or bytes")
    deadline = time.monotonic() + MAX_SECONDS
    for _ in range(MAX_REDIRECTS + 1):
        try:
            content, location = _get(url, allow_private_hosts, deadline)
        except InputError:  # some are OSErrors, too
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise InputError(f"cannot fetch {url}: {error}") from error
        if location is None:
            return content
        url = urljoin(url, location)
    raise InputError(f"cannot fetch {url}: more than {MAX_REDIRECTS} redirects")


def _get(url: str, allow_private_hosts: bool, deadline: float) -> tuple[bytes, str | None]:
    """One request: the content, or where to go instead."""
    parts = urlsplit(url)
    host, port = _check_url(url, parts, allow_private_hosts)
    address = _checked_address(url, parts.scheme, host, port, allow_private_hosts)
    with requests.Session() as session:
        session.trust_env = False
        session.mount(f"{parts.scheme}://", _PinnedAdapter(host) if parts.scheme == "https" else HTTPAdapter())
        literal = f"[{address}]" if ":" in address else address
        target = parts._replace(netloc=f"{literal}:{port}", fragment="").geturl()
        # allow_redirects=False: each hop is checked by the caller
        headers = {"Host": parts.netloc, "Accept-Encoding": "identity"}
        timeout = _left(url, deadline)
        with session.get(target, headers=headers, stream=True, allow_redirects=False, timeout=timeout) as response:
            if response.is_redirect:
                return b"", response.headers["location"]
            if response.status_code != requests.codes.ok:
                raise InputError(f"cannot fetch {url}: the server answered {response.status_code}")
            return _read(url, response, deadline), None


def _check_url(url: str, parts: SplitResult, allow_private_hosts: bool) -> tuple[str, int]:
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private_hosts):
        raise UrlInputForbiddenError(f"{url}: only https is allowed")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise UrlInputForbiddenError(f"{url}: a URL needs a host and must not contain credentials")
    try:
        return parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise UrlInputForbiddenError(f"{url}: not a valid port") from error


def _checked_address(url: str, scheme: str, host: str, port: int, allow_private_hosts: bool) -> str:
    """An address of the host; refused if any of its addresses is."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot fetch {url}: the host {host} cannot be resolved: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        parsed = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if scheme == "http" and not parsed.is_loopback:
            raise UrlInputForbiddenError(f"{url}: http is only allowed to this machine; use https")
        if not allow_private_hosts and (not parsed.is_global or parsed.is_multicast):
            raise UrlInputForbiddenError(f"{url}: {host} is {parsed}, which is not a public address")
    return addresses[0]


def _unwrapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Any:
    """The IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo), which is where packets would go."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _left(url: str, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise InputError(f"cannot fetch {url}: it took longer than {MAX_SECONDS:g} seconds")
    return left


def _read(url: str, response: requests.Response, deadline: float) -> bytes:
    content = bytearray()
    while chunk := _read_some(response.raw):
        content += chunk
        _left(url, deadline)
        if len(content) > MAX_BYTES:
            raise InputError(f"cannot fetch {url}: more than {MAX_BYTES // 2**20} MiB")
    return bytes(content)


def _read_some(raw: Any) -> bytes:
    """What has arrived, at least a byte; not a full chunk, for which a slow server could make us wait for ever."""
    read = getattr(raw, "read1", None)
    return bytes(read(_CHUNK, decode_content=False) if read else raw.read(1024, decode_content=False))


class _PinnedAdapter(HTTPAdapter):
    """Connects to the address in the URL, but asks for and verifies the certificate of a host name."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As in requests, with the name for SNI and for the certificate."""
        super().init_poolmanager(*args, server_hostname=self._host, assert_hostname=self._host, **options)

"""Where a URL leads, and how a URL is shown."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from inference_models_core.errors import UnsafeUrlError

DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_ADDRESS_6 = re.compile(r"[0-9a-f:.]+")
_PLAIN = "/?%:@!$&'()*+,;=~-._"  # stays as it is: what is encoded already must not be encoded again
_MAX_URL = 16 * 1024


class Origin(NamedTuple):
    """What a credential is bound to: scheme, host and port, all three.

    ``host`` is lower case, without a trailing dot; an IPv6 address is without brackets.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """``host[:port]`` as the Host header and URLs write it; a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS.get(self.scheme) == self.port else f"{host}:{self.port}"


class Location:
    """A URL that was understood: its origin and what is asked for there. Prints without the query."""

    __slots__ = ("origin", "target")

    def __init__(self, origin: Origin, target: str) -> None:
        self.origin = origin
        self.target = target
        """Path and query, percent-encoded."""

    def __str__(self) -> str:
        return f"{self.origin}{self.target.partition('?')[0]}"

    def __repr__(self) -> str:
        return f"Location({str(self)!r})"

    @property
    def url(self) -> str:
        """The whole URL, with its query: not for logs and messages."""
        return f"{self.origin}{self.target}"


def origin_of(url: str) -> Origin:
    """The origin of a URL.

    Args:
        url: An ``http`` or ``https`` URL.

    Raises:
        UnsafeUrlError: If it is no such URL, or written in a way that programs disagree about.
    """
    found = understand(url)
    del url  # see accepted()
    return accepted(found).origin


def accepted(found: Location | str) -> Location:
    """What :func:`understand` found, if it is a URL.

    The URL is not an argument: a traceback that shows variables must not show its query.

    Raises:
        UnsafeUrlError: Else.
    """
    if isinstance(found, str):
        raise UnsafeUrlError(f"this URL is refused: {found}")
    return found


def redacted(url: str) -> str:
    """A URL as messages and logs show it: scheme, host, port and path; no query, no credentials, no fragment."""
    found = understand(url)
    if isinstance(found, Location):
        return str(found)
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    scheme, separator, rest = bare.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:200] if separator else "a malformed URL"


def understand(url: str) -> Location | str:
    """Reads a URL, or says in words why it is not one that every program reads alike.

    Hosts are ASCII names or addresses in their usual spelling; decimal, octal and hexadecimal IPv4 spellings,
    percent-encoding, zones and foreign digits and dots are refused rather than guessed at.
    """
    if len(url) > _MAX_URL:
        return "it is too long"
    if any(c <= " " or c in "\\\x7f" for c in url):
        return "it contains spaces, backslashes or control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its host or port is malformed"
    if parts.scheme not in DEFAULT_PORTS:
        return "only https is allowed"
    if "@" in parts.netloc:
        return "it contains a user name or password"
    host = _host(parts.netloc)
    if host is None or port == 0:
        return "its host is malformed; write names in ASCII (xn--...) and addresses in their usual spelling"
    query = f"?{quote(parts.query, safe=_PLAIN)}" if parts.query else ""
    return Location(
        Origin(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme]), quote(parts.path or "/", safe=_PLAIN) + query
    )


def _host(netloc: str) -> str | None:
    """The host in its one spelling, or ``None``."""
    if netloc.startswith("["):
        address, _, port = netloc[1:].partition("]")
        return _address_6(address.lower()) if port[:1] in ("", ":") else None
    name = netloc.partition(":")[0].lower()
    name = name[:-1] if name.endswith(".") else name
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return name if not _is_numeric(labels[-1]) else _address_4(name)


def _is_numeric(label: str) -> bool:
    """Whether resolvers take a name that ends so for an IPv4 address in one of its many spellings."""
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _address_4(text: str) -> str | None:
    import ipaddress

    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def _address_6(text: str) -> str | None:
    import ipaddress

    try:
        return str(ipaddress.IPv6Address(text)) if _ADDRESS_6.fullmatch(text) else None
    except ValueError:
        return None

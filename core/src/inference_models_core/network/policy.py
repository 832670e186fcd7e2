"""Which URLs may be asked, and at which addresses.

A URL that stands in somebody's metadata, or in a redirect, must not be turned against the network this process runs
in (server-side request forgery). Only https to public addresses is asked, at the two usual ports. A name is resolved
once, every address it has is checked, and the connection goes to a checked one, so that a name that answers
differently the next time (DNS rebinding) gains nothing.

What the user configured is the user's business: such an origin may be plain http, have any port and be private.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import attrs

from inference_models_core.errors import DownloadError, UnsafeUrlError
from inference_models_core.network.origins import Location, Origin, accepted, origin_of, understand

if TYPE_CHECKING:
    from collections.abc import Iterable

    IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({443, 8443})
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")  # all that is assigned as global unicast
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED_4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""IETF's own, 6to4 relays, the inside of Azure: some versions of Python, or all, take them for public."""
_REFUSED_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""IETF's own with Teredo, documentation, 6to4, documentation."""


@attrs.frozen(kw_only=True)
class UrlPolicy:
    """What a client may ask.

    Attributes:
        origins: Configured by the user: exempt from the rules about scheme, port and address.
        private_hosts: Whether every host in a private network may be asked, at any port, and this machine by http.
    """

    origins: frozenset[Origin] = frozenset()
    private_hosts: bool = False


def configured(origins: Iterable[str]) -> UrlPolicy:
    """The policy for artefacts and providers, with the origins that the user configured."""
    return UrlPolicy(origins=frozenset(map(origin_of, origins)))


def check_url(url: str, *, origins: Iterable[str] = ()) -> Location:
    """Checks a URL without resolving its host.

    Args:
        url: From metadata, say.
        origins: Those that the user configured.

    Returns:
        The URL as it was understood.

    Raises:
        UnsafeUrlError: If it must not be asked, whatever its host resolves to.
    """
    found = understand(url)
    del url  # a traceback that shows variables must not show the query
    location = accepted(found)
    check_location(location, configured(origins))
    return location


def check_location(location: Location, policy: UrlPolicy) -> None:
    """As :func:`check_url`, for a URL that was understood already."""
    reason = None if location.origin in policy.origins else _refusal(location.origin, policy)
    if reason is not None:
        raise UnsafeUrlError(f"{location}: {reason}")


def _refusal(origin: Origin, policy: UrlPolicy) -> str | None:
    if origin.scheme != "https" and not policy.private_hosts:
        return "only https is allowed"
    if origin.port not in PORTS and not policy.private_hosts:
        return f"only the ports {' and '.join(map(str, sorted(PORTS)))} are allowed"
    address = _literal(origin.host)
    if address is not None:
        return _address_refusal(origin, address, policy)
    if not policy.private_hosts and (origin.host == "localhost" or origin.host.endswith(".localhost")):
        return f"{origin.host} is this machine, which is not a public address"
    return None


def checked_addresses(origin: Origin, policy: UrlPolicy) -> tuple[str, ...]:
    """Resolves a host, once, for a connection to one of the addresses.

    Returns:
        Addresses in the resolver's order, at least one.

    Raises:
        UnsafeUrlError: If any of them must not be asked.
        DownloadError: If the host cannot be resolved.
    """
    addresses = _resolve(origin)
    if origin not in policy.origins:
        for address in addresses:
            _check_address(origin, address, policy)
    return addresses


def _resolve(origin: Origin) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DownloadError(f"{origin}: the host cannot be resolved: {error}") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _check_address(origin: Origin, text: str, policy: UrlPolicy) -> None:
    reason = _address_refusal(origin, ipaddress.ip_address(text.partition("%")[0]), policy)
    if reason is not None:
        raise UnsafeUrlError(f"{origin}: {reason}")


def _address_refusal(origin: Origin, address: IPAddress, policy: UrlPolicy) -> str | None:
    if policy.private_hosts:
        plain = origin.scheme != "https" and not _unmapped(address).is_loopback
        return "http is only allowed to this machine; use https" if plain else None
    return None if is_public(address) else f"{origin.host} is {address}, which is not a public address"


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the public internet, and of no tunnel or translation into something else.

    An IPv4 address behind the well-known NAT64 prefix (RFC 6052) counts as itself: networks without IPv4 see all of
    the IPv4 internet so.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        return address in _PUBLIC_6 and address.is_global and not any(address in network for network in _REFUSED_6)
    refused = address.is_multicast or address.is_reserved or any(address in network for network in _REFUSED_4)
    return address.is_global and not refused


def _unmapped(address: IPAddress) -> IPAddress:
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

"""What the environment may say about the network: proxies and certificate authorities. Never credentials (netrc)."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from inference_models_core.network.origins import Location

CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def proxies_for(location: Location) -> dict[str, str]:
    """The proxies to use for a URL, by scheme; none if there are none or ``NO_PROXY`` names the host."""
    return dict(requests.utils.get_environ_proxies(str(location)))


def has_proxy(location: Location, proxies: dict[str, str]) -> bool:
    """Whether one of the proxies is used for the URL."""
    return requests.utils.select_proxy(str(location), proxies) is not None


def tls_context() -> ssl.SSLContext:
    """Settings for https: certificates and host names are verified, always.

    Returns:
        Trusts the authorities in the file or folder that the first set variable of ``CERTIFICATE_VARIABLES`` names,
        else those that come with ``requests``.

    Raises:
        InvalidRequestError: If that file cannot be used.
    """
    variable = next((name for name in CERTIFICATE_VARIABLES if os.environ.get(name)), "")
    path = Path(os.environ[variable] if variable else requests.utils.DEFAULT_CA_BUNDLE_PATH)
    try:
        return _context(path, path.stat().st_mtime_ns)
    except OSError as error:  # ssl.SSLError is one
        hint = f"set {variable} to a PEM file of certificate authorities, or unset it" if variable else ""
        raise InvalidRequestError(f"{variable or 'requests'}: cannot read {path}: {error}", hint=hint) from error


@functools.lru_cache(maxsize=4)
def _context(path: Path, changed: int) -> ssl.SSLContext:
    """One for all clients: reading the authorities takes 30 ms. ``changed`` tells a bundle that was replaced."""
    del changed
    if path.is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)

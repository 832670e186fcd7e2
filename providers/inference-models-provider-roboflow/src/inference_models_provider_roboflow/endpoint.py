"""Where the API is, and through which gateway it is reached: read from the environment at each look-up."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs
from inference_models_core.errors import InvalidRequestError, UnsafeUrlError
from inference_models_core.log import logger
from inference_models_core.network.origins import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = "/models/v1/external/weights"
_PRODUCTION = {"us": "https://api.roboflow.com", "eu": "https://api.roboflow.eu"}
_STAGING = {"us": "https://api.roboflow.one", "eu": "https://api.roboflow-eu.one"}
_KEPT = "~()*!'"
"""Characters that the gateway gets as they are, like those of JavaScript's ``encodeURIComponent``."""


@attrs.frozen(kw_only=True)
class Endpoint:
    """Where to ask.

    Attributes:
        host: Scheme, host and possibly a path, without a slash at the end.
        gateway: The same for the proxy that every request has to go through; empty for none.
        configured: Those of the two that the user set, as origins: they may be in a private network.
    """

    host: str
    gateway: str = ""
    configured: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """URL of the API, before the gateway."""
        return f"{self.host}{_PATH}"

    @property
    def asked(self) -> str:
        """Origin that requests for metadata go to: the only one that gets the key."""
        return str(origin_of(self.gateway or self.host))

    def through_gateway(self, url: str) -> str:
        """The URL as it has to be asked for; one that goes through the gateway already stays as it is."""
        prefix = f"{self.gateway}/proxy?url="
        if not self.gateway or url.startswith(prefix):
            return url
        return prefix + quote(url, safe=_KEPT)


def endpoint_of(environment: Mapping[str, str]) -> Endpoint:
    """Reads ``ROBOFLOW_API_HOST``, else ``ROBOFLOW_REGION`` and ``ROBOFLOW_ENVIRONMENT``; and ``SECURE_GATEWAY``.

    Args:
        environment: The variables; ``LICENSE_SERVER`` is the old name of ``SECURE_GATEWAY``.

    Returns:
        The endpoint.

    Raises:
        InvalidRequestError: If a variable holds no usable URL.
    """
    host = _url(environment, "ROBOFLOW_API_HOST")
    gateway = _url(environment, "SECURE_GATEWAY") or _url(environment, "LICENSE_SERVER")
    return Endpoint(
        host=host or _regional_host(environment),
        gateway=gateway,
        configured=tuple(str(origin_of(url)) for url in (host, gateway) if url),
    )


def _regional_host(environment: Mapping[str, str]) -> str:
    stage = environment.get("ROBOFLOW_ENVIRONMENT", "prod").strip().lower()
    hosts = _PRODUCTION if stage == "prod" else _STAGING
    region = environment.get("ROBOFLOW_REGION", "us").strip().lower()
    if region not in hosts:
        logger().warning("ROBOFLOW_REGION=%r is none of %s; us is used", region[:40], ", ".join(hosts))
    return hosts.get(region, hosts["us"])


def _url(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "").strip()
    if not text:
        return ""
    url = text if "://" in text else f"{_default_scheme(text)}://{text}"
    try:
        origin_of(url)
    except UnsafeUrlError as error:
        hint = f"write it as https://host or https://host:port, in {name}"
        raise InvalidRequestError(f"{name} holds no URL that can be used", hint=hint) from error
    return url.rstrip("/")


def _default_scheme(bare_host: str) -> str:
    """The key travels there: without encryption only inside this machine."""
    host = bare_host.partition("/")[0]
    host = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    if host.lower() == "localhost":
        return "http"
    try:
        return "http" if ipaddress.ip_address(host).is_loopback else "https"
    except ValueError:
        return "https"

"""Pictures from URLs: a small download that cannot be turned against the network it runs in.

The rules are those of every download (``inference_models_core.network.policy``), on each hop of a redirect. Proxies
and credentials from the environment are not used.
"""

from __future__ import annotations

from inference_models_core.errors import (
    DownloadError,
    InputError,
    OfflineError,
    UnsafeUrlError,
    UrlInputForbiddenError,
)
from inference_models_core.network.client import HttpClient
from inference_models_core.network.origins import redacted
from inference_models_core.network.policy import UrlPolicy
from inference_models_core.network.response import Response, read_body
from inference_models_core.settings import offline

MAX_BYTES = 32 * 1024 * 1024
MAX_SECONDS = 10.0
_OK = 200


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
        raise OfflineError(f"cannot fetch {redacted(url)}: offline mode is on", hint="pass the picture's path or bytes")
    policy = UrlPolicy(private_hosts=allow_private_hosts)
    try:
        with HttpClient(policy=policy, proxies=False) as client, client.open(url, deadline=MAX_SECONDS) as response:
            return _content(response)
    except UnsafeUrlError as error:
        raise UrlInputForbiddenError(f"cannot fetch {error.message}", hint=error.hint) from error
    except DownloadError as error:
        raise InputError(f"cannot fetch {error.message}", hint=error.hint) from error


def _content(response: Response) -> bytes:
    if response.status != _OK:
        raise InputError(f"cannot fetch {response.url}: the server answered {response.status}")
    content = read_body(response, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"cannot fetch {response.url}: more than {MAX_BYTES // 2**20} MiB")
    return content

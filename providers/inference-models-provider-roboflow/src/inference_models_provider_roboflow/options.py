"""What a caller may say to this provider: ``LoadOptions(provider_options={"headers": ..., "query": ...})``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.arguments import check_known
from inference_models_core.errors import InvalidRequestError
from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class Options:
    """The caller's options, checked.

    Attributes:
        headers: Sent with the requests for metadata and with nothing else; they may hold a secret, so all count as one.
        query: Further query parameters of the requests for metadata, names may repeat.
    """

    headers: Mapping[str, Secret] = attrs.field(factory=dict, repr=False)
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)


def read_options(given: Mapping[str, Any]) -> Options:
    """Checks the caller's options.

    Args:
        given: ``headers``: name -> value; ``query``: pairs of name and value.

    Returns:
        The options.

    Raises:
        UnknownArgumentError: If there is another one; names the nearest.
        InvalidRequestError: If one has a wrong type.
    """
    check_known(given, ("headers", "query"), "the provider 'roboflow'")
    return Options(headers=_headers(given.get("headers")), query=_query(given.get("query")))


def _headers(given: Any) -> dict[str, Secret]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(
        isinstance(name, str) and isinstance(value, (str, Secret)) for name, value in given.items()
    ):
        raise _wrong("headers", '{"X-Tenant": "acme"}')
    return {name: value if isinstance(value, Secret) else Secret(value) for name, value in given.items()}


def _query(given: Any) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, (list, tuple)) or not all(map(_is_pair, given)):
        raise _wrong("query", '[("tag", "a"), ("tag", "b")]')
    return tuple((name, value) for name, value in given)


def _is_pair(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and all(isinstance(part, str) for part in item)


def _wrong(name: str, example: str) -> InvalidRequestError:
    """Without the value: it may be a secret."""
    return InvalidRequestError(
        f"provider_options[{name!r}] of the provider 'roboflow' has another form than expected",
        hint=f"such as LoadOptions(provider_options={{{name!r}: {example}}})",
    )

"""Text that must not be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Secret:
    """A key or token that cannot print, pickle or leave itself in a traceback by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text, for the one place that sends it to the origin it belongs to."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        import hmac

        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not written anywhere, not even in a pickle")


def to_optional_secret(value: str | Secret | None) -> Secret | None:
    """Wraps text; empty text and ``None`` become ``None``."""
    return value if isinstance(value, Secret) or value is None else (Secret(value) if value else None)


def sealed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a caller with the key wrapped: a variable of ours that holds them may be in a traceback."""
    found = dict(arguments)
    if "api_key" in found:
        found["api_key"] = to_optional_secret(found["api_key"])
    return found

"""Converters of the value classes, so that hooks may pass lists, generators and any mapping.

Plain functions over ``Any``: type checkers do not see through generic converters such as ``tuple`` itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def to_tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    """The items as a tuple."""
    return tuple(items)


def to_optional_tuple(items: Iterable[Any] | None) -> tuple[Any, ...] | None:
    """The items as a tuple; ``None`` stays ``None``."""
    return None if items is None else tuple(items)


def to_names(items: Iterable[Any]) -> frozenset[Any]:
    """The items as a set."""
    return frozenset(items)


def to_dict(items: Mapping[Any, Any]) -> dict[Any, Any]:
    """A copy that the caller's later changes do not reach."""
    return dict(items)

"""A value of the caller as plain JSON values that are equal exactly where the values are, in every process."""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST = 32
_PLAIN = (str, int, float, bool, type(None))


class UnstableValueError(Exception):
    """Something that cannot be told from another value of its type by any text."""


def stable_value(value: Any, seal: Callable[[Secret], str], depth: int = _DEEPEST) -> Any:
    """Plain values for one value; what is no plain value itself becomes an object that says what it was.

    Args:
        value: Text, numbers, bytes, paths, members of enumerations, values of attrs classes, secrets, and mappings,
            sequences and sets of these. A list and a tuple count as the same; the order of mappings and sets does not
            count.
        seal: What stands for a secret.
        depth: Levels that are left.

    Returns:
        Plain JSON values.

    Raises:
        UnstableValueError: For anything else, and for values nested too deep.
    """
    if type(value) in _PLAIN:  # a subclass may carry more than its text
        return value
    if depth < 1:
        raise UnstableValueError
    if isinstance(value, (list, tuple)):
        return [stable_value(item, seal, depth - 1) for item in value]
    if isinstance(value, Mapping):
        pairs = [
            (stable_value(key, seal, depth - 1), stable_value(item, seal, depth - 1)) for key, item in value.items()
        ]
        return {"mapping": sorted(pairs, key=stable_text)}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((stable_value(item, seal, depth - 1) for item in value), key=stable_text)}
    return _named(value, seal, depth)


def _named(value: Any, seal: Callable[[Secret], str], depth: int) -> dict[str, Any]:
    if isinstance(value, Secret):
        return {"secret": seal(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, os.PathLike):
        return {"path": stable_value(os.fspath(value), seal, depth - 1)}
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, enum.Enum):
        return {"member": [kind, value.name]}
    if attrs.has(type(value)):
        fields = [field.name for field in attrs.fields(type(value)) if field.eq]
        return {"value": [kind, [[name, stable_value(getattr(value, name), seal, depth - 1)] for name in fields]]}
    raise UnstableValueError


def stable_text(value: Any) -> str:
    """One text for plain JSON values, whatever the order of their objects."""
    return json.dumps(value, sort_keys=True)

"""Which Python modules are here, without importing them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def missing_modules(names: Iterable[str]) -> frozenset[str]:
    """Those of the modules that cannot be found.

    Args:
        names: Names without dots: whether a package has a submodule cannot be told without importing the package.
    """
    return frozenset(name for name in names if not has_module(name))


def has_module(name: str) -> bool:
    """Whether a module of that name, which has no dots, can be found; whether it can be imported is another matter."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # imported already, by something that gave it no spec
        return True

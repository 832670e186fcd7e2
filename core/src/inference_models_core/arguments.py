"""Keyword arguments: which a callable takes, and what the caller may have meant."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import UnknownArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


def keyword_names(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Which keyword-only arguments a function takes.

    Args:
        function: Any function or method.

    Returns:
        Their names, and whether it takes any others as ``**kwargs``.
    """
    parameters = inspect.signature(function).parameters.values()
    names = frozenset(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)
    return names, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """The legal name most similar to what was written, or ``None``."""
    import difflib

    by_lower = {choice.lower(): choice for choice in legal}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None


def check_known(given: Iterable[str], legal: Collection[str], where: str) -> None:
    """Refuses names that are not legal.

    Args:
        given: Names the caller used.
        legal: Names that are understood.
        where: What takes them, for the message: ``"YoloV8ObjectDetection(...)"``.

    Raises:
        UnknownArgumentError: Names the unknown argument and the nearest legal one.
    """
    unknown = [name for name in given if name not in legal]
    if not unknown:
        return
    suggestion = nearest(unknown[0], legal)
    guess = f"Did you mean {suggestion!r}? " if suggestion else ""
    raise UnknownArgumentError(
        f"{where} takes no argument {unknown[0]!r}", hint=f"{guess}It takes: {', '.join(sorted(legal)) or 'none'}."
    )

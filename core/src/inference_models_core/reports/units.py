"""Quantities as people read them."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB")


def format_bytes(count: int | None) -> str:
    """A number of bytes in decimal units, three significant digits: ``"1.05 MB"``; ``None`` is ``"unknown"``."""
    if count is None:
        return "unknown"
    if count < 1000:
        return f"{count} B"
    value, place = count / 1000, 0
    while value >= 999.5 and place < len(_UNITS) - 1:
        value, place = value / 1000, place + 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[place]}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: ``"1 package"``, ``"2 packages"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

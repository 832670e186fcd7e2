"""Quantities as people read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inference_models_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

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


_BYTES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]*)")
_MOST = 2**53


def parse_bytes(text: str) -> int:
    """Reads a number of bytes: ``"20GB"``, ``"1.5 GiB"``, ``"500 MB"``, ``"4096"``; rounded down to whole bytes.

    Raises:
        InvalidRequestError: If it is none.
    """
    return int(_quantity(text, _BYTES, "a size such as 20GB, 500MB or 1.5GiB"))


def parse_seconds(text: str) -> float:
    """Reads a time span: ``"30d"``, ``"12h"``, ``"90min"``, ``"2w"``, ``"45s"``; a number alone is refused.

    Raises:
        InvalidRequestError: If it is none.
    """
    return _quantity(text, _SECONDS, "a time span such as 30d, 12h or 2w")


def _quantity(text: str, units: Mapping[str, int], expected: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None or float(match[1]) * factor > _MOST:
        raise InvalidRequestError(f"{text!r} is not {expected}")
    number = match[1]
    return (int(number) if number.isdigit() else float(number)) * factor


def format_age(seconds: float) -> str:
    """How long ago something was, as people say it: ``"now"``, ``"5 min"``, ``"3 h"``, ``"12 d"``."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"

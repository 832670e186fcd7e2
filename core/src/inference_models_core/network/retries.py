"""When to ask again, and how long to wait before."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAUSE = 120.0
"""Longest pause, in seconds, that a server's ``Retry-After`` can make us wait."""

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same question may be asked again."""


class Clock:
    """Time, sleep and chance; tests pass one of their own."""

    def now(self) -> float:
        """Seconds that only grow, from an arbitrary start."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC, as this machine believes."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def random(self) -> float:
        """A number from 0 to below 1."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing


SYSTEM_CLOCK = Clock()


def delay(attempt: int, *, clock: Clock = SYSTEM_CLOCK, base: float = 0.5, longest: float = 8.0) -> float:
    """How long to wait before the next try: exponential with full jitter.

    The jitter spreads clients that failed together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Args:
        attempt: How many retries there were before: 0, 1, ...
        clock: Where chance comes from.
        base: Longest wait before the first retry, in seconds.
        longest: Longest wait before any retry, in seconds.

    Returns:
        Seconds from 0 to ``min(longest, base * 2 ** attempt)``.
    """
    return clock.random() * min(longest, base * 2.0 ** min(attempt, 30))


def retry_after_seconds(headers: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK) -> float | None:
    """The pause a server asks for, as far as we heed it.

    Args:
        headers: Of its answer; names in any case if the mapping is case-insensitive, else as written in RFC 9110.
        clock: Tells the time where a date stands there and the server does not tell its own.

    Returns:
        0 to ``MAX_PAUSE`` seconds; ``None`` if it asks for none or cannot be understood.
    """
    asked = requested_pause(headers, clock=clock)
    return None if asked is None else min(asked, MAX_PAUSE)


def requested_pause(headers: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK) -> float | None:
    """The pause a server asks for, however long; arguments as for :func:`retry_after_seconds`."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])  # 300 years will do
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("Date", ""))  # the server's own clock, as ours may be wrong
    return max(0.0, until - (clock.wall() if now is None else now))


def _http_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        parsed = parsedate_to_datetime(text)
        return parsed.timestamp() if parsed.tzinfo is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):  # what malformed dates raise, by version of Python
        return None

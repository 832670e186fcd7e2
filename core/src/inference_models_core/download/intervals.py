"""Which bytes of a file are there: sorted, disjoint ``(start, stop)`` pairs that do not touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]


def union(intervals: Iterable[Interval]) -> Intervals:
    """Sorted and merged; empty ones are dropped."""
    merged: list[Interval] = []
    for start, stop in sorted(intervals):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


def length(intervals: Intervals) -> int:
    """How many bytes they cover."""
    return sum(stop - start for start, stop in intervals)


def prefix(intervals: Intervals) -> int:
    """How many bytes from the start are covered without a gap."""
    return intervals[0][1] if intervals and intervals[0][0] == 0 else 0


def gaps(intervals: Intervals, size: int) -> Intervals:
    """What is missing of a file of this size."""
    edges = [0, *(edge for interval in intervals for edge in interval), size]
    return union(zip(edges[::2], edges[1::2], strict=True))


def clipped(intervals: Intervals, size: int) -> Intervals:
    """The part of them before ``size``."""
    return union((start, min(stop, size)) for start, stop in intervals)


def windows(intervals: Intervals, longest: int) -> Iterator[Interval]:
    """Pieces of at most ``longest`` bytes, in order."""
    for start, stop in intervals:
        for begin in range(start, stop, longest):
            yield begin, min(begin + longest, stop)

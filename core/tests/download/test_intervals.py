from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.download.intervals import clipped, gaps, length, prefix, union, windows

SIZE = 60
pairs = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)))


def covered(intervals) -> set[int]:
    return {place for start, stop in intervals for place in range(start, stop)}


@given(pairs)
def test_union_covers_the_same_in_disjoint_pairs_that_do_not_touch(intervals):
    merged = union(intervals)
    assert covered(merged) == covered(intervals)
    assert length(merged) == len(covered(intervals))
    assert all(a[1] < b[0] for a, b in itertools.pairwise(merged))


@given(pairs, st.integers(0, SIZE))
def test_gaps_are_what_is_missing(intervals, size):
    there = clipped(union(intervals), size)
    assert covered(gaps(there, size)) == set(range(size)) - covered(intervals)


@given(pairs)
def test_prefix_is_the_first_missing_byte(intervals):
    there = covered(intervals)
    assert prefix(union(intervals)) == next(place for place in range(SIZE + 1) if place not in there)


@given(pairs, st.integers(1, 20))
def test_windows_cover_the_same_in_short_pieces(intervals, longest):
    pieces = list(windows(union(intervals), longest))
    assert covered(pieces) == covered(intervals)
    assert all(0 < stop - start <= longest for start, stop in pieces)

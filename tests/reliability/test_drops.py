"""R-09: connections that end too early."""

from __future__ import annotations

import pytest

from reliability.drops import drops


@pytest.mark.parametrize("chunked", [False, True])
def test_dropped_at_some_offsets(tmp_path, chunked):
    found = drops(tmp_path, offsets=10, chunked=chunked)
    assert found.recovered == found.offsets
    assert found.resumed == found.offsets - 1
    assert found.more_gets == 0


@pytest.mark.nightly
@pytest.mark.parametrize("chunked", [False, True])
def test_dropped_at_sixty_four_offsets(tmp_path, chunked):
    found = drops(tmp_path, chunked=chunked)
    assert (found.offsets, found.recovered, found.resumed, found.more_gets) == (64, 64, 63, 0)

"""R-01 and R-03: many processes, one cold model."""

from __future__ import annotations

import pytest

from reliability.crowds import crowd


def test_sixteen_processes_fetch_each_file_once(tmp_path):
    found = crowd(tmp_path / "cache")
    assert (found.successes, found.corrupt, found.problems) == (16, 0, {})
    assert found.most_gets == 1
    assert found.most_asked <= 16


def test_without_locks_that_work_everybody_still_succeeds(tmp_path):
    found = crowd(tmp_path / "cache", no_flock=True, transfer_seconds=2.5)
    assert (found.successes, found.corrupt, found.problems) == (16, 0, {})
    assert found.most_gets <= 16
    assert found.most_gets > 1, "the locks did work"


@pytest.mark.nightly
def test_a_transfer_that_takes_longer_than_any_lock_waits(tmp_path):
    found = crowd(tmp_path / "cache", transfer_seconds=26)
    assert (found.successes, found.corrupt, found.most_gets) == (16, 0, 1)

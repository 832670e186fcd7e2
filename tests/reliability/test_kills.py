"""R-05, R-06 and R-08: loads that die, and loads whose n-th file operation fails."""

from __future__ import annotations

import errno
import shutil
import signal

import pytest

from reliability.kills import failure_sweep, kill_sweep, random_kills, ranged_kills
from reliability.system_calls import CALLS, system_call_sweep

FAILURES = ("EIO", "ENOSPC", "EINTR", "EACCES")


def test_twenty_kills_at_random_moments(tmp_path):
    found = random_kills(tmp_path / "cache")
    assert (found.killed, found.recovered, found.corrupt) == (20, True, 0)
    assert found.repeated_bytes == 0
    assert found.resumed >= 5
    assert found.surviving_bytes > 0


@pytest.mark.nightly
def test_kills_of_a_download_in_ranges(tmp_path):
    found = ranged_kills(tmp_path / "cache")
    assert (found.killed, found.recovered, found.corrupt) == (10, True, 0)
    assert found.repeated_bytes == 0
    assert found.lost_bytes <= found.allowed_bytes
    assert found.surviving_bytes > 0


def test_a_kill_before_every_seventh_file_operation(tmp_path):
    found = kill_sweep(tmp_path, stride=7)
    assert found.moments > 15
    assert (found.recovered, found.corrupt, found.escaped) == (found.moments, 0, [])


@pytest.mark.parametrize("name", FAILURES)
def test_every_nineteenth_file_operation_fails(tmp_path, name):
    found = failure_sweep(tmp_path, getattr(errno, name), stride=19, start=1 + 5 * FAILURES.index(name))
    assert found.moments >= 5
    assert (found.recovered, found.corrupt, found.escaped) == (found.moments, 0, [])


@pytest.mark.nightly
def test_a_kill_before_every_file_operation(tmp_path):
    found = kill_sweep(tmp_path)
    assert (found.recovered, found.corrupt, found.escaped) == (found.moments, 0, [])


@pytest.mark.nightly
@pytest.mark.parametrize("name", FAILURES)
def test_every_file_operation_fails(tmp_path, name):
    found = failure_sweep(tmp_path, getattr(errno, name))
    assert (found.recovered, found.corrupt, found.escaped) == (found.moments, 0, [])


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace injects the signals")
@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_every_system_call(tmp_path, call):
    """The same without our own hooks: the kernel's view."""
    found = system_call_sweep(tmp_path, call, f"signal={signal.Signals.SIGKILL.name}")
    assert found.moments > 0
    assert (found.recovered, found.corrupt, found.escaped) == (found.moments, 0, [])

"""How often, how long, and when not any more; on a clock that only passes while somebody sleeps."""

from __future__ import annotations

import threading
import time

import pytest
from download_kit import RANGED, content_of, ranges_of, remote
from inference_models_core.errors import DownloadError, OfflineError
from inference_models_core.network.client import HttpClient
from inference_models_core.network.retries import SYSTEM_CLOCK
from inference_models_core.testing.fault_server import Drip, Drop, NoRange, Rate, Stall, Status

SIZE = 300_000
CONTENT = content_of(SIZE)
SLOW = {"floor_rate": 10_000, "floor_seconds": 0.5}


def test_five_requests_without_progress_are_enough(server, fetch):
    url = server.add("/w", CONTENT, Status(503))
    with pytest.raises(DownloadError) as caught:
        fetch(remote(url, CONTENT))
    assert len(server.requests) == 5
    assert len(caught.value.attempts) == 5
    assert all("503" in attempt and url in attempt for attempt in caught.value.attempts)
    assert fetch.clock.time == pytest.approx(0.25 + 0.5 + 1 + 2)


def test_progress_starts_the_count_again(server, fetch):
    url = server.add("/w", CONTENT, Drop(20_000, times=14))
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert len(server.requests) == 15
    assert ranges_of(server)[-1] == f"bytes={14 * 20_000}-"


def test_four_failures_between_progress_are_forgiven_each_time(server, fetch):
    faults = [
        fault
        for start in (0, 5, 10)
        for fault in (Drop(50_000, skip=start, times=1), Status(500, skip=start + 1, times=4))
    ]
    assert fetch(remote(server.add("/w", CONTENT, *faults), CONTENT)) == CONTENT
    assert len(server.requests) == 16


def test_a_byte_per_connection_is_no_progress(server, fetch):
    """One byte after every pause is far below the floor rate, although each request brings something."""
    url = server.add("/w", CONTENT, Drop(1))
    with pytest.raises(DownloadError):
        fetch(remote(url, CONTENT), floor_rate=1024)
    assert len(server.requests) <= 7


def test_the_same_bytes_again_are_no_progress(server, fetch):
    url = server.add("/w", CONTENT, NoRange(), Drop(100_000))
    with pytest.raises(DownloadError):
        fetch(remote(url, CONTENT))
    assert len(server.requests) < 10


def test_sleep_is_bounded(server, fetch):
    fetch.clock.chance = 0.999
    url = server.add("/w", CONTENT, Status(500))
    with pytest.raises(DownloadError):
        fetch(remote(url, CONTENT), no_progress_tries=1000)
    assert 40 < fetch.clock.time <= 60


@pytest.mark.parametrize(
    ("asked", "slept"), [("7", 7), ("0", 0), ("100000", 120), ("soon", 0.25), ("-3", 0.25)], ids=str
)
def test_the_pause_that_a_server_asks_for(server, fetch, asked, slept):
    url = server.add("/w", CONTENT, Status(429, times=1, headers={"Retry-After": asked}))
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert fetch.clock.time == pytest.approx(slept)


def test_offline_asks_nobody(server, fetch):
    url = server.add("/w", CONTENT)
    with HttpClient(origins=[server.origin], offline=True) as client, pytest.raises(OfflineError):
        fetch(remote(url, CONTENT), client=client)
    assert server.requests == []


@pytest.mark.parametrize("limits", [{}, RANGED], ids=["stream", "ranges"])
def test_a_drip_is_given_up_and_asked_again(server, fetch, limits):
    url = server.add("/w", CONTENT, Drip(1, every=0.05, times=1))
    assert fetch(remote(url, CONTENT), clock=SYSTEM_CLOCK, **SLOW, **limits) == CONTENT
    assert len(server.requests) == 2 + (len(range(0, SIZE, 64 * 1024)) - 1 if limits else 0)


def test_a_drip_without_end_is_told(server, fetch):
    url = server.add("/w", CONTENT, Drip(1, every=0.05))
    with pytest.raises(DownloadError, match="less than 10000 bytes per second"):
        fetch(remote(url, CONTENT), clock=SYSTEM_CLOCK, no_progress_tries=2, **SLOW)
    assert len(server.requests) == 2


def test_a_stall_in_the_middle_is_given_up_by_the_floor_rate(server, fetch):
    url = server.add("/w", CONTENT, Stall(100_000, times=1))
    assert fetch(remote(url, CONTENT), clock=SYSTEM_CLOCK, **SLOW) == CONTENT
    assert ranges_of(server) == [None, "bytes=100000-"]


def test_what_is_slow_but_fast_enough_goes_on(server, fetch):
    url = server.add("/w", CONTENT[:100_000], Rate(60_000))
    assert fetch(remote(url, CONTENT[:100_000]), clock=SYSTEM_CLOCK, **SLOW) == CONTENT[:100_000]
    assert len(server.requests) == 1


@pytest.mark.parametrize("limits", [{}, RANGED], ids=["stream", "ranges"])
def test_deadline(server, fetch, limits):
    url = server.add("/w", CONTENT, Rate(50_000))
    with pytest.raises(DownloadError, match=r"not complete after 0\.3 s"):
        fetch(remote(url, CONTENT), clock=SYSTEM_CLOCK, deadline=0.3, **limits)


@pytest.mark.parametrize("faults", [(Stall(30_000),), (Drip(1, every=0.05),), (Status(503),)], ids=repr)
@pytest.mark.parametrize("limits", [{}, RANGED], ids=["stream", "ranges"])
def test_cancelled_at_once_and_kept_for_the_next_one(server, fetch, faults, limits):
    url = server.add("/w", CONTENT, *faults)
    timer = threading.Timer(0.3, fetch.cancelled.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(DownloadError, match="cancelled"):
        fetch(remote(url, CONTENT), clock=SYSTEM_CLOCK, **limits)
    assert time.monotonic() - started < 3
    timer.join()
    fetch.cancelled.clear()
    kept = sum(path.stat().st_size > 0 for path in fetch.folder.glob("*.part"))
    assert kept == (0 if isinstance(faults[0], Status) else 1)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("download")] == []
    assert fetch(remote(server.add("/w", CONTENT), CONTENT), **limits) == CONTENT

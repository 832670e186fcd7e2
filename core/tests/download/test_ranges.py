"""Several connections for one file: each writes only where it may, and nothing half done looks whole."""

from __future__ import annotations

import itertools
import json
import threading
import time

import pytest
from download_kit import RANGED, content_of, ranges_of, remote
from inference_models_core.download import ranged
from inference_models_core.download.reading import write_within
from inference_models_core.errors import DownloadError, IntegrityError
from inference_models_core.store import files
from inference_models_core.testing.fault_server import Changed, Drop, LongBody, Rate, Stall, Status, Validators

SIZE = 1_000_000
CONTENT = content_of(SIZE)
WINDOW = RANGED["window"]


def test_every_byte_once_with_if_range_and_nothing_else(server, fetch):
    assert fetch(remote(server.add("/w", CONTENT), CONTENT), **RANGED) == CONTENT
    assert {request.method for request in server.requests} == {"GET"}
    assert sum(request.sent for request in server.requests) == SIZE
    assert len(server.requests) == -(-SIZE // WINDOW)
    assert len({request.headers.get("if-range") for request in server.requests[1:]}) == 1
    assert "if-range" in server.requests[-1].headers


@pytest.mark.parametrize(
    ("limits", "several"),
    [
        ({"range_threshold": SIZE}, True),
        ({"range_threshold": SIZE + 1}, False),
        ({"range_threshold": 1, "ranges": 1}, False),
    ],
)
def test_from_the_threshold_on(server, fetch, limits, several):
    assert fetch(remote(server.add("/w", CONTENT), CONTENT), **limits) == CONTENT
    assert (ranges_of(server) != [None]) is several


def test_without_positioned_writes_there_is_one_stream(server, fetch, monkeypatch):
    monkeypatch.setattr(ranged, "POSSIBLE", False)
    assert fetch(remote(server.add("/w", CONTENT), CONTENT), **RANGED) == CONTENT
    assert ranges_of(server) == [None]


def test_no_write_leaves_the_window_of_its_thread(server, fetch, monkeypatch):
    """Whatever the server sends; recorded below the engine, at the write itself."""
    writes = []
    real = files.write_at

    def recorded(fd, data, offset):
        writes.append((threading.get_ident(), offset, offset + len(data)))
        real(fd, data, offset)

    monkeypatch.setattr(files, "write_at", recorded)
    url = server.add("/w", CONTENT, Drop(10_000, skip=3, times=5), Status(503, skip=9, times=2))
    assert fetch(remote(url, CONTENT), **RANGED) == CONTENT
    assert all(start // WINDOW == (stop - 1) // WINDOW for _, start, stop in writes)
    covered = sorted((start, stop) for _, start, stop in writes)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(covered))


@pytest.mark.parametrize("offset", [9, 95])
def test_a_write_outside_of_the_window_is_refused(offset):
    with pytest.raises(AssertionError, match="outside"):
        write_within(None, memoryview(b"123456"), offset, (10, 100))


def test_a_longer_range_than_asked_for_is_not_written(server, fetch):
    url = server.add("/w", CONTENT, LongBody(5000, skip=4))
    with pytest.raises(IntegrityError, match="announces 1005000"):
        fetch(remote(url, CONTENT), **RANGED)
    assert ranges_of(server)[-1] is None
    assert max(fetch.told) <= SIZE


def test_without_validator_and_digest_there_is_one_stream(server, fetch):
    url = server.add("/w", CONTENT, Validators())
    assert fetch(remote(url, CONTENT, sha256=None), **RANGED) == CONTENT
    assert ranges_of(server)[1:] == [None]


def test_a_server_that_gives_few_connections(server, fetch):
    """Three of four threads are turned away until they give up: the one that is not has their windows in the end."""
    url = server.add("/w", CONTENT, Rate(200_000, times=1), Status(503, skip=1, times=9))
    assert fetch(remote(url, CONTENT), no_progress_tries=3, **RANGED) == CONTENT
    assert len(server.requests) == 9 + -(-SIZE // WINDOW)


def test_one_slow_connection_does_not_stop_the_others(server, fetch):
    url = server.add("/w", CONTENT, Rate(200_000, times=1))
    assert fetch(remote(url, CONTENT), **RANGED) == CONTENT
    assert sum(request.sent for request in server.requests) == SIZE


@pytest.mark.parametrize("first", [(), (Rate(300_000, times=1),), (Status(503, times=3),)], ids=["", "slow", "busy"])
def test_threads_wait_for_a_slow_hash_and_never_for_each_other(server, fetch, monkeypatch, first):
    content, waited = content_of(6_000_000), []
    is_far_ahead, hash_part = ranged.RangedDownload._is_far_ahead, ranged.hash_part

    def slowly(*arguments):
        time.sleep(0.05)
        hash_part(*arguments)

    def noted(self):
        waited.append(is_far_ahead(self))
        return waited[-1]

    monkeypatch.setattr(ranged, "hash_part", slowly)
    monkeypatch.setattr(ranged.RangedDownload, "_is_far_ahead", noted)
    assert fetch(remote(server.add("/w", content, *first), content), **RANGED) == content
    assert any(waited)


def test_parts_grow_while_bytes_arrive_and_the_note_says_what_is_there(server, fetch):
    """Read from outside while the last window stalls: what the note calls done is right."""
    url = server.add("/w", CONTENT, Stall(30_000, skip=15, times=1))
    seen = []

    def watch(received):
        for part in fetch.folder.glob("*.part"):
            note = json.loads(part.with_suffix(".json").read_text())  # first: it may say more a moment later
            there = part.read_bytes()
            seen.append((len(there), len(note["done"] or ())))
            for start, stop in note["done"] or ():
                assert there[start:stop] == CONTENT[start:stop]
        if received >= SIZE - WINDOW + 30_000 - SIZE % WINDOW:
            fetch.cancelled.set()

    with pytest.raises(DownloadError, match="cancelled"):
        fetch(remote(url, CONTENT), progress=watch, **RANGED)
    assert len({size for size, _ in seen}) > 3
    done = json.loads(next(fetch.folder.glob("*.json")).read_text())["done"]
    missing = SIZE - sum(stop - start for start, stop in done)
    server.requests.clear()
    fetch.cancelled.clear()
    assert fetch(remote(url, CONTENT), **RANGED) == CONTENT
    assert sum(request.sent for request in server.requests) == missing


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(5, "Input/output error")])
def test_a_disk_fault_in_one_thread_ends_all(server, fetch, monkeypatch, error):
    from inference_models_core.errors import CacheError

    def full(_):
        if threading.current_thread().name == "download-range" and len(server.requests) > 6:
            raise error

    url = server.add("/w", CONTENT)
    monkeypatch.setattr(files, "on_operation", full)
    with pytest.raises(CacheError):
        fetch(remote(url, CONTENT), **RANGED)
    monkeypatch.undo()
    assert fetch.left == []
    assert [thread for thread in threading.enumerate() if thread.name.startswith("download")] == []


def test_changed_between_two_ranges(server, fetch):
    old, new = b"A" * SIZE, b"B" * SIZE
    url = server.add("/w", old, Changed(new, skip=5))
    assert fetch(remote(url, new), **RANGED) == new

"""What an earlier download left is used, never believed and never fetched again."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time

import pytest
from download_kit import RANGED, content_of, ranges_of, remote
from inference_models_core.download import locks
from inference_models_core.download.parts import create_part, remove_dead_parts
from inference_models_core.errors import DownloadError, IntegrityError
from inference_models_core.store import files
from inference_models_core.testing.fault_server import Changed, Chunked, Drop, NoRange, Status, Validators

SIZE = 300_000
CONTENT = content_of(SIZE)
ONE_TRY = {"no_progress_tries": 1}
NOTE = {"size": SIZE, "etag": '"x"', "pid": 1, "host": "h", "started": 1.0}


def cut(after, times=1):
    """A server that ends so many responses early, and gives none after that."""
    return Drop(after, times=times), Status(503, skip=times)


def plant(folder, content, note):
    """A part of a dead owner on this machine."""
    part = create_part(folder)
    os.write(part.fd, content)
    part.path.with_suffix(".json").write_text(note if isinstance(note, str) else json.dumps(note))
    part.close_file()
    return part.path


@pytest.fixture
def interrupted(server, fetch):
    """A dead download of so many bytes; returns the URL of the file."""

    def interrupt(after, content=CONTENT, **limits):
        url = server.add("/w", content, *cut(after, times=4 if limits else 1))
        with pytest.raises(DownloadError):
            fetch(remote(url, content), **{**ONE_TRY, **limits})
        server.requests.clear()
        return server.add("/w", content)

    return interrupt


@pytest.mark.parametrize("after", [1, 100_000, SIZE - 1])
def test_goes_on_exactly_where_the_last_one_ended(server, fetch, interrupted, after):
    url = interrupted(after)
    assert fetch(remote(f"{url}?signature=another", CONTENT)) == CONTENT
    [request] = server.requests
    assert request.headers["range"] == f"bytes={after}-"
    assert request.headers["if-range"].startswith('"')
    assert request.sent == SIZE - after
    assert fetch.told[0] in (0, after)
    assert fetch.left == []


def test_a_complete_part_needs_no_request(server, fetch):
    plant(fetch.folder, CONTENT, NOTE)
    assert fetch(remote(server.url("/w"), CONTENT)) == CONTENT
    assert server.requests == []


@pytest.mark.parametrize("limits", [{}, RANGED], ids=["stream", "ranges"])
def test_a_poisoned_donor_costs_one_clean_start(server, fetch, interrupted, limits):
    url = interrupted(100_000)
    donor = next(fetch.folder.glob("*.part"))
    poisoned = bytearray(donor.read_bytes())
    poisoned[50] ^= 1
    donor.write_bytes(poisoned)
    assert fetch(remote(url, CONTENT), **limits) == CONTENT
    assert sum(request.sent for request in server.requests) == SIZE + SIZE - 100_000
    assert not donor.exists()


def test_a_donor_is_never_written_to(server, fetch, interrupted):
    url = interrupted(100_000)
    donor = next(fetch.folder.glob("*.part"))
    with donor.open("rb") as kept:
        assert fetch(remote(url, CONTENT)) == CONTENT
        assert kept.read() == CONTENT[:100_000]


USELESS = {
    "no note": "",
    "not JSON": "{",
    "wrong types": {**NOTE, "size": "many"},
    "another size": {**NOTE, "size": SIZE + 1},
    "longer than the file": {**NOTE, "done": None},
    "malformed ranges": {**NOTE, "done": [[5, 1, 2]]},
    "negative ranges": {**NOTE, "done": [[-5, 10]]},
}


@pytest.mark.parametrize("note", USELESS.values(), ids=USELESS)
def test_useless_donors_are_removed_and_cost_nothing(server, fetch, note):
    content = CONTENT + b"more" if isinstance(note, dict) and note.get("done", 1) is None else CONTENT[:1000]
    plant(fetch.folder, content, note)
    assert fetch(remote(server.add("/w", CONTENT), CONTENT)) == CONTENT
    assert ranges_of(server) == [None]
    assert fetch.left == []


def test_ranges_beyond_the_donor_are_not_there(server, fetch):
    url = server.add("/w", CONTENT)
    plant(fetch.folder, CONTENT[:1000], {**NOTE, "done": [[0, SIZE]]})
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server) == ["bytes=1000-"]


@pytest.mark.parametrize("faults", [(), (Chunked(),)], ids=["length", "chunked"])
@pytest.mark.parametrize("limits", [{}, RANGED], ids=["stream", "ranges"])
def test_dropped_at_64_places(server, fetch, faults, limits):
    places = [0, 1, SIZE - 1, *range(2, SIZE, SIZE // 61)][:64]
    for place in places:
        url = server.add("/w", CONTENT, *faults, Drop(place, times=1))
        assert fetch(remote(url, CONTENT), **limits) == CONTENT
        if not limits:
            assert ranges_of(server) == [None, f"bytes={place}-" if place else None]
        assert sum(request.sent for request in server.requests) <= SIZE
        server.requests.clear()
    assert fetch.left == []


@pytest.mark.parametrize(
    ("validators", "asked"),
    [
        ((), ["bytes=100000-"]),
        ((Validators(),), ["bytes=100000-"]),
    ],
    ids=["etag", "none"],
)
def test_with_a_digest_no_validator_is_needed(server, fetch, validators, asked):
    url = server.add("/w", CONTENT, *validators, *cut(100_000))
    with pytest.raises(DownloadError):
        fetch(remote(url, CONTENT), **ONE_TRY)
    server.add("/w", CONTENT, *validators)
    server.requests.clear()
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server) == asked


@pytest.mark.parametrize(
    ("validators", "asked"),
    [((), "bytes=100000-"), ((Validators(),), None), ((Validators(etag='W/"1"'),), None)],
    ids=["etag", "none", "weak"],
)
def test_without_a_digest_only_a_strong_validator_allows_to_go_on(server, fetch, validators, asked):
    file = remote(server.add("/w", CONTENT, *validators, *cut(100_000)), CONTENT, sha256=None, size=None)
    with pytest.raises(DownloadError):
        fetch(file, **ONE_TRY)
    server.add("/w", CONTENT, *validators)
    server.requests.clear()
    assert fetch(file) == CONTENT
    assert ranges_of(server) == [asked]


def test_without_a_digest_even_a_complete_part_is_asked_about(server, fetch):
    file = remote(server.add("/w", CONTENT), CONTENT, sha256=None, size=None)
    with fetch.part(file) as part:
        note = part.path.with_suffix(".json").read_text()
    for new, asked in ((CONTENT, 1), (content_of(SIZE, 1), SIZE)):
        plant(fetch.folder, CONTENT, note)
        server.add("/w", new)
        server.requests.clear()
        assert fetch(file) == new
        assert [request.sent for request in server.requests] == [asked]


def test_on_the_disk_before_anybody_gets_it(server, fetch, monkeypatch):
    operations = []
    monkeypatch.setattr(files, "on_operation", operations.append)
    with fetch.part(remote(server.add("/w", CONTENT), CONTENT)):
        done = list(operations)
    assert "fsync" in done[len(done) - done[::-1].index("write") :]


def test_changed_since_the_last_process(server, fetch, interrupted):
    interrupted(100_000)
    new = content_of(SIZE, 1)
    url = server.add("/w", new)
    assert fetch(remote(url, new, sha256=None)) == new
    assert server.requests[0].sent == SIZE


def test_the_size_found_by_the_last_process_is_not_a_promise(server, fetch, interrupted):
    interrupted(100_000)
    shorter = content_of(50_000, 1)
    url = server.add("/w", shorter)
    assert fetch(remote(url, shorter, size=None)) == shorter


def test_only_unfinished_ranges_are_fetched_again(server, fetch, interrupted):
    """Four windows at a time, all cut in their middle; what one process has, the next one does not ask for."""
    url = interrupted(40_000, **RANGED)
    there = json.loads(next(fetch.folder.glob("*.json")).read_text())["done"]
    had = sum(stop - start for start, stop in there)
    assert had >= 40_000
    assert fetch(remote(url, CONTENT), **RANGED) == CONTENT
    assert sum(request.sent for request in server.requests) == SIZE - had


def test_holes_are_filled_whatever_the_threshold(server, fetch):
    content = b"\0" * 1000 + CONTENT[1000:]
    holes = bytearray(content)
    holes[2000:3000] = b"?" * 1000
    url = server.add("/w", content)
    plant(fetch.folder, holes, {**NOTE, "done": [[0, 2000], [3000, SIZE]]})
    assert fetch(remote(url, content)) == content
    assert ranges_of(server) == ["bytes=2000-2999"]


def test_holes_of_a_server_without_ranges(server, fetch):
    url = server.add("/w", CONTENT, NoRange())
    plant(fetch.folder, b"?" * SIZE, {**NOTE, "done": [[0, 2000], [3000, SIZE]]})
    assert fetch(remote(url, CONTENT)) == CONTENT


def test_a_large_file_of_zeros_that_was_only_allocated_is_not_data(server, fetch):
    plant(fetch.folder, b"\0" * SIZE, {**NOTE, "done": [[0, 10]]})
    url = server.add("/w", CONTENT)
    assert fetch(remote(url, CONTENT), **RANGED) == CONTENT


LIVE = """
import sys, time
from pathlib import Path
from inference_models_core.download.notes import Note
from inference_models_core.download.parts import create_part
part = create_part(Path(sys.argv[1]))
part.describe(Note(size=300000))
import os
os.write(part.fd, b"x" * 1000)
print(part.path, flush=True)
time.sleep(600)
"""


@pytest.fixture
def living(fetch):
    """The part of a process that is alive."""
    with subprocess.Popen([sys.executable, "-c", LIVE, fetch.folder], stdout=subprocess.PIPE, text=True) as process:
        path = fetch.folder / process.stdout.readline().strip()
        try:
            yield process, path
        finally:
            process.kill()


def test_parts_of_the_living_are_left_alone_and_those_of_the_dead_removed(server, fetch, living):
    process, path = living
    url = server.add("/w", CONTENT)
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server) == [None]
    assert path.exists()
    os.utime(path, (0, 0))
    assert remove_dead_parts(fetch.folder, idle_seconds=1) == 0
    process.kill()
    process.wait()
    assert remove_dead_parts(fetch.folder, idle_seconds=1e9) == 1
    assert fetch.left == []


def test_a_failed_self_test_of_locks_proves_nothing(fetch, living, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    _, path = living
    dead = plant(fetch.folder, b"x", NOTE)
    assert remove_dead_parts(fetch.folder, idle_seconds=3600) == 0
    old = time.time() - 3700
    os.utime(dead, (old, old))
    assert remove_dead_parts(fetch.folder, idle_seconds=3600) == 1
    assert path.exists()


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, 524])
def test_without_locks_downloads_work_and_nothing_is_thought_dead(server, fetch, interrupted, monkeypatch, error):
    def no_locks(*_):
        raise OSError(error, "no locks here")

    url = interrupted(100_000)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server) == ["bytes=100000-"]
    assert fetch.left == [".json", ".part"]


def test_a_free_lock_of_another_machine_proves_nothing(fetch):
    mine = plant(fetch.folder, b"x", NOTE)
    theirs = mine.rename(fetch.folder / "00000000-11111111-2222222222222222.part")
    assert remove_dead_parts(fetch.folder, idle_seconds=3600) == 0
    os.utime(theirs, (0, 0))
    assert remove_dead_parts(fetch.folder, idle_seconds=3600) == 1


def test_leftovers_without_a_part_are_removed(fetch):
    path = plant(fetch.folder, b"x", NOTE)
    path.unlink()
    (fetch.folder / "a-b-c.tmp").write_text("{")
    remove_dead_parts(fetch.folder, idle_seconds=3600)
    assert fetch.left == []


def test_links_and_fifos_in_the_place_of_parts(server, fetch, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    fetch.folder.mkdir()
    (fetch.folder / "a-b-1.part").symlink_to(victim)
    (fetch.folder / "a-b-1.json").write_text(json.dumps(NOTE))
    os.mkfifo(fetch.folder / "a-b-2.part")
    (fetch.folder / "a-b-2.json").symlink_to(victim)
    (fetch.folder / "a-b-3.part").mkdir()
    (fetch.folder / "a-b-3.json").write_text(json.dumps(NOTE))
    assert fetch(remote(server.add("/w", CONTENT), CONTENT)) == CONTENT
    assert victim.read_bytes() == b"precious"
    assert ranges_of(server) == [None]


def test_a_part_is_private_and_says_nothing_secret(server, fetch):
    url = f"{server.add('/w', CONTENT)}?X-Amz-Signature=SECRET"
    with fetch.part(remote(url, CONTENT)) as part:
        assert part.path.stat().st_mode & 0o777 == 0o600
        note = part.path.with_suffix(".json").read_text()
        with part.path.open("r+b") as second:
            assert locks.take(second.fileno()) is False
    assert "SECRET" not in note + str(part.path)
    assert "127.0.0.1" not in note
    assert json.loads(note)["pid"] == os.getpid()


def test_a_file_that_was_not_published_is_removed(server, fetch):
    with fetch.part(remote(server.add("/w", CONTENT), CONTENT)):
        pass
    assert fetch.left == []


def test_nothing_is_left_of_wrong_content(server, fetch):
    with pytest.raises(IntegrityError):
        fetch(remote(server.add("/w", CONTENT, Changed(content_of(SIZE, 1), skip=0)), CONTENT))
    assert fetch.left == []


def test_a_busy_server_keeps_what_arrived(server, fetch):
    url = server.add("/w", CONTENT, Drop(100_000, times=1), Status(503, skip=1, times=5))
    with pytest.raises(DownloadError):
        fetch(remote(url, CONTENT))
    assert fetch(remote(url, CONTENT)) == CONTENT
    assert ranges_of(server)[-1] == "bytes=100000-"

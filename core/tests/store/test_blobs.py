"""Blobs: visible only when right, found only when still right, put aside when not (R-17, R-18, R-19)."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import threading
import time

import pytest
from inference_models_core.errors import CacheError, IntegrityError, MalformedDocumentError
from inference_models_core.store import identity
from inference_models_core.store.store import Store
from store_kit import content_of, put


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def reads(monkeypatch):
    """Digests that were computed, in order."""
    done = []
    real = identity.sha256_of

    def counting(fd):
        done.append(real(fd))
        return done[-1]

    monkeypatch.setattr(identity, "sha256_of", counting)
    return done


def test_what_is_published_is_found_without_reading_it_again(store, reads):
    content = content_of(1)
    path = put(store, content)
    assert path.read_bytes() == content
    assert path == store.root / "blobs" / digest_of(content)[:2] / digest_of(content)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    for size in (None, len(content)):
        assert Store.open(store.root).find_blob(digest_of(content), size) == path
    assert reads == []
    assert list((store.root / "partial" / digest_of(content)).iterdir()) == []


def test_what_is_not_there_is_not_found(store, caplog):
    assert store.find_blob("0" * 64) is None
    assert caplog.records == []


@pytest.mark.parametrize(
    "digest",
    ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, " " + "0" * 63, "0" * 64 + "\n", "../" + "0" * 61, "\u0660" * 64, None,
     b"0" * 64, 0],
    ids=ascii,
)  # fmt: skip
def test_digests_are_exact(store, digest):
    with pytest.raises(MalformedDocumentError):
        store.find_blob(digest)
    with pytest.raises(MalformedDocumentError):
        store.publish(store.root / "CACHEDIR.TAG", None, digest, 1)
    assert (store.root / "CACHEDIR.TAG").exists()


@pytest.mark.parametrize(
    "key", ["", "..", "a/b", "a\\b", "A", "md5-é", "x" * 129, "-x", "a.b", "\0", "con:"], ids=ascii
)
def test_keys_are_exact(store, key):
    calls = (store.part_folder, store.known_digest, lambda key: store.remember_digest(key, "0" * 64, 1))
    for call in (*calls, lambda key: store.lock(key).__enter__()):
        with pytest.raises(MalformedDocumentError):
            call(key)


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    _write(path, content)


def _write(path, content):
    path.chmod(0o644)
    path.write_bytes(content)


def _with_times(path, change):
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(path):
    other = path.with_name("other")
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)


DAMAGES = {
    "a byte is flipped": _flip,
    "cut off": lambda path: _write(path, path.read_bytes()[:1000]),
    "emptied": lambda path: _write(path, b""),
    "grown": lambda path: _write(path, path.read_bytes() + b"x"),
    "another file of the same size": _replace,
    "a byte is flipped and the time set back": lambda path: _with_times(path, _flip),
    "another file with its time": lambda path: _with_times(path, _replace),
}


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_put_aside(store, caplog, damage, seed):
    """R-18: 49 of 49; the 50th is the next test."""
    content = content_of(seed, 2000 + 10_000 * seed)
    path = put(store, content)
    assert store.find_blob(path.name)
    DAMAGES[damage](path)
    damaged = path.read_bytes()
    assert store.find_blob(path.name) is None
    assert store.find_blob(path.name) is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert path.name in record.getMessage()
    assert f"found sha256 {digest_of(damaged)}" in record.getMessage()
    (kept,) = (store.root / "quarantine").iterdir()
    assert kept.read_bytes() == damaged
    assert str(kept) in record.getMessage()
    assert put(store, content).read_bytes() == content  # heals
    assert store.find_blob(path.name) == path


def test_a_size_that_was_never_promised_is_no_damage(store, caplog):
    path = put(store, b"content")
    assert store.find_blob(path.name, 8) is None
    assert store.find_blob(path.name, 7) == path
    assert caplog.records == []


def test_a_new_name_of_a_blob_is_no_damage(store, reads, caplog, tmp_path):
    path = put(store, content_of(1))
    os.link(path, tmp_path / "link")
    for _ in range(3):
        assert store.find_blob(path.name) == path
    assert reads == [path.name]  # read once, stamped again
    assert caplog.records == []


def test_a_stamp_that_fits_is_believed_and_no_other(store, reads):
    """The documented limit: who can write the cache and forge a stamp deceives the check by stamp."""
    path = put(store, content_of(1))
    stamp = store.root / "stamps" / f"{path.name}.json"
    _flip(path)
    found = identity.of_path(path)
    stamp.write_text(json.dumps({"blob": identity.write_stamp(found)}))
    assert store.find_blob(path.name) == path
    assert reads == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"blob": 1}', '{"blob": []}', '{"blob": [1, 2, 3, 4]}', '{"blob": [true, 1, 1, 1, 1]}',
     '{"blob": ["1", 1, 1, 1, 1]}', '{"blob": [1e400, 1, 1, 1, 1]}', '{"blob": [1, 2, 3, 4, 5]}', "[" * 5000, "\ud800",
     '{"blob": [99999999999999999999999, 1, 1, 1, 1]}', " " * 9_000_000, "\0"],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
def test_stamps_are_data_from_a_stranger(store, reads, caplog, text):
    path = put(store, content_of(1))
    stamp = store.root / "stamps" / f"{path.name}.json"
    stamp.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert store.find_blob(path.name) == path
    assert store.find_blob(path.name) == path
    assert reads == [path.name]  # once: then there is a right one again
    assert caplog.records == []


def test_every_field_of_a_stamp_counts(store, reads):
    path = put(store, content_of(1))
    stamp = store.root / "stamps" / f"{path.name}.json"
    right = json.loads(stamp.read_text())["blob"]
    for index in range(len(right)):
        wrong = [value + (position == index) for position, value in enumerate(right)]
        stamp.write_text(json.dumps({"blob": wrong}))
        assert store.find_blob(path.name)
    assert len(reads) == len(right) == 5


def test_a_part_of_the_wrong_size_is_not_published(store):
    part = store.part_folder("0" * 64) / "x.part"
    part.write_bytes(b"short")
    with pytest.raises(IntegrityError, match="5 bytes and should have 6"):
        store.publish(part, None, "0" * 64, 6)
    assert store.find_blob("0" * 64) is None
    assert part.exists()


def test_a_part_that_was_taken_away(store):
    part = store.part_folder("0" * 64) / "x.part"
    with pytest.raises(CacheError, match="taken away"):
        store.publish(part, None, "0" * 64, 6)
    path = put(store, b"content")
    assert store.publish(part, None, path.name, 7) == path  # a peer was faster


def test_who_comes_second_keeps_what_is_there(store):
    path = put(store, b"content")
    inode = path.stat().st_ino
    part = store.part_folder(path.name) / "x.part"
    part.write_bytes(b"content")
    assert store.publish(part, None, path.name, 7) == path
    assert path.stat().st_ino == inode
    assert part.exists()  # its owner removes it


def test_an_open_part_is_published_and_stays_open(store):
    content = b"content"
    part = store.part_folder(digest_of(content)) / "x.part"
    fd = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, content)
    path = store.publish(part, fd, digest_of(content), len(content))
    assert os.fstat(fd).st_ino == path.stat().st_ino
    os.close(fd)


def test_a_blob_is_replaced_where_the_one_there_is_damaged(store):
    path = put(store, b"content")
    _write(path, b"damaged")
    assert put(store, b"content").read_bytes() == b"content"


def test_no_wrong_file_is_ever_seen_under_its_final_name(store):
    """R-17: a watcher reads every file that appears while 200 are published, a third of them with faults."""
    seen, wrong, done = set(), [], threading.Event()

    def watch():
        while not done.is_set():
            for path in (store.root / "blobs").glob("*/*"):
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue
                seen.add(path.name)
                if digest_of(content) != path.name:
                    wrong.append(path.name)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(200):
        content = content_of(number, 500)
        part = store.part_folder(digest_of(content)) / "x.part"
        part.write_bytes(content[: 500 - number % 3 * 10])  # a fault in two of three: too short
        try:
            store.publish(part, None, digest_of(content), 500)
        except IntegrityError:
            continue
    time.sleep(0.05)
    done.set()
    watcher.join()
    assert wrong == []
    assert len(seen) == 67


def test_digests_computed_here_are_remembered_as_such(store):
    assert store.known_digest("md5-00") is None
    store.remember_digest("md5-00", "a" * 64, 7)
    assert Store.open(store.root).known_digest("md5-00") == ("a" * 64, 7)
    document = json.loads((store.root / "digests" / "md5-00.json").read_text())
    assert document == {"sha256": "a" * 64, "size": 7, "verified": False}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"sha256": "A", "size": 1}', '{"sha256": 1}', '{"sha256": "%s", "size": -1}' % ("a" * 64)]
)
def test_damaged_notes_of_digests_are_absent(store, text):
    store.remember_digest("md5-00", "a" * 64, 7)
    (store.root / "digests" / "md5-00.json").write_text(text)
    assert store.known_digest("md5-00") is None


def test_times_that_a_coarse_clock_could_hide_are_waited_for(monkeypatch, store):
    """A stamp is taken only when the next change is bound to carry another time."""
    path = put(store, content_of(3))
    taken = identity.of_path(path)
    slept = []
    for age, waits in ((0, True), (9_000_000, True), (11_000_000, False), (-5, False)):
        slept.clear()
        monkeypatch.setattr(identity.time, "time_ns", lambda age=age: taken.ctime_ns + age + 11_000_000 * len(slept))
        monkeypatch.setattr(identity.time, "sleep", slept.append)
        assert identity.settled(lambda: [taken]) == (taken,)
        assert bool(slept) is waits


def test_a_file_that_keeps_changing_is_never_settled(monkeypatch):
    clock = itertools.count(1000)
    monkeypatch.setattr(identity.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(identity.time, "time_ns", lambda: next(clock))
    assert identity.settled(lambda: [identity.FileIdentity(1, 1, next(clock), 1, 1)]) is None

"""R-40: what is scoped by credential is named by a digest with a key of the cache's own."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import UnsafeCacheError
from inference_models_core.resolution.scope import KEY_FILE, Scope
from inference_models_core.store import files
from inference_models_core.types.secrets import Secret


def test_every_process_gets_the_same_tag(tmp_path):
    assert Scope(tmp_path).tag("key") == Scope(tmp_path).tag("key")


def test_caches_of_two_machines_name_one_credential_differently(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert Scope(first).tag("key") != Scope(second).tag("key")


def test_a_tag_is_keyed_and_no_plain_digest(tmp_path):
    tag = Scope(tmp_path).tag("key")
    key, message = (tmp_path / KEY_FILE).read_bytes(), (3).to_bytes(8, "big") + b"key"
    assert tag == hmac.new(key, message, hashlib.sha256).hexdigest()
    assert len(key) == 32


def test_without_its_key_the_cache_knows_nobody_any_more(tmp_path):
    before = Scope(tmp_path).tag("key")
    (tmp_path / KEY_FILE).unlink()
    assert Scope(tmp_path).tag("key") != before


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
@pytest.mark.parametrize(("shared", "mode"), [(False, 0o600), (True, 0o640)])
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_who_may_read_the_key(tmp_path, shared, mode, umask):
    before = os.umask(umask)
    try:
        Scope(tmp_path, shared=shared).tag("key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_different_texts_have_different_tags(first, second):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / KEY_FILE).write_bytes(bytes(32))
        scope = Scope(Path(folder))
        assert (scope.tag(*first) == scope.tag(*second)) is (first == second)


def test_a_secret_counts_as_its_text(tmp_path):
    scope = Scope(tmp_path)
    assert scope.tag(Secret("key")) == scope.tag("key")


@pytest.mark.parametrize("content", [b"", b"short", bytes(33), bytes(4096)])
def test_a_damaged_key_is_put_aside_and_replaced(tmp_path, content, caplog, monkeypatch):
    monkeypatch.setattr("inference_models_core.resolution.scope._PAUSE_SECONDS", 0)
    (tmp_path / KEY_FILE).write_bytes(content)
    tag = Scope(tmp_path).tag("key")
    assert tag == Scope(tmp_path).tag("key")
    assert [path.read_bytes() for path in (tmp_path / "quarantine").iterdir()] == [content]
    assert len(caplog.records) == 1


def test_a_cache_that_cannot_be_written_has_the_key_it_has(tmp_path):
    assert Scope(tmp_path, writable=False).tag("key") is None
    assert list(tmp_path.iterdir()) == []
    tag = Scope(tmp_path).tag("key")
    assert Scope(tmp_path, writable=False).tag("key") == tag


def test_a_cache_that_is_not_there_has_no_key(tmp_path):
    assert Scope(tmp_path / "missing").tag("key") is None


@pytest.mark.parametrize("make", [lambda path, to: path.symlink_to(to), lambda path, to: path.mkdir()])
def test_something_else_in_the_place_of_the_key_is_refused(tmp_path, make):
    target = tmp_path / "target"
    target.write_bytes(bytes(32))
    make(tmp_path / KEY_FILE, target)
    with pytest.raises(UnsafeCacheError):
        Scope(tmp_path).tag("key")
    assert target.read_bytes() == bytes(32)


def no_links(source, target):
    raise PermissionError


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
@pytest.mark.parametrize("link", [files.link, no_links])
def test_sixteen_processes_end_with_one_key(tmp_path, monkeypatch, link):
    monkeypatch.setattr(files, "link", link)
    gate_in, gate_out = os.pipe()
    read, write = os.pipe()
    for _ in range(16):
        if os.fork() == 0:
            try:
                os.close(gate_out)
                os.read(gate_in, 1)  # all at once: when the last writer of the gate is gone
                os.write(write, Scope(tmp_path).tag("key").encode())
            finally:
                os._exit(0)
    for end in (gate_out, write):
        os.close(end)
    with os.fdopen(read, "rb") as pipe:
        tags = pipe.read().decode()
    for _ in range(16):
        os.wait()
    os.close(gate_in)
    assert len(tags) == 16 * 64
    assert len({tags[start : start + 64] for start in range(0, len(tags), 64)}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]

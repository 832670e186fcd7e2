"""Several users, and caches that nobody may write (R-58, R-59)."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys

import pytest
from inference_models_core.errors import ReadOnlyCacheError
from inference_models_core.store.inventory import cached_packages, usage
from inference_models_core.store.store import Store
from inference_models_core.store.verifying import verify_all
from store_kit import CONTENTS, content_of, fill, needs_linux, needs_superuser, package_of, put, tree

GROUP = 3000
WRITES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.utime",
    "os.truncate",
}


@pytest.fixture
def shared(open_folder):
    """A folder that the superuser has made for a group."""
    root = open_folder / "cache"
    root.mkdir()
    os.chown(root, 0, GROUP)
    root.chmod(0o2770)
    return root


def load(root, shared=True):
    """Publishes what is missing, places, reads; how many files had to be published, and the user's own descriptors."""
    store = Store.open(root, shared=shared)
    package = package_of(CONTENTS)
    published = 0
    lease = store.find_package(package)
    if lease is None:
        for file, content in zip(package.files, CONTENTS.values(), strict=True):
            with store.lock(file.sha256):
                if store.find_blob(file.sha256) is None:
                    put(store, content)
                    published += 1
        lease = store.place_package(package)
    assert {handle: (lease.directory / handle).read_bytes() for handle in CONTENTS} == CONTENTS
    assert lease.check_unchanged()
    return published


@needs_superuser
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_group_shares_one_cache(shared, run_as, umask):
    """R-58: both users load, every file arrives once, and all of it is the group's to read."""
    assert run_as(lambda: load(shared), 2001, GROUP, umask) == 3
    assert run_as(lambda: load(shared), 2002, GROUP, umask) == 0
    for path in shared.rglob("*"):
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        assert found.st_gid == GROUP
        assert mode & 0o040, path
        assert not mode & stat.S_IWOTH, path
        if path.is_dir():
            assert mode == 0o2770, path
    blobs = list((shared / "blobs").glob("*/*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in blobs} == {0o444}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (shared / "locks").iterdir()} == {0o660}


@needs_superuser
def test_a_group_can_add_to_what_another_has_begun(shared, run_as):
    """The second user's package has one file in common with the first's, whose blob it may not link to."""
    assert run_as(lambda: load(shared), 2001, GROUP) == 3

    def other():
        store = Store.open(shared, shared=True)
        contents = {"weights.onnx": CONTENTS["weights.onnx"], "own.bin": content_of(77)}
        put(store, contents["own.bin"])
        lease = store.place_package(package_of(contents, package_id="other"))
        return [(lease.directory / handle).read_bytes() == content for handle, content in contents.items()]

    assert run_as(other, 2002, GROUP) == [True, True]
    assert run_as(lambda: load(shared), 2001, GROUP) == 0


@needs_superuser
def test_what_cannot_be_read_is_left_alone(shared, run_as):
    """An entry of another user that this one may not read is absent for this one, and stays as it is."""
    run_as(lambda: load(shared), 2001, GROUP)
    (folder,) = (shared / "models").glob("*/*")
    folder.chmod(0o700)
    before = tree(folder)

    def look():
        store = Store.open(shared, shared=True)
        found = store.find_package(package_of(CONTENTS))
        return [found is None, [str(path) for path in (shared / "quarantine").glob("*")]]

    assert run_as(look, 2002, GROUP) == [True, []]
    assert tree(folder) == before
    for path in (shared / "blobs").glob("*/*"):
        path.chmod(0o400)
    names = [path.name for path in (shared / "blobs").glob("*/*")]

    def find():
        store = Store.open(shared, shared=True)
        return [store.find_blob(name) is None for name in names]

    assert run_as(find, 2002, GROUP) == [True] * 3
    assert {path.stat().st_uid for path in (shared / "blobs").glob("*/*")} == {2001}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (shared / "blobs").glob("*/*")} == {0o400}


@needs_superuser
def test_who_is_not_in_the_group_reads_nothing(shared, run_as):
    run_as(lambda: load(shared), 2001, GROUP)
    assert "error" in run_as(lambda: load(shared), 2003, 2003)


def _watch():
    """Starts to record every attempt to write, by this process; an audit hook cannot be removed again."""
    attempts = []

    def hook(event, values):
        if event in WRITES or (event == "open" and _writes(values)):
            attempts.append(f"{event} {values[0]}")

    sys.addaudithook(hook)
    return attempts


def _writes(values):
    is_path = not isinstance(values[0], int)  # a descriptor was opened before
    return (
        is_path
        and bool(values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        and "/dev/" not in str(values[0])
    )


def _load_read_only(root):
    attempts = _watch()
    store = Store.open(root)
    package = package_of(CONTENTS)
    for verify in ("stamp", "full"):
        lease = store.find_package(package, verify=verify)
        assert lease.check_unchanged()
        assert (lease.directory / "weights.onnx").read_bytes() == CONTENTS["weights.onnx"]
        lease.close()
    for file in package.files:
        with store.lock(file.sha256):
            assert store.find_blob(file.sha256, file.size)
    (listed,) = cached_packages(store)
    assert (listed.model_id, usage(store).packages, verify_all(store).findings) == ("ws/model/1", 1, ())
    errors = []
    for write in (
        lambda: store.place_package(package_of(CONTENTS, package_id="other")),
        lambda: put(store, b"new"),
        lambda: store.remember_digest("md5-0", "0" * 64, 1),
    ):
        try:
            write()
        except ReadOnlyCacheError as error:
            errors.append(str(root) in error.message)
    return [store.writable, attempts, errors]


def _fill(root, uid):
    store = Store.open(root)
    fill(store, CONTENTS)
    store.place_package(package_of(CONTENTS)).close()
    for path in (root, *root.rglob("*")):
        os.chown(path, uid, uid)
        path.chmod(0o555 if path.is_dir() else 0o444)


@needs_superuser
@pytest.mark.parametrize("state", ["warm", "stamps of before the owner changed", "no stamps"])
def test_a_cache_that_may_not_be_written_is_not_written(open_folder, run_as, state):
    """R-59: everything that is there loads, and not one attempt to write is made."""
    root = open_folder / "cache"
    _fill(root, 2001)
    if state == "warm":  # changing the owner has changed the times; its owner looks once
        root.chmod(0o755)
        for path in root.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644 if path.suffix == ".json" else 0o444)
        run_as(lambda: Store.open(root).find_package(package_of(CONTENTS)).close(), 2001)
    if state == "no stamps":
        shutil.rmtree(root / "stamps")
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            path.chmod(0o555)
    assert run_as(lambda: _load_read_only(root), 2001) == [False, [], [True] * 3]


@needs_superuser
@needs_linux
def test_a_read_only_file_system_is_not_written(open_folder, run_as):
    """R-59: the same where even the superuser may not write, as in an image that is mounted."""
    root = open_folder / "cache"
    _fill(root, os.getuid())
    libc = ctypes.CDLL(None, use_errno=True)

    def play():
        new_namespace, bind, again, read_only, private = 0x20000, 4096, 32, 1, (1 << 14) | (1 << 18)
        where = str(root).encode()
        if libc.unshare(new_namespace) or libc.mount(b"none", b"/", None, private, None):
            return "no namespaces here"
        if libc.mount(where, where, None, bind, None) or libc.mount(
            b"none", where, None, bind | again | read_only, None
        ):
            return "no mounts here"
        return _load_read_only(root)

    said = run_as(play)
    if isinstance(said, str):
        pytest.skip(said)
    assert said == [False, [], [True] * 3]


@needs_superuser
def test_damage_in_a_cache_that_may_not_be_written_is_told_and_stays(open_folder, run_as):
    root = open_folder / "cache"
    _fill(root, 2001)
    (weights,) = (root / "models").rglob("weights.onnx")
    weights.chmod(0o644)
    weights.write_bytes(bytes(len(CONTENTS["weights.onnx"])))
    before = tree(root)

    def play():
        import logging

        records = []
        handler = logging.Handler()
        handler.emit = lambda record: records.append(record.getMessage())
        logging.getLogger("inference_models").addHandler(handler)
        store = Store.open(root)
        package = package_of(CONTENTS)
        return [store.find_package(package) is None, store.find_blob(package.files[0].sha256) is None, records]

    absent, gone, messages = run_as(play, 2001)
    assert absent
    assert gone  # it was the same file
    assert len(messages) == 2
    assert all("is damaged and stays" in message for message in messages)
    assert tree(root) == before


def test_a_part_of_a_package_in_a_cache_that_may_not_be_written(store, package, monkeypatch):
    """What is missing is absent, and putting it there is refused with the way out."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    closed = Store.open(store.root)
    assert closed.find_package(package) is None
    assert all(closed.find_blob(file.sha256) for file in package.files)
    with pytest.raises(ReadOnlyCacheError) as caught:
        closed.place_package(package)
    assert "cache_dir=" in caught.value.hint

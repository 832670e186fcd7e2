"""Locks keep work from being done twice; nothing breaks where they do nothing (R-02, R-03, R-04, R-14)."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import threading
import time

import pytest
from inference_models_core.download import locks
from inference_models_core.errors import CacheLockStalledError
from inference_models_core.store.lease import is_held, remove_unless_held
from inference_models_core.store.store import Store
from store_kit import CONTENTS, Child, content_of, fill, needs_posix, package_of, put

pytestmark = needs_posix
KEY = "a" * 64
ERRNOS = [errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, 524, errno.EINVAL]


@pytest.fixture
def flock(monkeypatch):
    """Replaces the system call."""
    import fcntl

    def replace(function):
        monkeypatch.setattr(fcntl, "flock", function)

    return replace


def fail_with(number):
    def flock(fd, operation):
        raise OSError(number, "no locks here")

    return flock


def test_threads_take_turns(store):
    inside, most = [], []

    def work():
        with store.lock(KEY):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1] * 8


def test_processes_take_turns(store, tmp_path):
    log = tmp_path / "log"

    def work():
        with store.lock(KEY), log.open("a") as file:
            for word in ("in", "out"):
                file.write(f"{word}\n")
                file.flush()
                time.sleep(0.005)

    children = [Child(work) for _ in range(6)]
    assert [child.result() for child in children] == [None] * 6
    assert log.read_text().split() == ["in", "out"] * 6


def test_keys_do_not_wait_for_each_other(store):
    with store.lock(KEY), store.lock("b" * 64, stall_seconds=0.05):
        pass


def test_a_lock_is_free_after_an_error_and_after_a_death(store):
    with contextlib.suppress(ZeroDivisionError), store.lock(KEY):
        raise ZeroDivisionError
    child = Child(lambda: store.lock(KEY).__enter__() or os.kill(os.getpid(), signal.SIGKILL))
    assert child.result() == {"error": "died"}
    with store.lock(KEY, stall_seconds=0.2):
        pass


def test_waiting_goes_on_while_the_part_grows(store):
    """R-02: the holder takes five times as long as anything may stand still."""
    ready = threading.Event()

    def hold():
        with store.lock(KEY), (store.part_folder(KEY) / "x.part").open("ab", buffering=0) as part:
            ready.set()
            for _ in range(30):
                part.write(b"x")
                time.sleep(0.05)

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait()
    started = time.monotonic()
    with store.lock(KEY, stall_seconds=0.3):
        waited = time.monotonic() - started
    holder.join()
    assert waited > 0.9


def test_a_holder_that_stands_still_is_named(store):
    def hold():
        folder = store.part_folder(KEY)
        (folder / "x.part").write_bytes(b"x")
        (folder / "x.json").write_text(json.dumps({"pid": os.getpid(), "host": "box\x1b[2J"}))
        with store.lock(KEY):
            os.kill(os.getpid(), signal.SIGSTOP)

    child = Child(hold)
    os.waitpid(child.pid, os.WUNTRACED)
    with pytest.raises(CacheLockStalledError) as caught, store.lock(KEY, stall_seconds=0.3):
        pass
    child.kill(signal.SIGCONT)
    child.result()
    assert f"process {child.pid} on box\\x1b[2J" in caught.value.message
    assert str(store.root / "locks" / f"{KEY}.lock") in caught.value.message
    assert " 0 s" in caught.value.message
    assert isinstance(caught.value, TimeoutError)
    with store.lock(KEY, stall_seconds=0.3):
        pass


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "x"}', '{"pid": 1, "host": null}'])
def test_a_damaged_note_names_nobody(store, text):
    (store.part_folder(KEY) / "x.json").write_text(text)
    with store.lock(KEY):
        caught = []

        def wait():
            try:
                store.lock(KEY, stall_seconds=0.05).__enter__()
            except CacheLockStalledError as error:
                caught.append(error.message)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert "another process holds the lock" in caught[0]


@pytest.mark.parametrize("number", ERRNOS)
def test_file_systems_without_locks(store, flock, caplog, number, contents):
    """R-04: everything works, and one warning says that files may be fetched twice."""
    flock(fail_with(number))
    for key in (KEY, KEY, "b" * 64):
        with store.lock(key), store.lock(key):
            pass
    fill(store, contents)
    lease = store.place_package(package_of(contents))
    assert lease.check_unchanged()
    lease.close()
    assert store.find_package(package_of(contents)).check_unchanged()
    (record,) = caplog.records
    assert (record.levelname, "no locks in" in record.getMessage()) == ("WARNING", True)


def test_lock_files_are_opened_for_writing_and_nothing_is_followed(store, monkeypatch):
    """Some network file systems lock only what may be written."""
    opened = []
    real = os.open

    def recording(path, flags, *rest, **more):
        if str(path).endswith(".lock"):
            opened.append(flags)
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", recording)
    with store.lock(KEY):
        pass
    assert opened
    assert all(flags & os.O_RDWR and flags & os.O_NOFOLLOW for flags in opened)


def load_all(store, contents):
    """What a loader does with the store, and the bytes it ends up with."""
    package = package_of(contents)
    for _ in range(5):
        lease = store.find_package(package)
        if lease is None:
            for file, content in zip(package.files, contents.values(), strict=True):
                with store.lock(file.sha256):
                    if store.find_blob(file.sha256) is None:
                        put(store, content)
            try:
                lease = store.place_package(package)
            except FileNotFoundError:
                continue
        found = {handle: (lease.directory / handle).read_bytes() for handle in contents}
        assert found == contents
        lease.close()
        return 1
    raise AssertionError("the files keep vanishing")


@pytest.mark.parametrize("locks", ["real", "without effect", "missing"])
def test_sixteen_processes_place_one_package(root, contents, flock, locks):
    """R-03: with locks that do nothing, too, all of them end up with the right bytes, and nothing is left behind."""
    if locks != "real":
        flock((lambda fd, operation: None) if locks == "without effect" else fail_with(errno.ENOSYS))
    children = [Child(lambda: load_all(Store.open(root), contents)) for _ in range(16)]
    assert [child.result() for child in children] == [1] * 16
    store = Store.open(root)
    (folder,) = store.model_folder("test", "ws/model/1").iterdir()
    assert len(list((root / "blobs").glob("*/*"))) == len(contents)
    assert not (root / "quarantine").exists()
    assert {os.lstat(path).st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o444}


def test_sixteen_threads_place_one_package(store, contents, flock):
    flock(lambda fd, operation: None)
    done = []
    threads = [threading.Thread(target=lambda: done.append(load_all(store, contents))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == [1] * 16


def test_threads_and_forks_at_once(store, contents):
    """R-14: 8 threads and 4 forks of the same process, no deadlock."""
    done = []
    threads = [threading.Thread(target=lambda: done.append(load_all(store, contents))) for _ in range(8)]
    children = [Child(lambda: load_all(store, contents)) for _ in range(2)]
    for thread in threads[:4]:
        thread.start()
    with_threads = _fork_quietly(lambda: load_all(store, contents), 2)
    for thread in threads[4:]:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [child.result(20) for child in (*children, *with_threads)] == [1] * 4
    assert done == [1] * 8


@contextlib.contextmanager
def forks_at_take(monkeypatch):
    """Forks as soon as a lock is taken, as another thread may do; the children live on with what they inherit."""
    children, real = [], locks.take

    def take(fd, **options):
        taken = real(fd, **options)
        children.append(Child(lambda: time.sleep(30)))
        return taken

    monkeypatch.setattr(locks, "take", take)
    yield children
    for child in children:
        child.kill()
        child.result()


def test_a_fork_while_locks_are_tried_keeps_none(store, package, monkeypatch):
    """R-14: a lock that is held for an instant must not stay with a child, which would wait for itself."""
    lease = store.place_package(package)
    lease.close()
    with forks_at_take(monkeypatch) as children:
        with store.lock(KEY, stall_seconds=0.5):
            pass
        assert [is_held(lease.directory), is_held(lease.directory)] == [False, False]
        assert remove_unless_held(lease.directory, may_be_held=True)
    assert len(children) == 4


def _fork_quietly(function, count):
    """Python 3.12 warns of forks beside threads, which is what is tried here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return [Child(function) for _ in range(count)]


def test_a_forked_child_does_not_hold_what_its_parent_holds(store):
    """Neither believes the child that it has the lock, nor does its end free the parent's."""

    def try_it():
        try:
            with store.lock(KEY, stall_seconds=0.1):
                return "taken"
        except CacheLockStalledError:
            return "held"

    with store.lock(KEY):
        assert Child(try_it).result() == "held"
        assert Child(lambda: None).result() is None
        assert Child(try_it).result() == "held"
    assert Child(try_it).result() == "taken"


def test_a_child_that_leaves_the_block_of_its_parent_frees_nothing(store):
    held = store.lock(KEY)
    held.__enter__()
    assert Child(lambda: bool(held.__exit__(None, None, None))).result() is False

    def try_it():
        with store.lock(KEY, stall_seconds=0.1):
            return "taken"

    assert Child(try_it).result()["error"] == "CacheLockStalledError"
    held.__exit__(None, None, None)
    assert Child(try_it).result() == "taken"


def test_a_lease_survives_the_end_of_a_forked_child(store, package):
    lease = store.place_package(package)
    Child(lambda: lease.close()).result()
    assert is_held(lease.directory)
    lease.close()
    assert not is_held(lease.directory)


def test_waiting_in_vain_to_build_ends_in_building(store, package, monkeypatch):
    """A lock that never comes free must not keep a package from being placed."""
    from inference_models_core.store import placing

    monkeypatch.setattr(placing, "_STALL_SECONDS", 0.1)
    folder = placing.package_folder(store.layout, package)
    child = Child(lambda: store.lock("x").__enter__() or _hold(store, folder.name))
    while not (store.root / "locks" / f"{folder.name}.lock").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    assert store.place_package(package).directory == folder
    child.kill()
    child.result()


def _hold(store, name):
    import fcntl

    fd = os.open(store.root / "locks" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    time.sleep(30)


def test_the_content_of_a_large_package_is_right_after_all_that(store):
    contents = {"weights.onnx": content_of(7, 300_000), **CONTENTS}
    assert load_all(store, contents) == 1

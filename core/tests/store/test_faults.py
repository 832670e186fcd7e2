"""Full disks, failing calls and sudden deaths (R-06, R-08, R-25, R-63), and what warm paths import."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from inference_models_core.errors import CacheError, DiskFullError, InferenceModelsError, ReadOnlyCacheError
from inference_models_core.store import faults, files
from inference_models_core.store.store import Store
from store_kit import CONTENTS, Child, content_of, fill, needs_linux, needs_posix, package_of, put


def load(store, contents):
    """Everything from an empty store to a package that was checked."""
    package = package_of(contents)
    lease = store.find_package(package)
    if lease is None:
        for file, content in zip(package.files, contents.values(), strict=True):
            with store.lock(file.sha256):
                if store.find_blob(file.sha256) is None:
                    put(store, content)
        lease = store.place_package(package)
    found = {handle: (lease.directory / handle).read_bytes() for handle in contents}
    lease.close()
    return found == contents


class AtOperation:
    """Does something at the n-th file operation."""

    def __init__(self, number, act):
        self.count, self.number, self.act = 0, number, act

    def __call__(self, operation):
        self.count += 1
        if self.count == self.number:
            self.act(operation)


def operations_of(root, contents):
    counter = AtOperation(0, None)
    files.on_operation = counter
    assert load(Store.open(root), contents)
    files.on_operation = None
    return counter.count


def steps(count, every):
    return range(1, count + 1, every)


@needs_posix
@pytest.mark.parametrize("every", [pytest.param(7, id="some"), pytest.param(1, id="all", marks=pytest.mark.nightly)])
def test_a_death_at_any_operation_leaves_absent_or_right(tmp_path, contents, every):
    """R-06: after every death the next load succeeds, nothing wrong is seen, and pruning leaves no litter."""
    count = operations_of(tmp_path / "first", contents)
    assert count > 60
    for number in steps(count, every):
        root = tmp_path / f"cache-{number}"

        def die(root=root, number=number):
            files.on_operation = AtOperation(number, lambda operation: os.kill(os.getpid(), 9))
            return load(Store.open(root), contents)

        assert Child(die).result() == {"error": "died"}
        store = Store.open(root)
        for file in package_of(contents).files:
            blob = store.find_blob(file.sha256)
            assert blob is None or hashlib.sha256(blob.read_bytes()).hexdigest() == file.sha256
        assert load(store, contents)
        assert not (root / "quarantine").exists()


@pytest.mark.parametrize("number_of_error", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EINTR])
@pytest.mark.parametrize("every", [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.nightly)])
def test_a_failure_at_any_operation_is_typed_and_heals(tmp_path, contents, every, number_of_error):
    """R-08: a result or a typed error, and the next load without faults succeeds."""
    count = operations_of(tmp_path / "first", contents)
    outcomes, causes = set(), []

    def fail(operation):
        raise OSError(number_of_error, os.strerror(number_of_error))

    for number in steps(count, every):
        root = tmp_path / f"cache-{number}"
        files.on_operation = AtOperation(number, fail)
        try:
            outcomes.add(load(Store.open(root), contents))
        except FileNotFoundError:
            outcomes.add("a blob that cannot be read")
        except InferenceModelsError as error:
            outcomes.add(type(error).__name__)
            causes.append(error.__cause__)
        files.on_operation = None
        assert load(Store.open(root), contents)
        assert list(root.rglob(".building-*")) == []
    assert None not in causes
    outcomes -= {"a blob that cannot be read"} if number_of_error == errno.EACCES else set()
    assert outcomes <= {True, "CacheError", "DiskFullError", "ReadOnlyCacheError", "UnsafeCacheError"}


class Disk:
    """Knows which files and which folders' names a power cut would lose."""

    def __init__(self, monkeypatch):
        self.content, self.names, self.renames = set(), set(), 0
        for name in ("write", "fsync", "rename", "replace"):
            monkeypatch.setattr(os, name, self._around(getattr(os, name), getattr(self, f"_{name}")))

    @staticmethod
    def _around(real, note):
        def call(*arguments):
            result = real(*arguments)
            note(*arguments)
            return result

        return call

    def _write(self, fd, data):
        self.content.add(os.fstat(fd).st_ino)

    def _fsync(self, fd):
        self.content.discard(os.fstat(fd).st_ino)
        self.names.discard(os.fstat(fd).st_ino)

    def _rename(self, source, target):
        self.renames += 1
        assert not self.content, "a name was given to what is not on the disk"
        self.names.add(Path(target).parent.stat().st_ino)

    _replace = _rename


@needs_posix
@pytest.mark.parametrize("links", [True, False])
def test_content_is_on_the_disk_before_its_name_and_the_name_after(store, package, contents, monkeypatch, links):
    """R-07: nothing that is not synced gets a final name, and every final name is synced."""
    disk = Disk(monkeypatch)
    store.place_package(package_of(contents, links=links)).close()
    store.remember_digest("md5-00", "0" * 64, 1)
    put(store, b"new")
    assert disk.renames >= 5
    assert not disk.content
    assert not disk.names, "a name was given that is not on the disk"


def test_room_is_asked_for_before_the_first_byte(store, monkeypatch):
    store.reserve(1000)
    free = faults.free_bytes(store.root)
    with pytest.raises(DiskFullError) as caught:
        store.reserve(free + (1 << 30))
    assert (caught.value.path, caught.value.needed) == (store.root, free + (1 << 30))
    assert 0 < caught.value.available <= free + (1 << 30)
    assert "cache prune" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EFBIG, DiskFullError),
     (errno.EIO, CacheError),
     (errno.EACCES, ReadOnlyCacheError),
     (errno.EROFS, ReadOnlyCacheError), (errno.EPERM, ReadOnlyCacheError)],
)  # fmt: skip
def test_what_the_system_says_becomes_ours(tmp_path, number, error):
    with pytest.raises(error) as caught, faults.typed_errors(tmp_path, 7):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is error
    assert isinstance(caught.value.__cause__, OSError)
    assert str(tmp_path) in str(caught.value)


@needs_linux
def test_a_disk_that_fills_up_while_a_package_is_copied(tmp_path):
    """R-25: a real file system of 1 MB: a typed error, nothing half made, and room again afterwards."""
    script = tmp_path / "play.py"
    script.write_text(
        f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from inference_models_core.errors import DiskFullError
from inference_models_core.store.inventory import size_of
from inference_models_core.store.store import Store
from store_kit import content_of, fill, package_of
store = Store.open(Path(sys.argv[1]) / "cache")
contents = {{"weights.onnx": content_of(1, 600_000)}}
fill(store, contents)
before = size_of(store.root)
try:
    store.place_package(package_of(contents, links=False))
except DiskFullError as error:
    left = [path.name for path in store.model_folder("test", "ws/model/1").iterdir()]
    assert left == [], left
    assert error.needed == 600_000, error.needed
    assert size_of(store.root) - before < 2000
    store.place_package(package_of(contents)).close()
    print("typed")
"""
    )
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"mount -t tmpfs -o size=1m none {disk} && exec {sys.executable} {script} {disk}"
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", command], capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no file systems can be mounted here: {done.stderr.strip()}")
    assert (done.stdout.strip(), done.stderr) == ("typed", "")


def census():
    gc.collect()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return descriptors, threading.active_count()


@needs_linux
@pytest.mark.parametrize(
    "rounds", [pytest.param(40, id="short"), pytest.param(500, id="long", marks=pytest.mark.nightly)]
)
def test_nothing_is_left_open_or_lying_about(store, package, contents, rounds):
    """R-63: good loads, damaged files, missing blobs and failing calls, over and over."""
    store.place_package(package).close()
    load(store, contents)
    before = census()
    for number in range(rounds):
        lease = store.find_package(package)
        if number % 4 == 0:
            target = lease.directory / "environment.json"
            target.chmod(0o644)
            target.write_bytes(b"damaged")
            assert store.find_package(package) is None
        if number % 4 == 1:
            (store.root / "blobs" / package.files[1].sha256[:2] / package.files[1].sha256).unlink()
            with pytest.raises(FileNotFoundError):
                store.place_package(package_of(contents, package_id=f"other-{number}"))
        if number % 4 == 2:
            _fail_once(store, contents, number)
        if lease is not None:
            lease.close()
        assert load(store, contents)
        fill(store, contents)
    del lease
    assert census() == before
    litter = [path for path in store.root.rglob("*") if path.suffix in {".tmp", ".part"} or ".building-" in path.name]
    assert litter == []


def _fail_once(store, contents, number):
    def fail(operation):
        raise OSError(errno.EIO, "no")

    files.on_operation = AtOperation(number % 30 + 1, fail)
    with contextlib.suppress(InferenceModelsError):
        store.place_package(package_of(contents, package_id=f"failing-{number}")).close()
    files.on_operation = None


def test_a_warm_load_imports_nothing_heavy(store, package):
    """The whole warm path, in a process of its own."""
    store.place_package(package).close()
    heavy = (
        "requests",
        "urllib3",
        "filelock",
        "rich",
        "platformdirs",
        "numpy",
        "click",
        "logging",
        "secrets",
        "random",
    )
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from inference_models_core.store.store import Store, StoredFile, StoredPackage\n"
        "store = Store.open(Path(sys.argv[1]))\n"
        "package = StoredPackage(provider='test', model_id='ws/model/1', package_id='package', files=["
        + ",".join(f"StoredFile(handle={f.handle!r}, sha256={f.sha256!r}, size={f.size})" for f in package.files)
        + "])\n"
        "assert store.find_package(package).check_unchanged() and store.find_blob(package.files[0].sha256)\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(store.root), "."], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_other_sizes_than_promised_are_never_placed(store):
    content = content_of(5)
    put(store, content)
    package = package_of({"weights.onnx": content})
    import attrs

    wrong = attrs.evolve(package, files=[attrs.evolve(package.files[0], size=len(content) + 1)])
    with pytest.raises(FileNotFoundError):
        store.place_package(wrong)
    assert CONTENTS

"""Links, FIFOs and devices in the place of every file and folder (R-57)."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import threading

import pytest
from inference_models_core.errors import InferenceModelsError
from inference_models_core.store.collect import clear, prune
from inference_models_core.store.inventory import cached_packages, usage
from inference_models_core.store.packages import package_folder
from inference_models_core.store.store import Store
from inference_models_core.store.verifying import verify_all
from store_kit import CONTENTS, fill, needs_posix, package_of, put

pytestmark = needs_posix
PRECIOUS = b"precious"


@pytest.fixture(autouse=True)
def _no_waiting():
    """A FIFO that is opened for reading waits for ever; the alarm turns that into a failure."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def victims(tmp_path):
    folder = tmp_path / "victims"
    folder.mkdir()
    (folder / "file").write_bytes(PRECIOUS)
    (folder / "folder").mkdir()
    (folder / "folder" / "file").write_bytes(PRECIOUS)
    for path in (folder / "file", folder / "folder" / "file"):
        path.chmod(0o640)
    return folder


PLANTS = {
    "link to a file": lambda path, victims: path.symlink_to(victims / "file"),
    "link to a folder": lambda path, victims: path.symlink_to(victims / "folder"),
    "dangling link": lambda path, victims: path.symlink_to(victims / "made"),
    "link to a FIFO": lambda path, victims: (os.mkfifo(victims / "fifo"), path.symlink_to(victims / "fifo")),
    "FIFO": lambda path, victims: os.mkfifo(path),
    "link to a device": lambda path, victims: path.symlink_to("/dev/zero"),
    "folder": lambda path, victims: path.mkdir(),
}

FIRST = ("link to a file", "link to a folder", "FIFO")
plants = pytest.mark.parametrize(
    "plant", [pytest.param(name, marks=() if name in FIRST else pytest.mark.nightly) for name in PLANTS]
)


def places(store, package):
    """Every kind of file and folder that the store uses, by what it is."""
    sha256 = package.files[0].sha256
    folder = package_folder(store.layout, package)
    return {
        "blob": store.root / "blobs" / sha256[:2] / sha256,
        "shard": store.root / "blobs" / sha256[:2],
        "blobs": store.root / "blobs",
        "lock": store.root / "locks" / f"{sha256}.lock",
        "locks": store.root / "locks",
        "parts": store.root / "partial" / sha256,
        "note": store.root / "digests" / "md5-00.json",
        "blob stamp": store.root / "stamps" / f"{sha256}.json",
        "stamp": store.root / "stamps" / f"{folder.parent.name}--{folder.name}.json",
        "stamps": store.root / "stamps",
        "use": store.root / "uses" / f"{folder.parent.name}--{folder.name}",
        "model": folder.parent,
        "models": folder.parent.parent,
        "package": folder,
        "file": folder / "weights.onnx",
        "nested": folder / "sub",
        "manifest": folder / "model_config.json",
        "quarantine": store.root / "quarantine",
    }


def is_unharmed(victims):
    files = {str(path.relative_to(victims)): path.read_bytes() for path in victims.rglob("*") if path.is_file()}
    modes = {stat.S_IMODE((victims / name).stat().st_mode) for name in files}
    return files == {"file": PRECIOUS, "folder/file": PRECIOUS} and modes == {0o640}


def everything(root, package):
    """All that the store does, in one go; a typed error ends a step, and nothing else may."""
    done = []
    try:
        store = Store.open(root)
    except InferenceModelsError as error:
        return [type(error).__name__]
    steps = [
        lambda: store.find_package(package),
        lambda: store.known_digest("md5-00"),
        lambda: store.remember_digest("md5-00", "0" * 64, 1),
        lambda: [put(store, content) for content in CONTENTS.values() if not _has(store, content)],
        lambda: store.place_package(package).close(),
        lambda: cached_packages(store),
        lambda: usage(store),
        lambda: verify_all(store),
        lambda: prune(store, 0, grace_seconds=0),
        lambda: clear(store),
    ]
    for step in steps:
        try:
            step()
            done.append("done")
        except (InferenceModelsError, FileNotFoundError) as error:
            done.append(type(error).__name__)
    return done


def _has(store, content):
    import hashlib

    sha256 = hashlib.sha256(content).hexdigest()
    with store.lock(sha256):
        return store.find_blob(sha256) is not None


@plants
@pytest.mark.parametrize(
    "place",
    ["blob", "shard", "blobs", "lock", "locks", "parts", "note", "blob stamp", "stamp", "stamps", "use", "model",
     "models",
     "package", "file", "nested", "manifest", "quarantine"],
)  # fmt: skip
def test_nothing_planted_is_followed(store, package, placed, victims, place, plant):
    """Whatever lies there, the files it leads to stay as they are, and every step ends in a result or a typed error."""
    path = places(store, package)[place]
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    PLANTS[plant](path, victims)
    done = everything(store.root, package)
    assert is_unharmed(victims)
    assert not (victims / "made").exists()
    assert set(done) <= {"done", "UnsafeCacheError", "CacheError", "FileNotFoundError"}


@pytest.mark.parametrize("place", ["blob", "package", "file", "nested", "manifest", "stamp", "blob stamp", "use"])
@plants
def test_what_can_be_put_aside_heals(store, package, contents, placed, victims, place, plant):
    """A planted file or package costs one fetch, not a person."""
    path = places(store, package)[place]
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    PLANTS[plant](path, victims)
    for _ in range(3):
        lease = store.find_package(package)
        if lease is not None:
            break
        fill(store, contents)
        lease = store.place_package(package)
    assert {handle: (lease.directory / handle).read_bytes() for handle in contents} == contents
    assert not any(each.is_symlink() for each in lease.directory.rglob("*"))
    assert is_unharmed(victims)


@pytest.mark.parametrize("place", ["blob", "lock", "stamp", "use", "manifest", "file"])
@pytest.mark.parametrize(
    "races", [pytest.param(8, id="short"), pytest.param(200, id="long", marks=pytest.mark.nightly)]
)
def test_links_that_come_and_go_are_not_followed(store, package, contents, placed, victims, place, races):
    """The same while they are planted and taken away in the middle of it."""
    path = places(store, package)[place]
    done = threading.Event()

    def attack():
        count = 0
        while not done.is_set():
            count += 1
            other = store.root / f"planted-{count}"
            try:
                other.symlink_to(victims / "file")
                other.replace(path)
                path.unlink()
            except OSError:
                other.unlink(missing_ok=True)
            done.wait(0.02)

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        for _ in range(races):
            try:
                fill(store, contents)
                with store.lock(package.files[0].sha256):
                    lease = store.find_package(package) or store.place_package(package)
                lease.close()
            except (InferenceModelsError, FileNotFoundError):
                pass
    finally:
        done.set()
        attacker.join()
    assert is_unharmed(victims)


def test_a_locked_link_is_told_from_a_missing_lock(store, victims, package):
    """A lock that is a link is an attack or an accident, and said to be; nothing goes on as if there were no locks."""
    path = store.root / "locks" / f"{package.files[0].sha256}.lock"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(victims / "file")
    with pytest.raises(InferenceModelsError, match="is not a regular file"), store.lock(package.files[0].sha256):
        pass
    assert is_unharmed(victims)


def test_names_of_ours_are_below_the_root(store, package):
    assert all(path.is_relative_to(store.root) for path in places(store, package).values())
    assert package_of(CONTENTS) == package

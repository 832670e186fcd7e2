"""What is there, how much room it takes, and making room (R-12, R-62)."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections import Counter

import pytest
from inference_models_core.errors import InferenceModelsError, ReadOnlyCacheError
from inference_models_core.store.collect import clear, prune, remove_model
from inference_models_core.store.inventory import cached_packages, size_of, usage
from inference_models_core.store.store import Store
from inference_models_core.store.verifying import verify_all
from store_kit import Child, content_of, fill, needs_posix, package_of, put, tree

SIZE = 200_000
HOUR = 3600.0


def place(store, number, *, shared=None, used=None):
    """A model with weights of its own, and the folder of its package, last used ``used`` seconds ago."""
    contents = {"weights.onnx": content_of(number, SIZE), **({"shared.bin": shared} if shared else {})}
    fill(store, contents)
    package = package_of(contents, model_id=f"ws/model/{number}")
    lease = store.place_package(package)
    lease.close()
    if used is not None:
        moment = time.time() - used
        os.utime(store.layout.note("uses", lease.directory), (moment, moment))
    return package, lease.directory


def blobs(store):
    return {path.name for path in (store.root / "blobs").glob("*/*")}


def test_what_is_there(store):
    common = content_of(99, SIZE)
    place(store, 1, shared=common, used=100)
    package, folder = place(store, 2, shared=common, used=50)
    lease = store.find_package(package)
    first, second = sorted(cached_packages(store), key=lambda each: each.model_id)
    assert (first.provider, first.model_id, first.package_id, first.backend) == (
        "test",
        "ws/model/1",
        "package",
        "onnx",
    )
    assert second.directory == folder
    assert (first.in_use, second.in_use) == (False, True)
    assert 99 < time.time() - first.last_used < 110
    assert time.time() - second.last_used < 5  # it was found just now
    for each in (first, second):
        assert each.bytes == 2 * SIZE + (each.directory / "model_config.json").stat().st_size
        assert each.unique_bytes == each.bytes - SIZE  # what both share goes only with the last of them
    lease.close()


def test_room_is_counted_once(store):
    place(store, 1)
    part = store.part_folder("b" * 64) / "x.part"
    part.write_bytes(bytes(1000))
    (store.root / "quarantine").mkdir()
    (store.root / "quarantine" / "x").write_bytes(bytes(500))
    found = usage(store)
    assert (found.packages, found.partial, found.quarantine) == (1, 1000, 500)
    assert SIZE < found.models < SIZE + 2000
    assert found.models + 1500 < found.total < found.models + 5000
    assert found.free > 0


def test_a_damaged_manifest_hides_nothing(store):
    _, folder = place(store, 1)
    (folder / "model_config.json").chmod(0o644)
    (folder / "model_config.json").write_text("{")
    (found,) = cached_packages(store)
    assert (found.provider, found.model_id, found.backend) == (None, None, None)
    assert found.bytes == SIZE + 1


def test_without_a_budget_only_garbage_goes(store):
    _, folder = place(store, 1, used=400 * 24 * HOUR)
    before = tree(store.root / "models")
    collected = prune(store)
    assert (collected.packages, collected.blobs, collected.parts, collected.in_use) == ((), 0, 0, ())
    assert tree(store.root / "models") == before
    assert folder.is_dir()
    assert collected.total_bytes == size_of(store.root)


def test_the_least_used_goes_first_until_the_budget_holds(store):
    folders = [place(store, number, used=used)[1] for number, used in enumerate((300, 100, 400, 200))]
    collected = prune(store, int(2.5 * SIZE))
    assert set(collected.packages) == {folders[2], folders[0]}
    assert [folder.is_dir() for folder in folders] == [False, True, False, True]
    assert collected.blobs == 2
    assert 2 * SIZE <= collected.freed_bytes < 2.1 * SIZE
    assert collected.total_bytes == size_of(store.root) <= 2.5 * SIZE
    assert len(blobs(store)) == 2
    names = {path.name for kind in ("stamps", "uses") for path in (store.root / kind).iterdir()}
    assert not [name for folder in (folders[0], folders[2]) for name in names if folder.name in name]


def test_what_was_not_used_for_long_goes(store):
    folders = [place(store, number, used=used)[1] for number, used in enumerate((30 * 24 * HOUR, HOUR))]
    collected = prune(store, older_than=7 * 24 * HOUR)
    assert collected.packages == (folders[0],)
    assert folders[1].is_dir()


def test_what_is_in_use_stays_and_is_named(store):
    package, folder = place(store, 1, used=1000)
    _, other = place(store, 2)
    lease = store.find_package(package)
    os.utime(store.layout.note("uses", folder), (0, 0))
    collected = prune(store, 0)
    assert (collected.packages, collected.in_use) == ((other,), (folder,))
    assert lease.check_unchanged()
    assert store.find_blob(package.files[0].sha256)
    lease.close()
    assert prune(store, 0).packages == (folder,)
    assert blobs(store) == set()


@needs_posix
def test_what_another_process_uses_stays(store):
    package, folder = place(store, 1)

    def use():
        lease = store.find_package(package)
        (store.root / "held").touch()
        time.sleep(30)
        lease.close()

    child = Child(use)
    while not (store.root / "held").exists():
        time.sleep(0.01)
    assert prune(store, 0).in_use == (folder,)
    child.kill()
    child.result()
    assert prune(store, 0).packages == (folder,)


def test_without_locks_only_what_was_not_used_for_a_day_goes(store, monkeypatch):
    """Where nobody can tell what is in use, what may be stays."""
    import fcntl

    def flock(fd, operation):
        raise OSError(38, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    _, recent = place(store, 1, used=HOUR)
    _, old = place(store, 2, used=25 * HOUR)
    collected = prune(store, 0)
    assert (collected.packages, collected.in_use) == ((old,), (recent,))
    assert cached_packages(store)[0].in_use is None


def test_packages_that_were_built_here_are_never_collected(store):
    folder = store.model_folder("test", "ws/model/1") / "localtrt-abc"
    folder.mkdir(parents=True)
    (folder / "engine.plan").write_bytes(bytes(SIZE))
    os.utime(folder, (0, 0))
    for collect in (
        lambda: prune(store, 0, 0),
        lambda: clear(store),
        lambda: remove_model(store, "test", "ws/model/1"),
    ):
        assert collect().packages == ()
    assert (folder / "engine.plan").exists()
    assert cached_packages(store)[0].is_local_build
    assert verify_all(store).findings == ()


def test_blobs_that_no_package_needs(store):
    """New ones stay: the other files of their package may still be on their way."""
    package, _ = place(store, 1)
    old, new = put(store, b"old"), put(store, b"new")
    os.utime(old, (0, 0))
    collected = prune(store)
    assert collected.blobs == 1
    assert blobs(store) == {package.files[0].sha256, new.name}
    assert prune(store, grace_seconds=-1).blobs == 1
    assert store.find_package(package)


def test_what_two_packages_share_goes_with_the_second(store):
    common = content_of(99, SIZE)
    packages = [place(store, number, shared=common, used=100 - number)[0] for number in range(2)]
    shared = packages[0].files[1].sha256
    prune(store, int(2.5 * SIZE))
    assert shared in blobs(store)
    assert store.find_package(packages[1])
    prune(store, 0)
    assert blobs(store) == set()


def test_what_dead_processes_left(store):
    from inference_models_core.download.parts import create_part

    folder = store.part_folder("c" * 64)
    living = create_part(folder)
    os.write(living.fd, b"x")
    dead = folder / "someone-else.part"
    dead.write_bytes(bytes(100))
    os.utime(dead, (0, 0))
    model = store.model_folder("test", "m")
    (model / ".building-dead" / "sub").mkdir(parents=True)
    (model / ".building-dead" / "sub" / "x").write_bytes(bytes(100))
    os.utime(model / ".building-dead", (0, 0))
    (model / ".building-new").mkdir()
    (store.root / "stamps").mkdir(exist_ok=True)
    for name, age in ((".0123.tmp", 2 * HOUR), (".4567.tmp", 0)):
        (store.root / "stamps" / name).write_bytes(b"x")
        os.utime(store.root / "stamps" / name, (time.time() - age,) * 2)
    collected = prune(store)
    assert collected.parts == 1
    assert living.path.exists()
    assert not dead.exists()
    assert [path.name for path in model.iterdir()] == [".building-new"]
    assert [path.name for path in (store.root / "stamps").iterdir()] == [".4567.tmp"]
    living.remove()


def test_damaged_files_are_kept_for_a_week(store):
    quarantine = store.root / "quarantine"
    quarantine.mkdir()
    for days in (1, 6, 8, 100):
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 24 * HOUR))
        (quarantine / f"{moment}-abcd-{days}").mkdir()
    (quarantine / "unnamed").write_bytes(b"x")
    assert prune(store).quarantined == 3
    assert sorted(path.name.rpartition("-")[2] for path in quarantine.iterdir()) == ["1", "6"]


def test_one_model_or_one_package_is_removed(store):
    common = content_of(99, SIZE)
    first, _ = place(store, 1, shared=common)
    second, _ = place(store, 2, shared=common)
    other = package_of({"weights.onnx": content_of(3, SIZE)}, model_id="ws/model/1", package_id="other")
    put(store, content_of(3, SIZE))
    store.place_package(other).close()
    removed = remove_model(store, "test", "ws/model/1", "other")
    assert [folder.name.split("-")[0] for folder in removed.packages] == ["other"]
    assert store.find_package(first)
    assert len(remove_model(store, "test", "ws/model/1").packages) == 1
    assert store.find_package(first) is None
    assert store.find_package(second)
    for provider, model_id in (("test", "ws/model"), ("other", "ws/model/2"), ("test", "../..")):
        assert remove_model(store, provider, model_id).packages == ()
    assert remove_model(store, "test", "ws/model/2").blobs == 2
    assert blobs(store) == set()
    assert not store.model_folder("test", "ws/model/2").exists()


def test_clearing_leaves_nothing_that_can_be_fetched(store):
    place(store, 1)
    put(store, b"orphan")
    store.remember_digest("md5-00", "0" * 64, 1)
    for name in ("answers", "choices"):
        (store.root / name).mkdir()
        (store.root / name / "x.json").write_text("{}")
    collected = clear(store)
    assert (len(collected.packages), collected.blobs) == (1, 2)
    left = {path.name for path in store.root.rglob("*") if path.is_file()}
    assert {name for name in left if not name.endswith(".lock")} == {"CACHEDIR.TAG"}
    place(store, 1)  # goes on as before


def test_nothing_is_collected_in_a_cache_that_may_not_be_written(store, monkeypatch):
    place(store, 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    closed = Store.open(store.root)
    for collect in (prune, clear, lambda store: remove_model(store, "test", "ws/model/1")):
        with pytest.raises(ReadOnlyCacheError):
            collect(closed)
    assert len(cached_packages(closed)) == 1


def test_everything_is_read_and_what_is_damaged_is_named(store):
    good, _ = place(store, 1)
    _, bad = place(store, 2)
    orphan = put(store, b"orphan")
    orphan.chmod(0o644)
    orphan.write_bytes(b"damage")
    stray = store.root / "blobs" / "zz"
    stray.mkdir()
    (stray / "notes.txt").write_bytes(b"x")
    (bad / "model_config.json").unlink()
    found = verify_all(store)
    assert {finding.path for finding in found.findings} == {orphan, bad, stray / "notes.txt"}
    assert found.files == 5 - 1  # two blobs with their links, a manifest; what was put aside is not looked at again
    problems = {finding.path: finding.problem for finding in found.findings}
    assert f"expected sha256 {orphan.name}, found sha256 " in problems[orphan]
    assert "manifest" in problems[bad]
    assert verify_all(store).findings == ()
    assert store.find_package(good)
    assert len(list((store.root / "quarantine").iterdir())) == 3


def test_a_missing_cache_is_empty(root):
    store = Store.open(root, create=False)
    assert cached_packages(store) == ()
    assert (usage(store).total, usage(store).packages) == (0, 0)
    assert verify_all(store).files == 0


def _stress(store, seconds):
    """Four loaders and one that prunes, on three models with room for one and a half."""
    models = [{"weights.onnx": content_of(number, SIZE)} for number in range(3)]
    packages = [package_of(contents, model_id=f"m/{number}") for number, contents in enumerate(models)]
    end, counts, over = time.monotonic() + seconds, Counter(), []

    def load(number):
        turn = number
        while time.monotonic() < end:
            turn += 1
            counts["loads"] += 1
            try:
                _load(store, packages[turn % 3], models[turn % 3])
            except (InferenceModelsError, OSError, AssertionError) as error:
                counts[f"{type(error).__name__}: {error}"[:300]] += 1

    def make_room():
        while time.monotonic() < end:
            collected = prune(store, int(1.5 * SIZE), grace_seconds=0)
            counts["removed"] += len(collected.packages)
            over.append(collected.total_bytes)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    threads.append(threading.Thread(target=make_room))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    return counts, over


def _load(store, package, contents):
    for _ in range(1000):  # here nothing is spared for being new: often it is gone before it is used
        lease = store.find_package(package)
        if lease is None:
            fill(store, contents)
            try:
                lease = store.place_package(package)
            except FileNotFoundError:
                continue
        path = lease.directory / "weights.onnx"
        for _ in range(3):  # as long as the lease lives, the file is there
            assert path.read_bytes() == contents["weights.onnx"]
            time.sleep(0.002)
        lease.close()
        return
    raise AssertionError("pruned faster than it could be placed")


@needs_posix
@pytest.mark.parametrize(
    "seconds", [pytest.param(2, id="short"), pytest.param(20, id="long", marks=pytest.mark.nightly)]
)
def test_loading_and_pruning_at_once(store, seconds):
    """R-62: no load fails, nothing in use is removed, and the budget holds within what is in use."""
    counts, over = _stress(store, seconds)
    assert set(counts) == {"loads", "removed"}
    assert counts["loads"] >= 4
    assert counts["removed"] > 0
    final = prune(store, int(1.5 * SIZE), grace_seconds=-1)
    assert final.total_bytes <= 1.5 * SIZE
    assert final.in_use == ()
    assert max(over) < 4.5 * SIZE  # never more than the three models, and one being placed


def test_the_result_is_plain(store):
    place(store, 1)
    collected = prune(store, 0)
    assert "packages=(" in repr(collected)
    assert json.dumps([str(path) for path in collected.packages])
    shutil.rmtree(store.root)

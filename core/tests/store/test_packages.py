"""Packages: real files that are what was promised, whatever the file system can do (R-18, R-19, R-20, R-61)."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import stat
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from inference_models_core.builtin.local_provider import LocalProvider
from inference_models_core.errors import MalformedDocumentError, UnsafeCacheError
from inference_models_core.store import files, identity
from inference_models_core.store.inventory import size_of
from inference_models_core.store.packages import read_manifest
from inference_models_core.store.store import Store, StoredFile, StoredPackage
from inference_models_core.types.providers import ProviderContext
from store_kit import CONTENTS, LARGE, content_of, fill, needs_posix, package_of, put


def read_all(lease):
    return {handle: (lease.directory / handle).read_bytes() for handle in CONTENTS}


@pytest.fixture
def no_reflinks(monkeypatch):
    def reflink(source, target):
        raise OSError(errno.EOPNOTSUPP, "no such thing here")

    monkeypatch.setattr(files, "reflink", reflink)


def refuse_links(monkeypatch, number):
    def link(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "symlink", link)


def test_a_package_is_placed_once_and_found_ever_after(store, package, contents, caplog):
    assert store.find_package(package) is None
    lease = store.place_package(package)
    assert read_all(lease) == contents
    inode = lease.directory.stat().st_ino
    again = store.place_package(package)
    found = Store.open(store.root).find_package(package)
    assert again.directory == found.directory == lease.directory
    assert found.directory.stat().st_ino == inode
    assert found.directory.parent == store.model_folder("test", "ws/model/1")
    for each in (lease, again, found):
        assert each.check_unchanged()
        each.close()
        each.close()
    assert caplog.records == []


def test_files_are_real_and_nobody_may_write_them(placed):
    for path in placed.rglob("*"):
        assert not path.is_symlink()
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_other_content_is_another_folder(store, package, contents):
    first = store.place_package(package)
    contents["environment.json"] = b"{}"
    fill(store, contents)
    second = store.place_package(package_of(contents))
    assert first.directory != second.directory
    assert (first.directory / "environment.json").stat().st_size == 3000


def test_the_manifest_names_the_package_and_can_be_loaded_as_a_path(placed, package):
    document = json.loads((placed / "model_config.json").read_text())
    assert document["model_architecture"] == "yolov8"
    assert document["package_artifacts"] == [
        {"handle": file.handle, "sha256": file.sha256, "size": file.size} for file in package.files
    ]
    manifest = read_manifest(placed)
    assert (manifest.provider, manifest.model_id, manifest.package_id) == ("test", "ws/model/1", "package")
    assert (manifest.backend, manifest.files) == ("onnx", package.files)

    def is_not_asked(*_):
        pytest.fail("the manifest says it all")

    context = ProviderContext(read_manifest=is_not_asked, inspect_file=is_not_asked)
    model = LocalProvider(context).resolve(str(placed))
    assert (model.architecture, model.packages[0].backend) == ("yolov8", "onnx")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("number", [None, errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_file_systems_without_links(store, package, contents, monkeypatch, no_reflinks, number, links):
    """R-61: links where they can be and may be, else copies; the content and the checks are the same."""
    if number is not None:
        refuse_links(monkeypatch, number)
    lease = store.place_package(package_of(contents, links=links))
    blob = store.find_blob(package.files[0].sha256)
    is_linked = blob.samefile(lease.directory / "weights.onnx")
    assert is_linked is (links and number is None)
    assert read_all(lease) == contents
    assert lease.check_unchanged()
    assert size_of(store.root / "blobs", store.root / "models") < (1.2 if is_linked else 2.2) * LARGE
    again = Store.open(store.root).find_package(package)
    assert again.check_unchanged()


@pytest.mark.parametrize("handle", ["sub/labels.txt", "environment.json"])
def test_small_files_are_copied(store, package, handle):
    """Packages share small files; a link more would change the times of all."""
    lease = store.place_package(package)
    assert (lease.directory / handle).stat().st_nlink == 1


def test_links_cost_no_reading(store, package, monkeypatch, no_reflinks):
    read = []
    real = identity.sha256_of
    monkeypatch.setattr(identity, "sha256_of", lambda fd: read.append(1) or real(fd))
    store.place_package(package)
    store.find_package(package)
    assert all(store.find_blob(file.sha256) for file in package.files)
    assert read == []


def test_a_reflink_is_taken_where_it_works(store, package, contents, monkeypatch):
    """The call itself needs another file system; here a copy of the blocks stands for it."""
    shared = []

    def reflink(source, target):
        shared.append(source)
        os.write(target, os.pread(source, 1 << 20, 0))

    monkeypatch.setattr(files, "reflink", reflink)
    lease = store.place_package(package_of(contents, links=False))
    assert len(shared) == 1  # only the large one
    assert read_all(lease) == contents
    assert stat.S_IMODE((lease.directory / "weights.onnx").stat().st_mode) == 0o444


def test_a_reflink_that_is_cut_off_is_not_taken(store, package, contents, monkeypatch):
    monkeypatch.setattr(files, "reflink", lambda source, target: os.write(target, b"half"))
    assert read_all(store.place_package(package)) == contents


def test_a_blob_that_is_not_there_is_the_callers_to_fetch(store, package):
    store.find_blob(package.files[0].sha256).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        store.place_package(package)
    assert package.files[0].sha256 in str(caught.value)
    assert [path.name for path in store.model_folder("test", "ws/model/1").iterdir()] == []


def test_a_blob_that_is_damaged_while_it_is_copied(store, package, contents, monkeypatch, caplog):
    """The copy is hashed: a file that changes under our eyes does not arrive."""
    real = files.read_at

    def flipped(fd, buffer, offset):
        count = real(fd, buffer, offset)
        if count:
            buffer[0] ^= 1
        return count

    monkeypatch.setattr(files, "read_at", flipped)
    with pytest.raises(FileNotFoundError):
        store.place_package(package_of(contents, links=False))
    assert "expected sha256" in caplog.text


def test_a_blob_that_is_swapped_between_check_and_link(store, package, contents, monkeypatch, no_reflinks):
    """R-20: the file that got the name is compared with the one that was checked; a copy of that one is taken."""
    blob = store.find_blob(package.files[0].sha256)
    real = os.link

    def link(source, target, **how):
        if Path(source) == blob:
            blob.rename(blob.with_name("aside"))
            blob.write_bytes(bytes(LARGE))
        real(source, target, **how)

    monkeypatch.setattr(os, "link", link)
    assert read_all(store.place_package(package)) == contents


def damage_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def damage_and_reset(path):
    before = path.stat()
    damage_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(path):
    other = path.with_name("other")
    shutil.copy2(path, other)
    damage_and_reset(other)
    other.replace(path)


@pytest.mark.parametrize("handle", [*CONTENTS, "model_config.json"])
@pytest.mark.parametrize(
    "damage", [damage_byte, damage_and_reset, swap, Path.unlink, lambda path: path.write_bytes(b"")]
)
@pytest.mark.parametrize("verify", ["stamp", "full"])
def test_damage_is_found_and_heals(store, package, contents, placed, caplog, handle, damage, verify):
    """R-18 and R-19: whatever is damaged, and however it is hidden, nothing wrong is ever handed out."""
    (placed / handle).chmod(0o644)
    damage(placed / handle)
    assert store.find_package(package, verify=verify) is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert handle in record.getMessage()
    (kept,) = (store.root / "quarantine").iterdir()
    assert not placed.exists()
    caplog.clear()
    for content in contents.values():
        put(store, content)
    lease = store.place_package(package)
    assert read_all(lease) == contents
    assert kept.exists()


def test_reading_all_finds_what_a_forged_stamp_hides(store, package, placed):
    path = placed / "weights.onnx"
    damage_and_reset(path)
    stamps = store.layout.note("stamps", placed, ".json")
    document = json.loads(stamps.read_text())
    document["files"]["weights.onnx"] = list(identity.of_path(path))
    stamps.write_text(json.dumps(document))
    store.find_package(package).close()  # the documented limit of stamps
    assert store.find_package(package, verify="full") is None


@pytest.mark.parametrize(
    "text", [None, "", "{}", "[]", '{"files": 1}', '{"files": {}}', '{"files": {"weights.onnx": [1]}}']
)
def test_damaged_stamps_cost_one_reading(store, package, placed, monkeypatch, caplog, text):
    read = []
    real = identity.sha256_of
    monkeypatch.setattr(identity, "sha256_of", lambda fd: read.append(1) or real(fd))
    stamps = store.layout.note("stamps", placed, ".json")
    stamps.unlink() if text is None else stamps.write_text(text)
    for _ in range(2):
        lease = store.find_package(package)
        assert lease.check_unchanged()
    assert len(read) == 3
    assert caplog.records == []


KINDS = ("blob", "package", "package stamp", "blob stamp", "lock", "use", "manifest")


@pytest.mark.parametrize("how", ["missing", "damaged"])
@pytest.mark.parametrize(("first", "second"), [(one, two) for i, one in enumerate(KINDS) for two in KINDS[i:]])
def test_every_damage_alone_and_in_pairs_heals(store, package, contents, placed, first, second, how):
    """R-19: after fetching what is then missing, the package is there and right."""
    blob = store.find_blob(package.files[0].sha256)
    paths = {
        "blob": blob,
        "package": placed / "weights.onnx",
        "package stamp": store.layout.note("stamps", placed, ".json"),
        "blob stamp": store.layout.blob_stamp(blob.name),
        "lock": next((store.root / "locks").iterdir()),
        "use": store.layout.note("uses", placed),
        "manifest": placed / "model_config.json",
    }
    for kind in {first, second}:
        paths[kind].chmod(0o600)
        paths[kind].unlink() if how == "missing" else paths[kind].write_bytes(b"\xff{damaged")
    fetched = 0
    lease = store.find_package(package)
    while lease is None:
        try:
            lease = store.place_package(package)
        except FileNotFoundError:
            missing = [content for file, content in zip(package.files, contents.values(), strict=True)
                       if store.find_blob(file.sha256) is None]  # fmt: skip
            assert missing
            fetched += len([put(store, content) for content in missing])
    assert read_all(lease) == contents
    assert lease.check_unchanged()
    assert fetched <= 1  # the one file whose content is gone, if it is


@needs_posix
def test_swapping_and_swapping_back_is_seen(store, package):
    """R-20: also if the file that was verified is in its place again."""
    lease = store.place_package(package)
    path = lease.directory / "weights.onnx"
    aside = path.with_name("aside")
    assert lease.check_unchanged()
    path.rename(aside)
    path.write_bytes(bytes(LARGE))
    aside.replace(path)
    assert path.read_bytes() == content_of(1)
    assert not lease.check_unchanged()


@needs_posix
def test_swapping_the_folder_and_back_is_seen(store, package):
    lease = store.place_package(package)
    aside = lease.directory.with_name("aside")
    lease.directory.rename(aside)
    shutil.copytree(aside, lease.directory)
    shutil.rmtree(lease.directory)
    aside.rename(lease.directory)
    assert not lease.check_unchanged()


@needs_posix
@pytest.mark.parametrize(
    "races", [pytest.param(100, id="short"), pytest.param(1000, id="long", marks=pytest.mark.nightly)]
)
def test_nothing_unverified_is_loaded_while_files_are_swapped(store, contents, races):
    """R-20: an attacker swaps the weights with others of the same size and times, and back, as fast as it can."""
    small = {"weights.onnx": content_of(1, 5000)}
    fill(store, small)
    package = package_of(small)
    store.place_package(package).close()
    target = store.find_package(package).directory / "weights.onnx"
    aside, bad = target.with_name("aside"), target.with_name("bad")
    before = target.stat()
    start, draw = threading.Semaphore(0), random.Random(20)

    def attack():
        while start.acquire() and not done.is_set():
            time.sleep(draw.random() * 15e-3)  # a look takes 10 ms after the last change
            with contextlib.suppress(OSError):
                bad.write_bytes(bytes(5000))
                os.utime(bad, ns=(before.st_atime_ns, before.st_mtime_ns))
                aside.unlink(missing_ok=True)
                os.link(target, aside)
                bad.replace(target)
                aside.replace(target)
            swapped.release()

    done, swapped = threading.Event(), threading.Semaphore(0)
    attacker = threading.Thread(target=attack)
    attacker.start()
    counts = Counter()
    for race in range(races):
        is_late = race % 10 == 0  # whatever the machine's timing, some swaps have to come after the look
        if not is_late:
            start.release()
        lease = store.find_package(package)
        loaded = _read(target)
        if is_late:
            start.release()
            swapped.acquire()
        if lease is None:
            counts["absent"] += 1
        else:
            accepted = lease.check_unchanged()
            counts["wrong"] += accepted and (is_late or loaded != small["weights.onnx"])
            counts["accepted" if accepted else "refused"] += 1
            lease.close()
        if not is_late:
            swapped.acquire()
        if lease is None:
            _place_again(store, package, small)
    done.set()
    start.release()
    attacker.join()
    assert counts["wrong"] == 0
    assert counts["accepted"] > 0
    assert counts["refused"] + counts["absent"] >= races / 10


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return None


def _place_again(store, package, contents):
    fill(store, contents)
    store.place_package(package).close()


@pytest.mark.parametrize(
    "package",
    [
        {"package_id": ""}, {"package_id": "a\n"}, {"model_id": "\u202e"}, {"model_id": "x" * 1025},
        {"provider": "a\0"},
        {"files": [StoredFile(handle="a", sha256="0" * 64, size=1), StoredFile(handle="A", sha256="0" * 64, size=1)]},
    ],
)  # fmt: skip
def test_packages_with_names_that_are_refused(package):
    with pytest.raises(MalformedDocumentError):
        StoredPackage(**{"provider": "p", "model_id": "m", "package_id": "i", "files": [], **package})


@pytest.mark.parametrize(
    "file", [{"handle": "../x"}, {"handle": "model_config.json"}, {"sha256": "A" * 64}, {"size": -1}, {"size": True}]
)
def test_files_that_are_refused(file):
    with pytest.raises(MalformedDocumentError):
        StoredFile(**{"handle": "a", "sha256": "0" * 64, "size": 1, **file})


def test_ids_never_become_paths(store, root):
    """R-30: whatever an id looks like, its package lies below the models."""
    for model_id in ("../../etc", "/etc/passwd", "C:\\x", "CON", "a" * 1024, "ünï", ".."):
        contents = {"a.txt": b"a"}
        fill(store, contents)
        lease = store.place_package(package_of(contents, model_id=model_id, package_id=model_id[:255]))
        assert lease.directory.resolve().parent.parent == root / "models"


def test_ids_that_differ_in_case_alone_lie_apart_where_case_is_not_told(store):
    contents = {"a.txt": b"a"}
    fill(store, contents)
    folders = [
        store.place_package(package_of(contents, model_id=text)).directory for text in ("Org/M", "org/m", "ORG/M")
    ]
    assert len({str(folder).lower() for folder in folders}) == 3
    assert all(str(folder.relative_to(store.root)).islower() for folder in folders)


@needs_posix
def test_a_leases_descriptor_goes_with_it(store, package):
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    lease = store.place_package(package)
    del lease
    lease = store.find_package(package)
    lease.close()
    if before:
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@needs_posix
def test_a_folder_in_the_place_of_the_shards_is_refused(store, package, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("models", "stamps"):
        (store.root / name).rename(store.root / f"{name}-aside") if (store.root / name).exists() else None
        (store.root / name).symlink_to(elsewhere)
    with pytest.raises(UnsafeCacheError, match="not a folder"):
        Store.open(store.root)

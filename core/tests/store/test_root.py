"""Which folder the cache is, and who may write there (R-56, R-57, R-60)."""

from __future__ import annotations

import os
import shutil
import stat

import pytest
from inference_models_core import settings
from inference_models_core.errors import ReadOnlyCacheError, UnsafeCacheError
from inference_models_core.store.store import Store
from store_kit import CONTENTS, content_of, needs_posix, needs_superuser, package_of, put, tree

pytestmark = needs_posix


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_users_own_cache_is_theirs_alone(tmp_path, monkeypatch, umask):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        store = Store.open()
        path = put(store, b"content")
    finally:
        os.umask(before)
    assert store.root == settings.cache_folder() == tmp_path / "home" / "inference-models"
    assert mode_of(store.root) == 0o700
    assert mode_of(path) == 0o444
    folders = [each for each in store.root.rglob("*") if each.is_dir()]
    assert {mode_of(each) for each in folders} == {0o700}
    assert {mode_of(each) for each in store.root.rglob("*.json")} == {0o600}
    assert (store.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_the_users_own_cache_never_lies_in_a_folder_of_everybody(tmp_path, monkeypatch):
    shelf = tmp_path / "tmp"
    shelf.mkdir()
    shelf.chmod(0o1777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(shelf))
    with pytest.raises(UnsafeCacheError, match=r"where everybody may write") as caught:
        Store.open()
    assert "XDG_CACHE_HOME" in caught.value.hint
    Store.open(shelf / "mine")  # named, and ours: a sticky folder keeps others from replacing it


def test_a_folder_that_others_could_replace_is_refused(tmp_path):
    shelf = tmp_path / "shelf"
    (shelf / "cache").mkdir(parents=True, mode=0o700)
    shelf.chmod(0o777)
    with pytest.raises(UnsafeCacheError, match=rf"everybody may write {shelf}, and so replace") as caught:
        Store.open(shelf / "cache")
    assert caught.value.hint == f"chmod o-w {shelf}"


@pytest.mark.parametrize(
    ("mode", "kind", "allowed"),
    [
        (0o700, "own", True), (0o755, "own", True), (0o775, "own", False), (0o777, "own", False), (0o702, "own", False),
        (0o700, "named", True), (0o775, "named", True), (0o2770, "named", True), (0o777, "named", False),
        (0o1777, "named", False), (0o702, "named", False),
        (0o2770, "shared", True), (0o775, "shared", True), (0o777, "shared", False), (0o2777, "shared", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("below", ["", "blobs", "models", "stamps", "locks", "partial", "answers", "choices", "pins"])
def test_who_may_write_it(tmp_path, monkeypatch, mode, kind, allowed, below):
    home = tmp_path / "inference-models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (home / below).mkdir(parents=True)
    home.chmod(0o700)
    (home / below).chmod(mode)
    root = None if kind == "own" else home
    if allowed:
        assert Store.open(root, shared=kind == "shared").writable
        return
    with pytest.raises(UnsafeCacheError) as caught:
        Store.open(root, shared=kind == "shared")
    assert str((home / below).resolve()) in caught.value.message
    assert caught.value.hint.startswith("chmod -R ")
    assert isinstance(caught.value, OSError)


@needs_superuser
@pytest.mark.parametrize(
    ("owner", "kind", "allowed"),
    [
        (2001, "own", False), (2001, "named", False), (2001, "shared", True), (0, "own", False), (0, "named", True),
        (2002, "own", True), (2002, "named", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("below", ["", "blobs", "stamps"])
def test_who_may_own_it(open_folder, run_as, owner, kind, allowed, below):
    """As user 2002, with a cache or a part of one that ``owner`` has planted."""
    home = open_folder / "inference-models"
    (home / below).mkdir(parents=True)
    os.chown(home, 2002, 2002)
    os.chown(home / below, owner, owner)

    def play():
        os.environ["XDG_CACHE_HOME"] = str(open_folder)
        return str(Store.open(None if kind == "own" else home, shared=kind == "shared").root)

    said = run_as(play, 2002)
    if allowed:
        assert said == str(home)
    else:
        assert said["error"] == "UnsafeCacheError"
        assert f"{home / below}".rstrip("/") in said["message"]
        assert f"sudo chown -R 2002 {home}" in said["message"]


@needs_superuser
def test_a_planted_cache_serves_nobody(open_folder, run_as):
    """R-56: user 2001 fills the folder that user 2002 will use; not a byte of it is read."""
    open_folder.chmod(0o1777)
    home = open_folder / "cache"
    run_as(lambda: str(put(Store.open(home), b"evil")), 2001)
    opened = []

    def play():
        import sys

        sys.addaudithook(lambda event, values: opened.append(values[0]) if event == "open" else None)
        try:
            Store.open(home)
        except UnsafeCacheError:
            return [str(path) for path in opened if str(path).startswith(str(home))]

    assert run_as(play, 2002) == []


@needs_superuser
def test_a_link_that_somebody_else_has_made_is_refused(open_folder, run_as):
    (open_folder / "mine").mkdir()
    os.chown(open_folder / "mine", 2002, 2002)
    (open_folder / "link").symlink_to("mine")
    os.chown(open_folder / "link", 2001, 2001, follow_symlinks=False)
    said = run_as(lambda: str(Store.open(open_folder / "link").root), 2002)
    assert said["error"] == "UnsafeCacheError"
    assert "a link that user 2001 has made" in said["message"]
    assert list((open_folder / "mine").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "fifo", "link to a file", "device"])
def test_what_is_no_folder_is_refused_and_stays(root, kind):
    victim = root.parent / "victim"
    victim.write_bytes(b"precious")
    plant = {
        "file": lambda: root.write_bytes(b"precious"),
        "fifo": lambda: os.mkfifo(root),
        "link to a file": lambda: root.symlink_to(victim),
        "device": lambda: root.symlink_to("/dev/null"),
    }
    plant[kind]()
    with pytest.raises(UnsafeCacheError, match="not a folder"):
        Store.open(root)
    assert victim.read_bytes() == b"precious"
    assert os.path.lexists(root)


def test_a_link_of_ours_leads_to_the_cache(root):
    target = root.parent / "disk"
    root.symlink_to(target)  # dangling: the folder is made where it leads
    assert Store.open(root).root == target
    put(Store.open(root), b"content")
    assert Store.open(target).find_blob(_digest(b"content"))


def _digest(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_every_spelling_is_one_cache(store, placed, package, monkeypatch, tmp_path):
    """R-60: nothing is linked, removed or written again, whatever way leads there."""
    (tmp_path / "link").symlink_to(store.root)
    (tmp_path / "parent").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    stable = {name: value for name, value in tree(store.root).items() if not name.startswith("uses")}
    for spelling in (
        "cache",
        "./cache/",
        str(tmp_path / "x" / ".." / "cache"),
        "link",
        "parent/cache",
        f"{store.root}/",
    ):
        from pathlib import Path

        opened = Store.open(Path(spelling))
        assert opened.root == store.root
        lease = opened.find_package(package)
        assert lease.directory == placed
        lease.close()
    assert {name: value for name, value in tree(store.root).items() if not name.startswith("uses")} == stable


@pytest.mark.parametrize("how", ["renamed", "copied", "stamps lost"])
def test_a_cache_that_moves_keeps_everything(store, placed, package, tmp_path, caplog, how):
    """R-60: no path is stored inside; a copy has other inodes, so its files are read once more."""
    moved = tmp_path / "elsewhere"
    (shutil.move if how == "renamed" else shutil.copytree)(store.root, moved)
    if how == "stamps lost":
        shutil.rmtree(moved / "stamps")
    if how != "renamed":
        shutil.rmtree(store.root)
    opened = Store.open(moved)
    lease = opened.find_package(package)
    assert lease.directory == moved / placed.relative_to(store.root)
    assert lease.check_unchanged()
    for content in CONTENTS.values():
        assert opened.find_blob(_digest(content))
    assert caplog.records == []
    inside = b"".join(path.read_bytes() for path in moved.rglob("*.json"))
    assert str(tmp_path).encode() not in inside


def test_a_missing_cache_finds_nothing_and_is_not_made(root):
    store = Store.open(root, create=False)
    package = package_of(CONTENTS)
    assert (store.writable, store.find_blob("0" * 64), store.find_package(package)) == (False, None, None)
    assert store.known_digest("md5-0") is None
    with store.lock("0" * 64):
        pass
    for write in (
        lambda: store.part_folder("0" * 64),
        lambda: store.place_package(package),
        lambda: store.publish(root.parent / "x", None, "0" * 64, 1),
        lambda: store.remember_digest("md5-0", "0" * 64, 1),
    ):
        with pytest.raises(ReadOnlyCacheError, match="cannot be written"):
            write()
    assert not root.exists()


def test_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReadOnlyCacheError, match="cannot make the cache"):
        Store.open(tmp_path / "file" / "cache")


def test_content_survives_a_second_opening(store, root):
    path = put(store, content_of(9))
    assert Store.open(root).find_blob(path.name) == path

"""A name that was given is on the disk before anybody is told of it."""

from __future__ import annotations

import hashlib
import sys

import pytest
from inference_models_core.store import files
from inference_models_core.store.store import Store, StoredFile, StoredPackage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps names by itself")
CONTENT = b"content"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def renamed(monkeypatch):
    """Each name that was given: the folder it is in, and the folders that were synced after it."""
    seen = []

    def rename(original):
        def rename_(source, target):
            original(source, target)
            seen.append((target.parent, []))

        return rename_

    def sync_folder(folder, original=files.sync_folder):
        original(folder)
        for _, synced in seen:
            synced.append(folder)

    monkeypatch.setattr(files, "replace", rename(files.replace))
    monkeypatch.setattr(files, "rename", rename(files.rename))
    monkeypatch.setattr(files, "sync_folder", sync_folder)
    return seen


def publish(store):
    part = store.part_folder(SHA256) / "x.part"
    part.write_bytes(CONTENT)
    store.publish(part, None, SHA256, len(CONTENT))


def test_of_a_blob(tmp_path, renamed):
    store = Store.open(tmp_path / "cache")
    publish(store)
    folder, synced = next(each for each in renamed if each[0].parent.name == "blobs")
    assert folder in synced


def test_of_a_package(tmp_path, renamed):
    store = Store.open(tmp_path / "cache")
    publish(store)
    file = StoredFile(handle="weights.onnx", sha256=SHA256, size=len(CONTENT))
    lease = store.place_package(StoredPackage(provider="p", model_id="m", package_id="p", files=(file,), config={}))
    folder, synced = next(each for each in renamed if each[0] == lease.directory.parent)
    assert folder in synced
    lease.close()

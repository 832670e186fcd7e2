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
def operations(monkeypatch):
    """File operations so far, in order."""
    seen: list[str] = []
    monkeypatch.setattr(files, "on_operation", seen.append)
    return seen


def publish(store):
    part = store.part_folder(SHA256) / "x.part"
    part.write_bytes(CONTENT)
    store.publish(part, None, SHA256, len(CONTENT))


def synced_after_the_first_rename(operations):
    return "fsync" in operations[operations.index("rename") + 1 :][:2]


def test_of_a_blob(tmp_path, operations):
    store = Store.open(tmp_path / "cache")
    publish(store)
    assert synced_after_the_first_rename(operations)


def test_of_a_package(tmp_path, operations):
    store = Store.open(tmp_path / "cache")
    publish(store)
    del operations[:]
    file = StoredFile(handle="weights.onnx", sha256=SHA256, size=len(CONTENT))
    store.place_package(StoredPackage(provider="p", model_id="m", package_id="p", files=(file,), config={})).close()
    assert operations.index("fsync") < operations.index("rename")  # the files, then the name of their folder
    assert synced_after_the_first_rename(operations)

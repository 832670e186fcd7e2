"""A store on disk and a package in it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from inference_models_core.store import files, locks
from inference_models_core.store.store import Store

sys.path.append(str(Path(__file__).parent))

from store_kit import CONTENTS, Child, fill, package_of


@pytest.fixture(autouse=True)
def _clean_hooks():
    locks._warned.clear()
    yield
    files.on_operation = None


@pytest.fixture
def root(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def store(root):
    return Store.open(root)


@pytest.fixture
def contents():
    return dict(CONTENTS)


@pytest.fixture
def package(store, contents):
    """A package whose blobs are in the store and whose folder is not."""
    fill(store, contents)
    return package_of(contents)


@pytest.fixture
def placed(store, package):
    """The folder of a package that is in the store, used by nobody."""
    with_lease = store.place_package(package)
    with_lease.close()
    return with_lease.directory


@pytest.fixture
def open_folder():
    """A folder that other users can reach, too."""
    path = Path(tempfile.mkdtemp(prefix="store-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def run_as():
    """Calls a function in a child, as a user, and gives what it returned."""

    def run(function, uid=None, gid=None, umask=0o022):
        return Child(function, uid, gid, umask).result()

    return run

"""What was verified survives a process, never another file, and never a damaged one."""

from __future__ import annotations

import json
import threading

import attrs
import pytest
from inference_models_core.resolution import verifications as module
from inference_models_core.resolution.forgetting import forget, remembered_models
from inference_models_core.resolution.scope import Scope
from inference_models_core.resolution.verifications import MAX_ENTRIES, Verifications
from inference_models_core.store.layout import VERIFICATIONS
from inference_models_core.store.store import Store
from inference_models_core.testing.fuzzing import byte_strings, mutated_documents, survey
from inference_models_core.types.verification import Verification

FOUND = Verification(
    package_id="p",
    content="a" * 64,
    backend="onnx",
    version="1.20",
    device="cpu",
    reference="q",
    reference_backend="torch-script",
    pictures=8,
    things=30,
    deltas={"boxes": 0.5, "labels": 0.0},
    created_at=1_800_000_000.5,
)
OTHER = attrs.evolve(FOUND, version="1.21", deltas={"boxes": 3.0})


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "cache")


@pytest.fixture
def known(store):
    return Verifications(Scope(store.root))


def path(store):
    (found,) = (store.root / VERIFICATIONS).glob("*.json")
    return found


def test_what_is_remembered_is_recalled(known, store):
    assert known.recall("shelf", "lamp") == {}
    assert known.remember(store, "shelf", "lamp", [FOUND])
    assert known.remember(store, "shelf", "lamp", [OTHER])
    assert known.recall("shelf", "lamp") == {FOUND.key: FOUND, OTHER.key: OTHER}
    assert known.recall("attic", "lamp") == {}
    again = attrs.evolve(FOUND, deltas={"boxes": 0.0})
    known.remember(store, "shelf", "lamp", [again])
    assert known.recall("shelf", "lamp")[FOUND.key] == again
    assert path(store).stat().st_mode & 0o777 == 0o600


def test_it_is_forgotten_with_the_model(known, store):
    known.remember(store, "shelf", "lamp", [FOUND])
    scope = Scope(store.root)
    assert remembered_models(scope) == {("shelf", "lamp")}
    assert forget(scope, "shelf", "lamp") == 1
    assert known.recall("shelf", "lamp") == {}
    assert known.models() == set()


def test_choices_that_were_made_without_knowing_are_forgotten(known, store, monkeypatch):
    forgotten = []
    monkeypatch.setattr(module.Choices, "forget", lambda self, *model: forgotten.append(model))
    known.remember(store, "shelf", "lamp", [FOUND])
    assert forgotten == [("shelf", "lamp")]


def test_the_oldest_go_first(known, store):
    many = [attrs.evolve(FOUND, version=str(i), created_at=float(i)) for i in range(MAX_ENTRIES + 3)]
    known.remember(store, "shelf", "lamp", many)
    assert {each.version for each in known.recall("shelf", "lamp").values()} == set(map(str, range(3, MAX_ENTRIES + 3)))


@pytest.mark.parametrize(
    "change",
    [
        {"content": "b"},
        {"deltas": {"boxes": -1.0}},
        {"deltas": {"boxes": 1e10}},
        {"deltas": {"boxes": "0"}},
        {"deltas": {str(i): 0 for i in range(33)}},
        {"pictures": -1},
        {"createdAt": 1e300},
        {"version": None},
    ],
)
def test_a_damaged_file_is_put_aside_and_nothing_is_known(known, store, change, caplog):
    known.remember(store, "shelf", "lamp", [FOUND])
    document = json.loads(path(store).read_text())
    document["packages"][0].update(change)
    path(store).write_text(json.dumps(document))
    assert known.recall("shelf", "lamp") == {}
    assert "verifications" in caplog.text
    assert list((store.root / VERIFICATIONS).glob("*.json")) == []


def test_strange_documents_are_read_or_refused(known, store):
    known.remember(store, "shelf", "lamp", [FOUND, OTHER])
    document = json.loads(path(store).read_text())
    found = survey(mutated_documents([document], 2000, seed=5), lambda value: module._read(value, "x"))
    assert (found.escaped, found.accepted_share > 0.1) == ((), True)


def test_strange_bytes_never_stop_a_plan(known, store):
    known.remember(store, "shelf", "lamp", [FOUND])
    file, document = path(store), json.loads(path(store).read_text())
    for content in byte_strings([document], 200, seed=6):
        file.write_bytes(content)
        assert set(known.recall("shelf", "lamp")) <= {FOUND.key} or content != b""


def test_two_that_verify_at_once_keep_both(known, store):
    each = [attrs.evolve(FOUND, version=f"{i}") for i in range(8)]
    threads = [threading.Thread(target=known.remember, args=(store, "shelf", "lamp", [one])) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known.recall("shelf", "lamp")) == 8


def test_a_cache_that_cannot_be_written_keeps_nothing(store):
    read_only = Verifications(Scope(store.root, writable=False))
    assert not read_only.remember(store, "shelf", "lamp", [FOUND])
    assert read_only.recall("shelf", "lamp") == {}


def test_text_that_no_reader_takes_is_not_written(known, store):
    assert not known.remember(store, "shelf", "lamp", [attrs.evolve(FOUND, version="x" * 70_000)])
    assert known.recall("shelf", "lamp") == {}

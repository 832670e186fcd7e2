"""R-16: once a SHA-256, always this SHA-256."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from inference_models_core.errors import HashDowngradeError
from inference_models_core.resolution import pins as pins_module
from inference_models_core.resolution.pins import Pins
from inference_models_core.resolution.scope import Scope
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage

FIRST, SECOND, MD5 = "a" * 64, "b" * 64, "c" * 32
DIGESTS = (None, FIRST, SECOND)


def answer(*files, package="p", model="lamp", directory=None):
    artifacts = [Artifact(handle=handle, sha256=sha256, md5=MD5) for handle, sha256 in files]
    made = ModelPackage(package_id=package, backend="onnx", artifacts=artifacts, directory=directory)
    return ModelMetadata(model_id=model, packages=[made])


@pytest.fixture
def pins(tmp_path):
    return Pins(Scope(tmp_path))


@pytest.mark.parametrize("now", [None, SECOND])
def test_a_weaker_or_another_digest_is_refused_and_says_what_to_do(pins, now):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    with pytest.raises(HashDowngradeError) as caught:
        pins.check("shelf", answer(("w.onnx", now)))
    assert "shelf" in caught.value.message
    assert FIRST in caught.value.message
    assert (now or MD5) in caught.value.message
    assert caught.value.hint.endswith("inference-models cache rm shelf://lamp")


def test_a_refused_answer_changes_nothing(pins):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    with pytest.raises(HashDowngradeError):
        pins.check("shelf", answer(("w.onnx", SECOND), ("new.json", SECOND)))
    pins.check("shelf", answer(("w.onnx", FIRST)))
    pins.check("shelf", answer(("w.onnx", FIRST), ("new.json", FIRST)))


@pytest.mark.parametrize(
    "other",
    [
        ("attic", answer(("w.onnx", SECOND))),
        ("shelf", answer(("w.onnx", SECOND), model="table")),
        ("shelf", answer(("w.onnx", SECOND), package="q")),
        ("shelf", answer(("W.onnx", SECOND))),
        ("shelf", answer(("w.onnx", SECOND), directory=Path("wheel"))),  # a new version that was installed
    ],
)
def test_another_provider_model_package_or_file_is_not_meant(pins, other):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    pins.check(*other)


def test_a_weak_digest_may_become_a_strong_one_and_not_weak_again(pins):
    pins.check("shelf", answer(("w.onnx", None), ("c.json", FIRST)))
    pins.check("shelf", answer(("w.onnx", None), ("c.json", FIRST)))
    pins.check("shelf", answer(("w.onnx", SECOND), ("c.json", FIRST)))
    with pytest.raises(HashDowngradeError):
        pins.check("shelf", answer(("w.onnx", None), ("c.json", FIRST)))


def test_a_new_file_in_a_package_that_had_digests_needs_one(pins):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    with pytest.raises(HashDowngradeError, match="no such file"):
        pins.check("shelf", answer(("other.onnx", None)))


def test_a_package_without_digests_is_not_held_to_any(pins, tmp_path):
    pins.check("shelf", answer(("w.onnx", None)))
    pins.check("shelf", answer(("w.onnx", None), ("new.json", None)))
    assert not (tmp_path / "pins").exists()


def test_forgetting_accepts_the_exchange(pins):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    assert pins.forget("shelf", "lamp")
    assert not pins.forget("shelf", "lamp")
    pins.check("shelf", answer(("w.onnx", SECOND)))


def test_pins_outlive_the_key_of_the_cache(pins, tmp_path):
    Scope(tmp_path).tag("key")
    pins.check("shelf", answer(("w.onnx", FIRST)))
    (tmp_path / "scope.key").unlink()
    with pytest.raises(HashDowngradeError):
        Pins(Scope(tmp_path)).check("shelf", answer(("w.onnx", SECOND)))


def test_a_cache_that_cannot_be_written_still_compares(pins, tmp_path):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    reader = Pins(Scope(tmp_path, writable=False))
    reader.check("shelf", answer(("w.onnx", FIRST), ("new.json", FIRST)))
    with pytest.raises(HashDowngradeError):
        reader.check("shelf", answer(("w.onnx", None)))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_answer_that_says_the_same_writes_nothing(pins, monkeypatch):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    monkeypatch.setattr(pins_module, "write_note", None)
    pins.check("shelf", answer(("w.onnx", FIRST)))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 2, "packages": {}}',
                                     '{"format": 1, "packages": {"p": {"w": "AA"}}}'])  # fmt: skip
def test_damaged_pins_are_put_aside_and_seen_anew(pins, tmp_path, content, caplog):
    pins.check("shelf", answer(("w.onnx", FIRST)))
    (path,) = (tmp_path / "pins").iterdir()
    path.write_text(content)
    pins.check("shelf", answer(("w.onnx", FIRST)))
    assert len(caplog.records) == 1
    assert [kept.read_text() for kept in (tmp_path / "quarantine").iterdir()] == [content]
    with pytest.raises(HashDowngradeError):
        pins.check("shelf", answer(("w.onnx", SECOND)))


def test_two_processes_that_write_at_once_keep_both(tmp_path, monkeypatch):
    write = pins_module.write_note
    interrupted = []

    def write_late(path, document, scope):
        if not interrupted:  # while this process holds what it read, another writes
            interrupted.append(path)
            Pins(Scope(tmp_path)).check("shelf", answer(("w.onnx", FIRST), package="q"))
        return write(path, document, scope)

    monkeypatch.setattr(pins_module, "write_note", write_late)
    Pins(Scope(tmp_path)).check("shelf", answer(("w.onnx", FIRST)))
    # The other's pin was written over; it comes back with the other's next answer, ours is there.
    with pytest.raises(HashDowngradeError):
        Pins(Scope(tmp_path)).check("shelf", answer(("w.onnx", SECOND)))


class ProviderOverTime(RuleBasedStateMachine):
    """A provider that says anything; a dictionary is the model of what must be remembered."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.known = {}

    def teardown(self):
        shutil.rmtree(self.root)

    @initialize()
    def start(self):
        self.pins = Pins(Scope(self.root))

    @rule(
        package=st.sampled_from("pq"),
        files=st.dictionaries(st.sampled_from(("w.onnx", "c.json", "n.txt")), st.sampled_from(DIGESTS), min_size=1),
    )
    def hear(self, package, files):
        pinned = self.known.get(package, {})
        refused = any(
            pinned[handle] != sha256 if pinned.get(handle) else pinned and sha256 is None and handle not in pinned
            for handle, sha256 in files.items()
        )
        if refused:
            with pytest.raises(HashDowngradeError):
                self.pins.check("shelf", answer(*files.items(), package=package))
            return
        self.pins.check("shelf", answer(*files.items(), package=package))
        if any(files.values()):
            self.known[package] = {**pinned, **files}

    @rule()
    def restart(self):
        self.pins = Pins(Scope(self.root))

    @rule()
    def forget(self):
        assert self.pins.forget("shelf", "lamp") is bool(self.known)
        self.known = {}


TestProviderOverTime = ProviderOverTime.TestCase
TestProviderOverTime.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)

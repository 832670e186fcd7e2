"""Weights arrive: from an id at a provider to verified files, and back to them without asking."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time

import attrs
import numpy as np
import pytest
from inference_models_core import AutoModel, LoadOptions, hookimpl
from inference_models_core.errors import (
    CacheLockStalledError,
    CannotOpenHereError,
    CorruptedCacheError,
    DiskFullError,
    DownloadRefusedError,
    HashDowngradeError,
    IntegrityError,
    ModelNotFoundError,
    NoCompatiblePackageError,
    OfflineError,
    PackageError,
    ProviderUnavailableError,
    ReadOnlyCacheError,
    UnauthorizedError,
    UnknownArgumentError,
)
from inference_models_core.store.lease import Lease
from inference_models_core.store.store import Store
from inference_models_core.testing.fault_server import Status
from inference_models_core.types.events import DownloadProgressEvent, FileCreatedEvent, ModelLoadedEvent

BRIGHT = np.full((2, 2, 3), 255, np.uint8)
AGAIN = LoadOptions(use_resolution_cache=False)


def works(loaded):
    return loaded(BRIGHT)[0].class_name == "bright"


def test_fetches_once_and_remembers_the_choice(remote):
    remote.serve_one()
    with remote.load() as first, remote.load() as second:
        assert works(first)
        assert works(second)
        assert first.resolution.remembered_seconds_ago is None
        assert second.resolution.remembered_seconds_ago >= 0
        assert second.resolution.chosen.package.package_id == first.resolution.chosen.package.package_id
    assert remote.fetched == ["/p/weights.loopback"]
    assert remote.asked == ["m/1"]


def test_another_request_is_another_choice_of_the_same_files(remote):
    remote.serve_one()
    for arguments in ({}, {"batch_size": 1}, {"device": "cpu"}):
        remote.load(**arguments).close()
    assert remote.asked == ["m/1"] * 3
    assert remote.fetched == ["/p/weights.loopback"]


def test_the_cached_directory_is_a_package_of_its_own(remote):
    remote.serve_one(recommendedParameters={"confidence": 0.25})
    with remote.load() as fetched:
        directory = AutoModel.find_cached(**remote.arguments())
    options = LoadOptions(host=remote.host)
    with AutoModel.from_pretrained(directory, options=options) as local:
        assert works(local)
        chosen = local.resolution.negotiation.metadata
    assert chosen.recommended_parameters.confidence == 0.25
    assert chosen.architecture == fetched.resolution.negotiation.metadata.architecture


@pytest.mark.parametrize("digests", ["md5", None])
def test_files_without_sha256_are_stored_under_the_one_computed_here(remote, digests):
    remote.serve_one(digests=digests)
    options = LoadOptions(allow_unhashed_files=digests is None)
    remote.load(options=options).close()
    assert works(remote.load(options=attrs.evolve(options, use_resolution_cache=False)))
    assert works(remote.load(options=options, local_files_only=True))
    assert remote.fetched == ["/p/weights.loopback"]
    assert (remote.cache / "blobs" / (name := hashlib.sha256(remote.graph).hexdigest())[:2] / name).is_file()


def test_files_without_any_digest_have_to_be_allowed(remote):
    remote.serve_one(digests=None)
    with pytest.raises(IntegrityError, match="no digest") as caught:
        remote.load()
    assert "allow_unhashed_files=True" in caught.value.hint
    assert remote.fetched == []


def test_wrong_content_is_never_loaded(remote):
    remote.serve_one()
    remote.server.add("/p/weights.loopback", remote.graph.replace(b"sum", b"max"))
    with pytest.raises(IntegrityError):
        remote.load()
    assert not [path for path in (remote.cache / "blobs").rglob("*") if path.is_file()]


def test_force_download_asks_and_fetches_again(remote):
    remote.serve_one()
    for _ in range(2):
        assert works(remote.load(force_download=True))
    assert remote.asked == ["m/1"] * 2
    assert remote.fetched == ["/p/weights.loopback"] * 2


def test_an_expired_signature_is_renewed_by_asking_again(remote):
    document = remote.model(remote.package("p", {"weights.loopback": remote.graph}))
    remote.serve(document)
    remote.query = "?signature=old"
    renewed = threading.Event()

    class Renewing(type(remote.models)):
        def __getitem__(self, key):
            if len(remote.asked) > 1:
                remote.query = "?signature=new"
                remote.server.add("/p/weights.loopback", remote.graph)
                renewed.set()
            return super().__getitem__(key)

    remote.models = Renewing(remote.models)
    remote.server.add("/p/weights.loopback", remote.graph, Status(403))
    assert works(remote.load())
    assert renewed.is_set()
    assert [request.query for request in remote.server.requests] == ["signature=old", "signature=new"]


def test_a_refusal_that_asking_again_does_not_mend(remote):
    remote.serve_one(Status(403))
    remote.query = "?signature=topsecret"
    with pytest.raises(DownloadRefusedError) as caught:
        remote.load()
    assert "topsecret" not in str(caught.value)
    assert len(remote.asked) == 2


@pytest.mark.parametrize("handle", ["../escaped", "/absolute", "a/../../b", "C:\\x", "nul", "model_config.json"])
def test_names_that_a_provider_makes_up_never_leave_the_package(remote, handle):
    remote.serve_one()

    def rename(metadata):
        (found,) = metadata.packages
        artifacts = [attrs.evolve(found.artifacts[0], handle=handle)]
        return attrs.evolve(metadata, packages=[attrs.evolve(found, artifacts=artifacts)])

    remote.tamper = rename  # a provider that builds its packages by hand
    with pytest.raises((PackageError, NoCompatiblePackageError)):
        remote.load()
    assert remote.fetched == []


def test_the_same_content_under_two_names_is_fetched_once(remote):
    files = {"weights.loopback": remote.graph, "copy/weights.bin": remote.graph}
    remote.serve(remote.model(remote.package("p", files)), files={f"/p/{name}": remote.graph for name in files})
    assert works(remote.load())
    assert len(remote.fetched) == 1


def test_a_damaged_cache_mends_itself_online_and_says_so_offline(remote, caplog):
    remote.serve_one()
    remote.load().close()
    for path in [*remote.cache.rglob("weights.loopback"), *(remote.cache / "blobs").rglob("*")]:
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"x" * len(remote.graph))
    with pytest.raises(CorruptedCacheError) as caught:
        remote.load(local_files_only=True)
    expected = hashlib.sha256(remote.graph).hexdigest()
    found = hashlib.sha256(b"x" * len(remote.graph)).hexdigest()
    for part in (str(remote.cache / "blobs" / expected[:2] / expected), found, "inference-models pull remote://m/1"):
        assert part in str(caught.value)
    with pytest.raises(NoCompatiblePackageError, match="not-cached"):  # it was put aside, and is not here any more
        remote.load(local_files_only=True)
    assert works(remote.load())
    assert remote.fetched == ["/p/weights.loopback"] * 2
    assert list((remote.cache / "quarantine").iterdir())


def test_files_changed_while_they_are_read_are_not_used(remote, monkeypatch):
    remote.serve_one()
    seen = []

    def changed(self):
        seen.append(self.directory)
        return len(seen) >= 3

    monkeypatch.setattr(Lease, "check_unchanged", changed)
    assert works(remote.load())
    assert len(seen) == 3
    monkeypatch.setattr(Lease, "check_unchanged", lambda self: False)
    with pytest.raises(IntegrityError, match="changed while they were read"):
        remote.load()


def test_observers_hear_of_bytes_files_and_every_load(remote):
    events = []

    class Observer:
        @hookimpl
        def on_event(self, event):
            events.append(event)

    remote.host.register(Observer(), "observer")
    remote.serve_one()
    remote.load().close()
    remote.load().close()
    progress = [event for event in events if isinstance(event, DownloadProgressEvent)]
    assert progress[-1].received == progress[-1].total == len(remote.graph)
    assert [event.path.name for event in events if isinstance(event, FileCreatedEvent)] == ["weights.loopback"]
    assert len([event for event in events if isinstance(event, ModelLoadedEvent)]) == 2


# Without a network, and when a provider is down


def test_offline_serves_what_is_cached_and_says_what_is_not(remote):
    remote.serve_one()
    with pytest.raises(OfflineError) as caught:
        remote.load(local_files_only=True)
    assert "inference-models pull remote://m/1" in caught.value.hint
    remote.load().close()
    assert works(remote.load(local_files_only=True))
    assert works(remote.load(local_files_only=True, batch_size=1))  # another request: decided anew, from the answer
    assert remote.asked == ["m/1"]


def test_offline_uses_the_package_that_is_there(remote):
    files = {"weights.loopback": remote.graph}
    other = {"weights.loopback": remote.graph + b" "}
    remote.serve(
        remote.model(remote.package("a", other), remote.package("b", files)),
        files={"/b/weights.loopback": remote.graph},
    )
    remote.load(model_package_id="b").close()
    with remote.load(local_files_only=True) as loaded:
        assert loaded.resolution.chosen.package.package_id == "b"
        (rejection,) = loaded.resolution.negotiation.rejected
    assert (rejection.code, rejection.package_id) == ("not-cached", "a")
    with pytest.raises(NoCompatiblePackageError, match=r"weights\.loopback") as caught:
        remote.load(local_files_only=True, model_package_id="a")
    assert "inference-models pull remote://m/1 --package a" in str(caught.value)


def test_another_key_does_not_find_what_is_remembered(remote):
    remote.serve_one()
    remote.load(api_key="mine").close()
    with pytest.raises(OfflineError):
        remote.load(api_key="theirs", local_files_only=True)
    assert works(remote.load(api_key="mine", local_files_only=True))
    remote.load(api_key="theirs").close()
    assert remote.asked == ["m/1"] * 2


@pytest.mark.parametrize("age", [-3600.0, 25 * 3600.0, 70 * 365 * 86400.0, -70 * 365 * 86400.0])
def test_a_provider_that_is_down(remote, caplog, age):
    remote.serve_one()
    remote.load().close()
    remembered = {path: path.read_bytes() for path in remote.cache.glob("[ac]*s/*.json")}
    now = time.time()
    for path, content in remembered.items():
        document = json.loads(content)
        document["createdAt"] = now - age
        path.write_text(json.dumps(document))
    before = {path: path.read_bytes() for path in remembered}
    remote.error = ProviderUnavailableError("the provider is down")
    with pytest.raises(ProviderUnavailableError):
        remote.load(options=LoadOptions(offline_fallback="strict"))
    assert {path: path.read_bytes() for path in remembered} == before
    assert works(remote.load())
    assert "using what it said before" in caplog.text


def test_a_provider_that_was_down_is_asked_again_as_soon_as_it_is_up(remote):
    remote.serve_one()
    remote.load().close()
    (path,) = remote.cache.glob("choices/*.json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "createdAt": document["createdAt"] - 7 * 86400}))
    remote.error = ProviderUnavailableError("the provider is down")
    remote.load().close()
    remote.error = None
    asked = len(remote.asked)
    remote.load().close()
    assert len(remote.asked) == asked + 1


def test_what_was_worth_a_warning_is_so_again_on_a_hit(remote, caplog):
    remote.serve_one()
    remote.load().close()
    (path,) = remote.cache.glob("choices/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "warnings": ["a GPU stays unused"]}))
    with remote.load() as loaded:
        assert loaded.resolution.negotiation.warnings == ("a GPU stays unused",)
    assert "remote://m/1: a GPU stays unused" in caplog.messages
    assert remote.asked == ["m/1"]


@pytest.mark.parametrize("error", [UnauthorizedError("no"), ModelNotFoundError("gone")])
def test_a_provider_that_says_no_is_not_overruled_by_memory(remote, error):
    remote.serve_one()
    remote.load().close()
    remote.error = error
    with pytest.raises(type(error)):
        remote.load(options=AGAIN)


def test_a_read_only_cache_names_what_is_missing(remote, monkeypatch):
    remote.serve_one()
    remote.cache.mkdir(mode=0o700)
    monkeypatch.setattr("inference_models_core.store.store.os.access", lambda *_: False)
    with pytest.raises(ReadOnlyCacheError, match=r"weights\.loopback"):
        remote.load()
    assert not list(remote.cache.rglob("*.part"))


def test_promising_less_than_before_is_refused(remote):
    remote.serve_one()
    remote.load().close()
    remote.serve_one(digests="md5")
    with pytest.raises(HashDowngradeError):
        remote.load(options=AGAIN)


# Pulling


def test_pull_fetches_and_opens_nothing(remote):
    remote.serve_one()
    (pulled,) = AutoModel.pull(**remote.arguments())
    assert pulled.is_new
    assert pulled.size == len(remote.graph)
    assert (pulled.directory / "weights.loopback").read_bytes() == remote.graph
    (again,) = AutoModel.pull(**remote.arguments())
    assert not again.is_new
    assert works(remote.load(local_files_only=True))


def test_pull_all_packages_fetches_those_for_other_machines_too(remote):
    content = b"for another machine"
    other = remote.package("elsewhere", {"weights.loopback": content})
    other["packageManifest"] = {"type": "trt-model-package-v1"}
    document = remote.model(remote.package("p", {"weights.loopback": remote.graph}), other)
    remote.serve(document, files={"/p/weights.loopback": remote.graph, "/elsewhere/weights.loopback": content})
    pulled = AutoModel.pull(all_packages=True, **remote.arguments())
    assert {each.package.package_id for each in pulled} == {"p", "elsewhere"}
    assert pulled[1].directory.joinpath("weights.loopback").read_bytes() == content


def test_find_cached_opens_no_connection(remote):
    remote.serve_one()
    assert AutoModel.find_cached(**remote.arguments()) is None
    assert remote.asked == []
    remote.load().close()
    found = AutoModel.find_cached(**remote.arguments())
    assert sorted(path.name for path in found.iterdir()) == ["model_config.json", "weights.loopback"]
    for path in (remote.cache / "models").rglob("weights.loopback"):
        path.parent.chmod(0o700)
        path.unlink()
    for path in (remote.cache / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert AutoModel.find_cached(**remote.arguments()) is None


# Dependencies


DEPENDENCY = {"type": "model-dependency-v1", "name": "helper", "modelId": "h/1"}


def test_options_of_a_dependency_that_does_not_exist(remote):
    remote.serve_one()
    with pytest.raises(UnknownArgumentError, match="helpr"):
        remote.load(options=LoadOptions(dependency_options={"helpr": {}}))
    remote.serve_one(modelDependencies=[DEPENDENCY])
    remote.serve_one(model_id="h/1")
    with pytest.raises(UnknownArgumentError, match="helpr"):
        remote.load(options=LoadOptions(dependency_options={"helpr": {}}))


def test_a_dependency_that_is_told_otherwise(remote):
    remote.serve_one(modelDependencies=[DEPENDENCY])
    remote.serve_one(model_id="h/1")
    with pytest.raises(NoCompatiblePackageError, match="cuda"):
        remote.load(options=LoadOptions(dependency_options={"helper": {"device": "cuda"}}))
    options = LoadOptions(dependency_options={"helper": {"device": "cpu"}})
    assert works(remote.load(options=options))
    remote.asked.clear()
    assert works(remote.load(options=options))
    assert remote.asked == []


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may own a file for another")
def test_a_cache_that_others_can_write_is_refused(remote):
    from inference_models_core.errors import UnsafeCacheError

    remote.serve_one()
    remote.cache.mkdir(mode=0o777)
    remote.cache.chmod(0o777)
    with pytest.raises(UnsafeCacheError):
        remote.load()
    assert remote.fetched == []


def _disk_full(*_):
    raise DiskFullError("full", path="x", needed=2, available=1)


def _stalled(*_, **__):
    raise CacheLockStalledError("stalled")


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda remote, _: remote.server.add("/a/weights.loopback", b"", Status(404)), DownloadRefusedError),
        (lambda remote, _: remote.server.add("/a/weights.loopback", b"x" * (len(remote.graph) + 1)), IntegrityError),
        (lambda _, patch: patch.setattr(Store, "reserve", _disk_full), DiskFullError),
        (lambda _, patch: patch.setattr(Store, "lock", _stalled), CacheLockStalledError),
        (lambda _, patch: patch.setattr(Store, "place_package", _cancelled), KeyboardInterrupt),
        (lambda _, patch: patch.setattr(Store, "place_package", _out_of_memory), MemoryError),
    ],
    ids=["refused", "wrong content", "disk", "lock", "cancelled", "memory"],
)
def test_only_incompatibility_lets_the_next_package_try(remote, monkeypatch, break_it, expected):
    first, second = {"weights.loopback": remote.graph + b" "}, {"weights.loopback": remote.graph}
    remote.serve(
        remote.model(remote.package("a", first), remote.package("b", second)),
        files={"/a/weights.loopback": first["weights.loopback"], "/b/weights.loopback": remote.graph},
    )
    break_it(remote, monkeypatch)
    with pytest.raises(expected) as caught:
        remote.load()
    assert not isinstance(caught.value, CannotOpenHereError)
    assert "/b/weights.loopback" not in remote.fetched


def _cancelled(*_):
    raise KeyboardInterrupt


def _out_of_memory(*_):
    raise MemoryError


def test_the_environment_chooses_the_cache_where_the_call_does_not(remote, tmp_path, monkeypatch):
    remote.serve_one()
    chosen = tmp_path / "chosen"
    monkeypatch.setenv("INFERENCE_MODELS_CACHE", str(chosen))
    remote.load(cache_dir=None).close()
    assert (chosen / "CACHEDIR.TAG").is_file()
    assert not remote.cache.exists()
    remote.load().close()
    assert (remote.cache / "CACHEDIR.TAG").is_file()

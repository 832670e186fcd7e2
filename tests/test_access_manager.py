"""A host application's rules and pool of models, as the plugin `examples/access_manager.py` has them, on real loads."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import access_manager
import inference_models_provider_samples
import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.errors import AccessDeniedError, ModelClosedError, NoCompatiblePackageError
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.types.events import CandidateTriedEvent
from reliability import children, tiny
from reliability.served import serve

SAMPLES = Path(inference_models_provider_samples.__file__).parent
PICTURE = SAMPLES / "pictures" / "wood.jpg"


@pytest.fixture
def contracts():
    """Key -> ids of models that it may load; canonical ids and aliases alike."""
    return {"paid": {"samples/shapes-detector", "shapes-detector", "tiny", "other"}, "": set(), "small": {"tiny"}}


@pytest.fixture
def manager(contracts):
    return access_manager.AccessManager(
        may_load=lambda key, model_id: model_id in contracts.get(key, ()), licences={"Apache-2.0"}, capacity=2
    )


@pytest.fixture
def server(monkeypatch):
    with FaultServer() as server:
        monkeypatch.setenv("HTTP_FOLDER_URL", server.origin)
        yield server


class Opened:
    """Notes which packages are about to be opened."""

    def __init__(self):
        self.references = []

    @hookimpl
    def on_event(self, event):
        if isinstance(event, CandidateTriedEvent):
            self.references.append(event.model_id)


@pytest.fixture
def host(manager, monkeypatch):
    monkeypatch.syspath_prepend(children.EXAMPLE)
    import inference_models_provider_http_folder.plugin as http_folder

    host = PluginHost()
    if "http-folder" not in {record.identity.name for record in host.records()}:  # else it is installed here
        host.register(http_folder, "http-folder", "1")
    host.register(tiny, "tiny", "1")
    host.register(manager, "access-manager", "1")
    return host


@pytest.fixture
def load(host, tmp_path):
    def load(reference, key="paid", **arguments):
        options = LoadOptions(host=host, progress=False, **arguments.pop("options", {}))
        cache = tmp_path / "cache"
        return AutoModel.from_pretrained(reference, api_key=key, cache_dir=cache, options=options, **arguments)

    return load


def test_the_plugin_is_under_eighty_lines():
    assert len(Path(access_manager.__file__).read_text(encoding="utf-8").splitlines()) < 80


def test_a_model_is_refused_before_anybody_is_asked(load, server):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    for key in ("", "unknown"):
        with pytest.raises(AccessDeniedError, match="not-in-contract"):
            load("httpfolder://tiny", key)
    assert server.requests == []


def test_a_second_load_is_the_pooled_instance(load, server, manager, tmp_path):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    first = load("httpfolder://tiny")
    requests = len(server.requests)
    (package,) = tmp_path.glob("cache/models/*/p-*")
    (package / "weights.bin").chmod(0o600)
    (package / "weights.bin").write_bytes(b"nobody reads this")
    assert load("httpfolder://tiny") is first
    assert load("httpfolder://tiny", "small") is first  # another key that may: what it may not see is not in a model
    assert {request.path for request in server.requests[requests:]} <= {"/tiny/index.json"}  # asked for the other key


def test_the_pool_tells_requests_apart(load, manager):
    first = load("samples/shapes-detector", options={"max_image_pixels": 10_000_000})
    assert load("samples/shapes-detector", options={"max_image_pixels": 20_000_000}) is not first
    assert load("samples/shapes-detector", options={"max_image_pixels": 10_000_000}) is first


def test_the_pool_serves_real_models(load):
    model = load("samples/shapes-detector")
    assert load("samples/shapes-detector") is model
    assert load("samples://shapes-detector") is model
    assert len(model(PICTURE)[0]) > 0


def test_grants_aliases_and_files_are_known(load, server, manager):
    model = serve(server, {"weights.bin": b"x", "names.txt": b"y"}, licence="Apache-2.0")
    content, _ = server._resources["/tiny/index.json"]
    server.add("/other/index.json", content)
    server.add("/other/p/weights.bin", b"x")
    server.add("/other/p/names.txt", b"y")
    load("httpfolder://other")
    assert manager.aliases == {"httpfolder://other": "tiny"}
    assert manager.grants == {("tiny", "p")}
    assert {path.name for path in manager.files["tiny"]} == set(model.digests)
    assert all(path.exists() for path in manager.files["tiny"])


def test_a_revoked_key_is_refused_on_a_cached_model(load, server, contracts, manager):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    load("httpfolder://tiny")
    contracts["paid"].clear()
    requests = len(server.requests)
    with pytest.raises(AccessDeniedError, match="not-in-contract"):
        load("httpfolder://tiny")
    assert len(server.requests) == requests


def test_an_alias_does_not_open_what_its_model_is_refused_for(load, server, contracts):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    content, _ = server._resources["/tiny/index.json"]
    server.add("/other/index.json", content)
    contracts["paid"].discard("tiny")
    with pytest.raises(AccessDeniedError, match="may not load tiny"):
        load("httpfolder://other")
    assert not [request for request in server.requests if request.path.endswith("weights.bin")]


def test_a_change_of_policy_rejects_what_is_cached(load, server, manager):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    load("httpfolder://tiny")
    manager.evict("tiny")
    assert load("httpfolder://tiny").resolution.remembered_seconds_ago is not None
    manager.licences = {"MIT"}
    with pytest.raises(NoCompatiblePackageError, match=r"licence Apache-2\.0 is not allowed here"):
        load("httpfolder://tiny")
    assert sum(request.path.endswith("weights.bin") for request in server.requests) == 1


def test_evicted_models_are_closed(load, manager):
    model = load("samples/shapes-detector")
    manager.evict("samples/shapes-detector")
    with pytest.raises(ModelClosedError):
        model(PICTURE)
    assert load("samples/shapes-detector") is not model


def test_the_oldest_makes_room(load, manager):
    models = [load("samples/shapes-detector", options={"max_image_pixels": 10**7 + n}) for n in range(3)]
    with pytest.raises(ModelClosedError):
        models[0](PICTURE)
    for model in models[1:]:
        assert len(model(PICTURE)) == 1


def test_a_dependency_is_not_pooled(load, server, manager):
    serve(server, {"weights.bin": b"child"}, name="other", licence="Apache-2.0")
    needs = [{"name": "part", "modelId": "other"}]
    serve(server, {"weights.bin": b"parent"}, name="tiny", dependencies=needs, licence="Apache-2.0")
    parent = load("httpfolder://tiny")
    assert load("httpfolder://other") is not parent.dependencies["part"]


def test_threads_that_load_at_once_end_with_one_pooled_model(load, manager):
    found = []
    threads = [threading.Thread(target=lambda: found.append(load("samples/shapes-detector"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert load("samples/shapes-detector") in found


def test_what_is_remembered_is_used_although_gates_are_there(load, server, host, manager, tmp_path):
    """The plugin has a version, so choices are remembered; its gates run all the same."""
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    load("httpfolder://tiny")
    manager.evict("tiny")
    requests = len(server.requests)
    opened = Opened()
    host.register(opened, "opened", "1")
    load("httpfolder://tiny")
    assert opened.references == ["tiny"]
    assert len(server.requests) <= requests + 1  # another plugin is another set of plugins: the choice is made anew
    manager.evict("tiny")
    requests = len(server.requests)
    load("httpfolder://tiny")
    assert len(server.requests) == requests


def test_the_key_is_nowhere_in_what_the_manager_keeps(load, server, manager, capsys):
    serve(server, {"weights.bin": b"x"}, licence="Apache-2.0")
    load("httpfolder://tiny")
    kept = {name: value for name, value in vars(manager).items() if name != "may_load"}
    assert "paid" not in json.dumps(kept, default=repr)
    assert "paid" not in repr(sys.exc_info())

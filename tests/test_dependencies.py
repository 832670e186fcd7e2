"""Models that need other models, fetched through the same path."""

from __future__ import annotations

import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost
from inference_models_core.errors import InvalidRequestError, ModelClosedError, NegotiationError
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Status
from reliability import children, tiny
from reliability.served import serve

NEEDS = [{"name": "backbone", "modelId": "backbone"}]


@pytest.fixture
def server(monkeypatch):
    with FaultServer() as server:
        monkeypatch.setenv("HTTP_FOLDER_URL", server.origin)
        server.backbone = serve(server, {"weights.bin": b"of the backbone"}, name="backbone")
        server.parent = serve(server, {"weights.bin": b"of the parent"}, name="parent", dependencies=NEEDS)
        yield server


@pytest.fixture
def load(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(children.EXAMPLE)
    import inference_models_provider_http_folder.plugin as http_folder

    host = PluginHost(discover=False)
    host.register(http_folder, "http-folder", "1")
    host.register(tiny, "tiny", "1")

    def load(reference="httpfolder://parent", options=None, **arguments):
        said = LoadOptions(host=host, progress=False, **(options or {}))
        return AutoModel.from_pretrained(reference, cache_dir=tmp_path / "cache", options=said, **arguments)

    return load


def test_both_are_fetched_once_and_handed_over_by_name(load, server, tmp_path):
    for _ in range(2):
        model = load()
        assert model() == dict(server.parent.digests)
        assert model.dependencies["backbone"]() == dict(server.backbone.digests)
    for served in (server.parent, server.backbone):
        assert served.gets(server) == {"weights.bin": 1}
    kept = {path.read_bytes() for path in tmp_path.glob("cache/models/*/*/weights.bin")}
    assert kept == {b"of the parent", b"of the backbone"}


def test_both_work_offline_afterwards(load, server, monkeypatch):
    load()
    requests = len(server.requests)
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    for use_choices in (True, False):
        model = load(options={"use_resolution_cache": use_choices})
        assert model.dependencies["backbone"]() == dict(server.backbone.digests)
    assert len(server.requests) == requests


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_dependency_is_where_its_parent_is(load, server, device):
    model = load(device=device)
    assert (model.device, model.dependencies["backbone"].device) == (device, device)


def test_unless_told_otherwise(load, server):
    wishes = {"dependency_options": {"backbone": {"device": "cpu", "said": "hello"}}}
    model = load(device="cuda:0", options=wishes)
    backbone = model.dependencies["backbone"]
    assert (model.device, model.said, backbone.device, backbone.said) == ("cuda:0", None, "cpu", "hello")


def test_a_wish_for_a_dependency_that_there_is_none_of(load, server):
    with pytest.raises(InvalidRequestError, match=r"backbon.*backbone"):
        load(options={"dependency_options": {"backbon": {"device": "cpu"}}})


def test_it_is_closed_with_its_parent(load, server):
    model = load()
    backbone = model.dependencies["backbone"]
    model.close()
    with pytest.raises(ModelClosedError):
        backbone()


def test_it_is_closed_if_its_parent_cannot_be_built(load, server, monkeypatch):
    made = []
    real = tiny.Digests.__init__

    def noted(self, *arguments):
        made.append(self)
        real(self, *arguments)

    monkeypatch.setattr(tiny.Digests, "__init__", noted)
    server.add(server.parent.paths["weights.bin"], b"", Status(404))
    with pytest.raises(ConnectionError, match="weights"):
        load()
    assert [model.is_closed for model in made] == [True]


def test_one_level_and_no_more(load, server):
    serve(server, {"weights.bin": b"x"}, name="deep", dependencies=[{"name": "parent", "modelId": "parent"}])
    with pytest.raises(NegotiationError, match="one level"):
        load("httpfolder://deep")


def test_one_that_is_its_own_dependency(load, server):
    serve(server, {"weights.bin": b"x"}, name="loop", dependencies=[{"name": "again", "modelId": "loop"}])
    with pytest.raises(NegotiationError, match="one level"):
        load("httpfolder://loop")


def test_one_package_of_it(load, server):
    needs = [{"name": "backbone", "modelId": "backbone", "modelPackageId": "nowhere"}]
    serve(server, {"weights.bin": b"x"}, name="parent", dependencies=needs)
    with pytest.raises(NegotiationError, match="nowhere"):
        load()

"""A model on an HTTP server, and a provider that knows it: what these tests load."""

from __future__ import annotations

import hashlib
import json
import sys
from types import ModuleType

import attrs
import inference_models_core.testing.loopback.plugin as loopback
import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.errors import ModelNotFoundError
from inference_models_core.providers.documents import read_model
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.types.packages import DownloadAccess
from inference_models_core.types.providers import WeightsProviderSpec

GRAPH = json.dumps(
    {
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["n", "h", "w", 3]}],
        "outputs": [{"name": "sum", "compute": "sum", "shape": ["n"]}],
    }
).encode()
MANIFEST = {"type": "loopback-model-package-v1", "backendType": "loopback"}


def package(package_id, files, digests="sha256", **more):
    """A package's document; ``files`` are names with contents, ``digests`` what is promised about them."""
    return {
        "type": "external-model-package-v1",
        "packageId": package_id,
        "packageManifest": MANIFEST,
        "packageFiles": [file(package_id, name, content, digests) for name, content in files.items()],
        **more,
    }


def file(package_id, name, content, digests):
    promised = {"fileHandle": name, "downloadUrl": f"/{package_id}/{name}"}
    if digests == "sha256":
        promised |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    if digests == "md5":
        promised |= {"md5Hash": hashlib.md5(content).hexdigest()}
    return promised


def model(*packages, model_id="m/1", **more):
    return {
        "type": "external-model-metadata-v1",
        "modelId": model_id,
        "modelArchitecture": "brightness",
        "taskType": "classification",
        "modelPackages": list(packages),
        **more,
    }


class Remote:
    """The server, the models it knows, and loading from it.

    Attributes:
        models: Asked id -> document.
        asked: Ids the provider was asked for.
        query: Appended to every URL in documents: a signature.
        error: What the provider raises instead of answering.
        tamper: What the provider's own code does to its answer.
    """

    graph = GRAPH
    package = staticmethod(package)
    model = staticmethod(model)

    def __init__(self, server: FaultServer, cache, monkeypatch) -> None:
        self.server, self.cache = server, cache
        self.models, self.asked, self.query, self.error, self.tamper = {}, [], "", None, lambda metadata: metadata
        self.spec = {}
        module = ModuleType("remote_for_tests")
        module.Provider = lambda context: _Provider(self, context)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        self.host = PluginHost(discover=False)
        self.host.register(loopback, "loopback", "1")
        self.host.register(_Plugin(self), "remote", "1")

    def serve(self, document, *faults, files=None):
        self.models[document["modelId"]] = document
        for name, content in (files or {}).items():
            self.server.add(name, content, *faults)
        return document

    def serve_one(self, *faults, content=GRAPH, digests="sha256", model_id="m/1", **more):
        """A model with one package of one graph."""
        document = model(package("p", {"weights.loopback": content}, digests), model_id=model_id, **more)
        return self.serve(document, *faults, files={"/p/weights.loopback": content})

    def arguments(self, reference="m/1", **arguments):
        options = attrs.evolve(arguments.pop("options", LoadOptions()), host=self.host, progress=False)
        return {"model_id_or_path": f"remote://{reference}", "cache_dir": self.cache, "options": options, **arguments}

    def load(self, reference="m/1", **arguments):
        return AutoModel.from_pretrained(**self.arguments(reference, **arguments))

    @property
    def fetched(self):
        """Paths in the order they were asked for."""
        return [request.path for request in self.server.requests]


class _Plugin:
    def __init__(self, remote):
        self._remote = remote

    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="remote", factory="remote_for_tests:Provider", **self._remote.spec)


class _Provider:
    def __init__(self, remote, context):
        self._remote, self._context = remote, context

    def resolve(self, model_id, *, revision=None):
        remote = self._remote
        remote.asked.append(model_id)
        if remote.error is not None:
            raise remote.error
        if model_id not in remote.models:
            raise ModelNotFoundError(f"no {model_id}")
        text = json.dumps(remote.models[model_id])
        origin = remote.server.url("").rstrip("/")
        document = json.loads(text.replace('"downloadUrl": "/', f'"downloadUrl": "{origin}/'))
        for each in document["modelPackages"]:
            for promised in each["packageFiles"]:
                promised["downloadUrl"] += remote.query
        metadata = read_model(document, "answer", self._context.read_manifest)
        return remote.tamper(attrs.evolve(metadata, download_access=DownloadAccess(origins=[origin])))


@pytest.fixture
def remote(tmp_path, monkeypatch):
    with FaultServer() as server:
        yield Remote(server, tmp_path / "cache", monkeypatch)

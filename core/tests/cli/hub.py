"""A weights provider with a network: a folder of documents, files behind a real server."""

from __future__ import annotations

import hashlib
import json

from inference_models_core.testing.fault_server import FaultServer

PLUGIN = """
import json, os
import attrs
from inference_models_core.errors import ModelNotFoundError, ProviderUnavailableError
from inference_models_core.hookspecs import hookimpl
from inference_models_core.providers.documents import read_model
from inference_models_core.types.packages import DownloadAccess
from inference_models_core.types.providers import WeightsProviderSpec

INFERENCE_MODELS_API = "0.1"

@hookimpl
def register_weights_providers():
    yield WeightsProviderSpec(name="hub", factory="hub_plugin:Hub")

class Hub:
    def __init__(self, context):
        self.context = context

    def resolve(self, model_id, *, revision=None):
        assert not self.context.offline
        if not os.path.exists(os.environ["HUB_INDEX"]):
            raise ProviderUnavailableError("the hub is down")
        with open(os.environ["HUB_INDEX"]) as file:
            index = json.load(file)
        document = index["models"].get(index["aliases"].get(model_id, model_id))
        if document is None:
            raise ModelNotFoundError(f"the hub has no {model_id}")
        metadata = read_model(document, "the hub's answer", self.context.read_manifest)
        return attrs.evolve(metadata, download_access=DownloadAccess(origins=[index["origin"]]))
"""
GRAPH = json.dumps(
    {"inputs": [{"name": "x", "dtype": "float32", "shape": ["n"]}], "outputs": [{"name": "y", "compute": "affine"}]}
).encode()
FILES = {"weights.loopback": GRAPH, "notes/readme.txt": b"a duck, or not"}
CANARY = "signature-that-nobody-may-see"


class Hub:
    """What the provider says, and the server that its URLs lead to."""

    def __init__(self, server: FaultServer, index) -> None:
        self.server = server
        self._index = index
        self._models: dict = {}
        self._aliases: dict = {}
        self._write()

    def publish(self, model_id="ducks/1", packages=None, *, revision="1", alias=None, needs=(), backend="loopback"):
        """Publishes a model; ``packages`` is package id -> handle -> content."""
        packages = {"small": FILES} if packages is None else packages
        self._models[model_id] = {
            "modelId": model_id,
            "modelArchitecture": "toy",
            "taskType": "object-detection",
            "revision": revision,
            "modelDependencies": [{"name": name, "modelId": name} for name in needs],
            "modelPackages": [self._package(model_id, *each, backend) for each in packages.items()],
        }
        if alias:
            self._aliases[alias] = model_id
        self._write()

    def _package(self, model_id, package_id, files, backend):
        return {
            "packageId": package_id,
            "packageManifest": {"type": "inference-models-package-v1", "backendType": backend},
            "packageFiles": [self._file(model_id, package_id, *each) for each in files.items()],
        }

    def _file(self, model_id, package_id, handle, content):
        url = self.server.add(f"/{model_id}/{package_id}/{handle}", content)
        digest = hashlib.sha256(content).hexdigest()
        return {
            "fileHandle": handle, "sha256": digest, "size": len(content), "downloadUrl": f"{url}?signature={CANARY}"
        }  # fmt: skip

    def forget(self, model_id):
        """Takes a model from the provider."""
        del self._models[model_id]
        self._write()

    def go_down(self):
        """Ends the network: no answers, no files."""
        self._index.unlink()
        self.server.__exit__()

    def _write(self):
        index = {"origin": self.server.origin, "models": self._models, "aliases": self._aliases}
        self._index.write_text(json.dumps(index))

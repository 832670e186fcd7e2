"""The API on loopback, and stand-ins for backends that read package manifests of every type."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qsl, unquote

import attrs
import pytest
from inference_models_core import LoadOptions, PluginHost, hookimpl
from inference_models_core.auto_model import load_request
from inference_models_core.network.retries import Clock
from inference_models_core.providers.context import provider_context
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.types.backends import BackendDetails, BackendSpec, BatchSupport

sys.path.insert(0, str(Path(__file__).parent))
from roboflow_answers import MANIFEST_TYPES, PATH, model

VARIABLES = ("ROBOFLOW_API_KEY", "ROBOFLOW_API_HOST", "ROBOFLOW_REGION", "ROBOFLOW_ENVIRONMENT", "SECURE_GATEWAY",
             "LICENSE_SERVER", "INFERENCE_MODELS_OFFLINE", "HF_HUB_OFFLINE")  # fmt: skip


class Api:
    """The API: serves pages by their cursor."""

    def __init__(self, server):
        self.server = server
        self.answer(model())

    def answer(self, *pages, faults=()):
        """Pages by cursor: the first, then what ``startAfter`` asks for, as ``(cursor, page)``."""
        by_cursor = dict(page if isinstance(page, tuple) else (None, page) for page in pages)

        def content(request):
            return json.dumps({"modelMetadata": by_cursor[dict(parse_qsl(request.query)).get("startAfter")]}).encode()

        self.server.add(PATH, content, *faults)

    def fail(self, *faults):
        self.server.add(PATH, b"{}", *faults)

    @property
    def questions(self):
        return [parse_qsl(unquote(request.query) if "url=" in request.query else request.query)
                for request in self.server.requests]  # fmt: skip


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def api(server, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROBOFLOW_API_HOST", server.origin)
    return Api(server)


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between tries, which take no time."""
    taken = []
    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: taken.append(seconds))
    return taken


def _parser(backend):
    def parse(manifest, readers):
        fields = readers.Fields(manifest, "packageManifest")
        static = fields.integer("staticBatchSize", None, minimum=1)
        return BackendDetails(
            backend=backend,
            quantization=fields.text("quantization"),
            batch=BatchSupport(static=static),
            requirements=dict(manifest),
        )

    return parse


@pytest.fixture
def host(monkeypatch):
    """A host with a backend for each manifest type but those that are removed with ``host.without(type)``."""
    module = ModuleType("roboflow_test_parsers")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for number, backend in enumerate(MANIFEST_TYPES.values()):
        setattr(module, f"parse{number}", _parser(backend))

    def make(*without):
        class Backends:
            @hookimpl
            def register_backends(self):
                for number, (kind, backend) in enumerate(MANIFEST_TYPES.items()):
                    if kind not in without:
                        parsers = {kind: f"roboflow_test_parsers:parse{number}"}
                        yield BackendSpec(name=backend, kind="own", parsers=parsers)

        host = PluginHost(discover=False)
        host.register(Backends(), "backends", "1")
        return host

    return make


@pytest.fixture
def provider(api, host, tmp_path):
    """Makes the provider as core does: ``provider(api_key=..., without=[manifest types], **provider_options)``."""
    from inference_models_provider_roboflow.plugin import register_weights_providers

    (spec,) = register_weights_providers()

    def make(*, api_key=None, without=(), offline=False, **options):
        plugins = host(*without)
        request = load_request(
            "roboflow://acme/3",
            api_key=api_key,
            local_files_only=offline,
            options=LoadOptions(host=plugins, provider_options=options),
        )
        context = provider_context(spec, request, plugins.registry())
        return spec.factory.load()(attrs.evolve(context, local_packages=lambda model_id: tmp_path / model_id))

    return make

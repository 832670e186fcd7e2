"""A host with the loopback backend and two providers, and a cache with a clock that can be set."""

from __future__ import annotations

import inference_models_core.testing.loopback.plugin as loopback
import pytest
from inference_models_core import PluginHost, hookimpl
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.resolution.answers import Answers
from inference_models_core.resolution.choice import choice_of
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.scope import Scope
from inference_models_core.runtime.probe import RuntimeProbe
from inference_models_core.store.packages import StoredFile
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

NOW = 1_800_000_000.0
SHELF = WeightsProviderSpec(name="shelf", factory="a:B", key_variables=("SHELF_KEY",), environment=("SHELF_HOST",))
ATTIC = WeightsProviderSpec(name="attic", factory="a:C", schemes=("loft",))


class Providers:
    """A plugin that brings both."""

    @hookimpl
    def register_weights_providers(self):
        yield SHELF
        yield ATTIC


class World:
    """Values for tests; everything has a default that works."""

    shelf, attic, now = SHELF, ATTIC, NOW
    sha256, other_sha256, md5 = "a" * 64, "b" * 64, "c" * 32

    def host(self, *plugins, **probe):
        host = PluginHost(discover=False, probe=RuntimeProbe(environ={}, **{"gpus": (), **probe}))
        host.register(loopback, "loopback", "1")
        host.register(Providers(), "providers", "1")
        for number, plugin in enumerate(plugins):
            host.register(plugin, f"plugin-{number}", "1")
        return host

    def request(self, name="lamp", **wishes):
        scheme, _, model_id = name.rpartition("://")
        return LoadRequest(ref=ModelRef(text=name, model_id=model_id, scheme=scheme or None), **wishes)

    def package(self, package_id="p", sha256="a" * 64, **facts):
        manifest = {"type": "loopback-model-package-v1", "quantization": "fp32", "staticBatchSize": 2}
        facts = {
            "backend": "loopback",
            "quantization": "fp32",
            "batch": BatchSupport(static=2),
            "manifest": manifest,
            **facts,
        }
        if "artifacts" not in facts:
            facts["artifacts"] = [
                Artifact(handle="weights.loopback", sha256=sha256, size=3, urls=["https://x.y/?sig=1"])
            ]
        return ModelPackage(package_id=package_id, **facts)

    def metadata(self, *packages, model_id="lamp", **facts):
        facts = {"architecture": "brightness", "task": "classification", **facts}
        return ModelMetadata(model_id=model_id, packages=packages or (self.package(),), **facts)

    def negotiation(self, host, request, metadata=None, **how):
        listed = shortlist(request, metadata or self.metadata(), host.registry(), provider_trusted=False)
        return negotiate(request, listed, host.detect(listed.backends), **how)

    def choice(self, host, request, metadata=None, **changes):
        negotiation = self.negotiation(host, request, metadata)
        files = [StoredFile(handle="weights.loopback", sha256="a" * 64, size=3)]
        facts = {"provider": "shelf", "trusted": False, "now": NOW, **changes}
        return choice_of(negotiation, negotiation.accepted[0], files, **facts)


class Cache:
    """One cache folder; every call opens it anew, as another process would."""

    def __init__(self, root):
        self.root = root
        self.time = NOW
        self.writable = True

    @property
    def scope(self):
        return Scope(self.root, writable=self.writable)

    @property
    def answers(self):
        return Answers(self.scope, now=lambda: self.time)

    def choices(self, max_age=100):
        return Choices(self.scope, max_age=max_age, now=lambda: self.time)

    def files(self, folder):
        return sorted((self.root / folder).glob("*"))


@pytest.fixture(scope="session")
def world():
    return World()


@pytest.fixture
def host(world):
    return world.host()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("SHELF_KEY", "SHELF_HOST", "INFERENCE_MODELS_PROVIDERS", "INFERENCE_MODELS_RESOLUTION_MAX_AGE"):
        monkeypatch.delenv(name, raising=False)

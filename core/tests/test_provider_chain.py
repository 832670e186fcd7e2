"""Which provider is asked for a reference, and what happens when it says no."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.errors import (
    AmbiguousProviderError,
    ModelNotFoundError,
    ProviderUnavailableError,
    UnknownProviderError,
)
from inference_models_core.types.backends import BackendReport, BackendSpec
from inference_models_core.types.devices import CPU
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.packages import ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec


@pytest.fixture
def providers(monkeypatch):
    """Makes hosts whose providers know the given models; ``asked`` collects who was asked for what."""
    module = ModuleType("chain_providers")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    asked = []

    def make(**knows):
        class Plugin:
            @hookimpl
            def register_backends(self):
                yield BackendSpec(name="script", kind="own", tier="T2")

            @hookimpl
            def register_models(self):
                yield ModelSpec(architecture="a", task="t", backend="script", implementation="chain_providers:Model")

            @hookimpl
            def detect_backends(self):
                yield BackendReport(backend="script", availability="available", devices=(CPU,))

            @hookimpl
            def register_weights_providers(self):
                for name, models in knows.items():
                    setattr(module, name, _factory(name, models, asked))
                    yield WeightsProviderSpec(
                        name=name, factory=f"chain_providers:{name}", embedded=name.startswith("embedded")
                    )

        host = PluginHost(discover=False)
        host.register(Plugin(), "chain", "1")
        return lambda reference, **arguments: AutoModel.plan(reference, options=LoadOptions(host=host), **arguments)

    make.asked = asked
    return make


def _factory(name, models, asked):
    class Provider:
        def __init__(self, context):
            pass

        def resolve(self, model_id, *, revision=None):
            asked.append((name, model_id))
            if models is None:
                raise ProviderUnavailableError(f"{name} is down")
            if model_id not in models:
                raise ModelNotFoundError(f"{name} has no {model_id}")
            package = ModelPackage(package_id=name, backend="script", architecture="a", task="t")
            return ModelMetadata(model_id=model_id, packages=[package])

    return Provider


def test_embedded_models_then_the_one_other_provider(providers):
    plan = providers(embedded=["x"], far=["y"])
    assert plan("x").metadata.packages[0].package_id == "embedded"
    assert plan("y").metadata.packages[0].package_id == "far"
    assert providers.asked == [("embedded", "x"), ("embedded", "y"), ("far", "y")]


def test_several_others_are_ambiguous_and_none_is_asked(providers):
    plan = providers(embedded=["x"], far=["y"], near=["y"])
    with pytest.raises(AmbiguousProviderError, match="far://y, near://y"):
        plan("y")
    assert providers.asked == [("embedded", "y")]
    assert plan("near://y").metadata.packages[0].package_id == "near"
    assert plan("y", weights_provider="far").metadata.packages[0].package_id == "far"


def test_configured_providers_in_their_order(providers, monkeypatch):
    plan = providers(embedded=["x"], far=["y"], near=["y"])
    monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", "near, far")
    assert plan("y").metadata.packages[0].package_id == "near"
    with pytest.raises(ModelNotFoundError, match=r"near: near has no x; far: far has no x"):
        plan("x")


def test_only_not_found_moves_on(providers, monkeypatch):
    plan = providers(down=None, far=["y"])
    monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", "down,far")
    with pytest.raises(ProviderUnavailableError, match="down is down"):
        plan("y")


def test_a_provider_that_is_not_installed(providers):
    plan = providers(far=["y"])
    with pytest.raises(UnknownProviderError, match="pip install inference-models-provider-roboflow"):
        plan("roboflow://ws/proj/3")
    with pytest.raises(UnknownProviderError, match="far"):
        plan("y", weights_provider="nobody")


def test_trust_of_program_like_formats_follows_the_provider(providers, monkeypatch):
    """Naming a provider in a call is not trusting it; configuring it is, and so is installing its models."""
    plan = providers(far=["y"], embedded=["x"])
    for reference in ("y", "far://y"):
        assert [rejection.code for rejection in plan(reference).rejected] == ["untrusted-publisher"]
        assert plan(reference, allow_untrusted_packages=True).best is not None
    assert plan("x").best is not None
    monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", "far")
    assert plan("y").best is not None

"""A remembered choice is made again only where it still could and may be."""

from __future__ import annotations

import attrs
import pytest
from inference_models_core import PluginHost
from inference_models_core.hookspecs import hookimpl
from inference_models_core.resolution.restoring import restore
from inference_models_core.testing.loopback import plugin as loopback
from inference_models_core.types.devices import CPU, Device, parse_device
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import ModelDependency, RecommendedParameters
from inference_models_core.types.providers import WeightsProviderSpec


@pytest.fixture
def remembered(world, host, cache):
    """What comes back after a round trip through the disk."""

    def remember(metadata=None, request=None, using=None, **changes):
        request, using = request or world.request("shelf://lamp"), using or host
        choices = cache.choices()
        assert choices.remember("0" * 64, world.choice(using, request, metadata, **changes))
        return choices.recall("0" * 64).choice

    return remember


def test_the_candidate_comes_back_as_it_was_negotiated(world, host, remembered):
    request = world.request("shelf://lamp")
    metadata = world.metadata(
        world.package(features={}, licence="MIT", class_names=("dark", "bright")),
        world.package("q", backend="torch", manifest=None),
        dependencies=[ModelDependency(name="d", model_id="e")],
        recommended_parameters=RecommendedParameters(confidence=0.5),
        revision="3",
    )
    negotiation = world.negotiation(host, request, metadata)
    restored = restore(remembered(metadata), request, host.registry())
    before, after = negotiation.accepted[0], restored.negotiation.accepted[0]
    without_urls = [attrs.evolve(artifact, urls=()) for artifact in before.package.artifacts]
    assert after == attrs.evolve(before, package=attrs.evolve(before.package, artifacts=without_urls))
    assert after.package.batch.static == 2  # read from the manifest by the backend's own parser
    assert restored.negotiation.rejected == negotiation.rejected
    assert len(negotiation.rejected) == 1
    assert restored.found.provider == "shelf"
    assert restored.found.metadata == attrs.evolve(metadata, packages=[after.package])
    assert str(restored.negotiation)  # prints as a table


def test_trust_is_decided_anew_and_never_more(world, host, remembered, monkeypatch):
    request, registry = world.request("shelf://lamp"), host.registry()
    assert restore(remembered(trusted=True), request, registry).found.trusted is False
    monkeypatch.setenv("INFERENCE_MODELS_PROVIDERS", "shelf")
    assert restore(remembered(trusted=True), request, registry).found.trusted is True
    assert restore(remembered(trusted=False), request, registry).found.trusted is False


class Changed:
    """What an upgrade may do to a plugin with a backend, a row and a provider."""

    def __init__(self, backend=(), row=(), provider=True):
        self.backend, self.row, self.provider = dict(backend), dict(row), provider

    @hookimpl
    def register_backends(self):
        yield from (attrs.evolve(spec, **self.backend) for spec in loopback.register_backends())

    @hookimpl
    def register_models(self):
        yield from (attrs.evolve(row, **self.row) for row in loopback.register_models())

    @hookimpl
    def register_weights_providers(self):
        yield from [WeightsProviderSpec(name="shelf", factory="a:B")] * self.provider


def registry_of(plugin):
    host = PluginHost(discover=False)
    host.register(plugin, "changed", "1")
    return host.registry()


CHANGES = {
    "provider gone": Changed(provider=False),
    "backend gone": Changed(backend={"name": "other"}),
    "row gone": Changed(row={"architecture": "darkness"}),
    "row of another task": Changed(row={"task": "ocr"}),
    "parser gone": Changed(backend={"parsers": {}}),
    "parser broken": Changed(backend={"parsers": {"loopback-model-package-v1": "no.such:thing"}}),
    "parser of another type": Changed(backend={"parsers": {"loopback-model-package-v1": "builtins:dict"}}),
    "program-like now": Changed(backend={"tier": "T2"}),
    "code now": Changed(backend={"tier": "T3"}),
    "needs an optional package now": Changed(row={"requires_modules": ("not_here_at_all",)}),
    "needs a feature now": Changed(row={"requires_features": {"nms"}}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_makes_it_a_choice_to_be_made_again(world, remembered, change):
    request = world.request("shelf://lamp")
    assert restore(remembered(), request, registry_of(Changed())) is not None
    assert restore(remembered(), request, registry_of(CHANGES[change])) is None


def test_consent_counts_on_a_hit_as_it_does_without(world, remembered):
    request = world.request("shelf://lamp", allow_untrusted_packages=True)
    assert restore(remembered(), request, registry_of(CHANGES["program-like now"])) is not None


def test_two_plugins_that_bring_the_row_now_are_a_conflict_and_no_hit(world, host, remembered):
    class Rival:
        @hookimpl
        def register_models(self):
            yield ModelSpec(architecture="brightness", task="classification", implementation="rival:Class")

    choice = remembered()
    host.register(Rival(), "rival", "1")
    assert restore(choice, world.request("shelf://lamp"), host.registry()) is None


def test_the_policy_of_the_host_is_asked_on_every_hit(world, host, remembered):
    asked = []
    request, registry = world.request("shelf://lamp"), host.registry()

    def review(package, request):
        asked.append(package.package_id)
        return Rejection(code="licence", reason="not allowed") if len(asked) > 1 else None

    choice = remembered()
    assert restore(choice, request, registry, review=review) is not None
    assert restore(choice, request, registry, review=review) is None
    assert asked == ["p", "p"]


@pytest.mark.parametrize(
    ("wish", "device", "there", "fits"),
    [
        ("auto", Device("cuda", 0), (Device("cuda", 0), CPU), True),
        ("auto", CPU, (Device("cuda", 0), CPU), True),
        ("auto", Device("cuda", 0), (CPU,), False),
        ("cuda", Device("cuda", 0), (Device("cuda", 0), CPU), True),
        ("cuda:0", Device("cuda", 0), (Device("cuda"),), True),
        ("cuda:1", Device("cuda", 0), (Device("cuda", 0),), False),
        ("cuda", CPU, (CPU,), False),
    ],
)
def test_the_device_must_be_one_that_was_there_and_is_wanted(world, host, remembered, wish, device, there, fits):
    choice = remembered()
    choice = choice._replace(device=device, report=attrs.evolve(choice.report, devices=there))
    request = world.request("shelf://lamp", device=parse_device(wish))
    assert (restore(choice, request, host.registry()) is not None) is fits


def test_a_report_of_another_backend_is_no_hit(world, host, remembered):
    choice = remembered()
    other = choice._replace(report=attrs.evolve(choice.report, backend="torch"))
    assert restore(other, world.request("shelf://lamp"), host.registry()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"modelId": ""},
        {"modelPackages": []},
        {"modelPackages": [{}]},
        {"modelPackages": "x"},
        {"type": "other"},
    ],
)
def test_a_document_that_no_longer_reads_is_no_hit(world, host, remembered, change):
    choice = remembered()
    damaged = choice._replace(model={**choice.model, **change})
    assert restore(damaged, world.request("shelf://lamp"), host.registry()) is None

"""`inference-models verify` on the loopback backend: three packages of one lamp, one of them wrong."""

from __future__ import annotations

import hashlib
import json

import inference_models_core.testing.loopback.plugin as loopback
import numpy as np
import pytest
from click.testing import CliRunner
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.auto_model import load_request
from inference_models_core.cli import main
from inference_models_core.errors import InvalidRequestError, NoCompatiblePackageError
from inference_models_core.plugins import host as host_module
from inference_models_core.types.models import PipelineSpec
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec
from inference_models_core.verification.pictures import SIZES, golden_pictures
from inference_models_core.verification.verify import verify_model

GRAPHS = {"a-wrong": 1.5, "right": 1.0, "same": 1.0, "broken": None}


class Lamps:
    """A provider whose packages are folders on this machine; the graph says what the lamp's brightness is times."""

    folder, packages = None, ()

    def __init__(self, context):
        pass

    def resolve(self, model_id, *, revision=None):
        packages = [self.package(name) for name in Lamps.packages]
        return ModelMetadata(model_id="lamp", packages=packages, architecture="brightness", task="classification")

    def package(self, name):
        content = json.dumps(graph(GRAPHS[name])).encode()
        (Lamps.folder / name).mkdir(exist_ok=True)
        (Lamps.folder / name / "weights.loopback").write_bytes(content + b" " * (name == "same"))
        digest = hashlib.sha256(content + b" " * (name == "same")).hexdigest()
        return ModelPackage(
            package_id=name,
            backend="loopback",
            quantization="fp32",
            directory=Lamps.folder / name,
            artifacts=[Artifact(handle="weights.loopback", sha256=digest)],
        )


def graph(factor):
    output = {"name": "sum", "compute": "sum", "shape": ["n"], "factor": factor}
    document = {"inputs": [{"name": "x", "dtype": "float32", "shape": ["n", "h", "w", 3]}], "outputs": [output]}
    return document if factor is not None else {**document, "refuse": "its glass is broken"}


class Plugin:
    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="lamps", factory="lamps_provider:Lamps", embedded=True)


@pytest.fixture
def host(monkeypatch, tmp_path):
    import sys
    from types import ModuleType

    module = ModuleType("lamps_provider")
    module.Lamps = Lamps
    monkeypatch.setitem(sys.modules, "lamps_provider", module)
    monkeypatch.setattr(Lamps, "folder", tmp_path)
    monkeypatch.setattr(Lamps, "packages", ("a-wrong", "right", "same"))
    host = PluginHost(discover=False)
    host.register(loopback, "loopback", "1")
    host.register(Plugin(), "lamps", "1")
    monkeypatch.setattr(host_module, "_host", host)
    return host


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def verify(host, cache):
    def run(reference=None, model="lamp", **load):
        return verify_model(load_request(model, cache_dir=cache, **load), reference=reference)

    return run


@pytest.fixture
def plan(host, cache):
    def run(**options):
        load = {"model_package_id": options.pop("model_package_id", None)}
        return AutoModel.plan("lamp", cache_dir=cache, options=LoadOptions(**options), **load)

    return run


def ids(negotiation):
    return [candidate.package.package_id for candidate in negotiation.accepted]


def test_a_wrong_package_comes_last_with_the_reason_until_it_is_right_again(verify, plan, monkeypatch):
    assert ids(plan()) == ["a-wrong", "right", "same"]
    found = verify(reference="right")
    assert {each.candidate.package.package_id: bool(each.excess) for each in found.packages} == {
        "right": False, "a-wrong": True, "same": False,
    }  # fmt: skip
    assert (found.reference, found.stored, found.agrees) == ("right", True, False)
    negotiation = plan()
    assert ids(negotiation) == ["right", "same", "a-wrong"]
    assert "comes last: verified against right (loopback), its results differ" in str(negotiation)
    assert negotiation.warnings == ()
    assert negotiation.to_dict()["accepted"][2]["beyond_tolerance"] in " ".join(str(negotiation).split())
    monkeypatch.setitem(GRAPHS, "a-wrong", 1.0)
    assert ids(plan()) == ["a-wrong", "right", "same"]  # other content: never verified


def test_refusing_ignoring_and_another_tolerance(verify, plan):
    verify(reference="right")
    refused = plan(beyond_tolerance="refuse")
    assert ids(refused) == ["right", "same"]
    (rejection,) = refused.rejected
    assert (rejection.code, rejection.package_id) == ("beyond-tolerance", "a-wrong")
    assert "values: " in rejection.reason
    assert 'model_package_id="a-wrong"' in rejection.fix
    assert "beyond-tolerance" in str(refused)
    assert ids(plan(beyond_tolerance="ignore"))[0] == "a-wrong"
    assert ids(plan(tolerance={"values": 1.0, "labels": 1.0}))[0] == "a-wrong"
    assert ids(plan(tolerance={"values": 1.0}))[0] == "right"  # dark and bright are still not the same


def test_a_package_that_is_named_is_used_with_a_warning(verify, plan, cache):
    verify(reference="right")
    for policy in ("demote", "refuse"):
        named = plan(beyond_tolerance=policy, model_package_id="a-wrong")
        assert ids(named) == ["a-wrong"]
        assert "package a-wrong is used although, verified against right" in named.warnings[0]


def test_loading_takes_the_package_that_agrees(verify, host, cache):
    verify(reference="right")
    with AutoModel.from_pretrained("lamp", cache_dir=cache) as model:
        assert model.resolution.chosen.package.package_id == "right"


def test_the_reference_is_the_first_that_opens(verify, plan, monkeypatch):
    monkeypatch.setattr(Lamps, "packages", ("same", "right", "broken"))
    found = verify()
    assert [each.candidate.package.package_id for each in found.packages] == ["right", "broken", "same"]
    assert found.packages[1].error.message == "its glass is broken"
    assert not found.agrees
    assert ids(plan()) == ["broken", "right", "same"]  # what could not be measured stays as it is
    with pytest.raises(type(found.packages[1].error), match="glass"):
        verify(reference="broken")


def test_one_package_alone(verify, monkeypatch):
    found = verify(model_package_id="a-wrong", reference="same")
    assert [each.candidate.package.package_id for each in found.packages] == ["same", "a-wrong"]
    with pytest.raises(InvalidRequestError, match="no package of lamp"):
        verify(model_package_id="nobody")
    monkeypatch.setattr(Lamps, "packages", ("right",))
    with pytest.raises(InvalidRequestError, match="only one package"):
        verify()
    monkeypatch.setattr(Lamps, "packages", ())
    with pytest.raises(NoCompatiblePackageError):
        verify()


def test_a_package_without_digests_is_compared_and_not_remembered(verify, plan, monkeypatch):
    import attrs

    package = Lamps.package
    monkeypatch.setattr(Lamps, "package", lambda self, name: attrs.evolve(package(self, name), artifacts=()))
    found = verify(reference="right")
    assert not found.stored
    assert not found.agrees
    assert ids(plan())[0] == "a-wrong"


def test_a_package_compared_with_itself_alone_keeps_what_is_known_of_it(verify, plan, monkeypatch):
    verify(reference="right")
    assert ids(plan())[-1] == "a-wrong"
    monkeypatch.setattr(Lamps, "packages", ("a-wrong", "broken"))
    found = verify()
    assert (found.reference, found.stored, found.agrees) == ("a-wrong", False, False)
    monkeypatch.setattr(Lamps, "packages", ("a-wrong", "right"))
    assert ids(plan()) == ["right", "a-wrong"]


class Lighthouse:
    @hookimpl
    def register_pipelines(self):
        yield PipelineSpec(pipeline_id="lamp", implementation="lighthouse:Lighthouse")


def test_a_pipeline_has_no_packages(verify, host):
    host.register(Lighthouse(), "lighthouse", "1")
    with pytest.raises(InvalidRequestError, match="lamp is a pipeline") as caught:
        verify()
    assert "PROVIDER://lamp" in caught.value.hint
    assert verify(model="lamps://lamp", reference="right").stored


def test_a_cache_that_others_may_write_stops_no_model_that_needs_none(verify, plan, cache):
    verify(reference="right")
    cache.chmod(0o777)
    assert ids(plan())[0] == "a-wrong"
    cache.chmod(0o700)
    assert ids(plan())[0] == "right"


def test_planning_makes_no_cache(plan, cache):
    plan()
    assert not cache.exists()


def run(cache, *arguments):
    return CliRunner().invoke(main, [*arguments, "--cache-dir", str(cache)], prog_name="inference-models")


def test_the_command_prints_a_table_and_ends_with_1(host, cache):
    done = run(cache, "verify", "lamp", "--reference", "right")
    assert done.exit_code == 1
    assert "lamp: packages against right" in done.stdout
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if "loopback " in line}
    assert lines["same"].endswith("agrees")
    assert lines["a-wrong"].endswith("differs")
    assert "values: " in done.stdout
    told = json.loads(run(cache, "verify", "lamp", "--reference", "right", "--json").stdout)
    assert told["agrees"] is False
    assert [each["deltas"]["values"] == 0 for each in told["packages"]] == [True, False, True]
    shown = run(cache, "plan", "lamp")
    assert "comes last: verified against right (loopback)" in shown.stdout
    allowed = run(cache, "verify", "lamp", "--tolerance", "values=1", "--tolerance", "labels=1")
    assert allowed.exit_code == 0, allowed.output


@pytest.mark.parametrize("given", ["values", "colours=1", "values=-1", "values=true", "values=x", "values=nan"])
def test_a_tolerance_that_is_none(host, cache, given):
    done = run(cache, "verify", "lamp", "--tolerance", given)
    assert done.exit_code == 2
    assert not cache.exists()


def test_what_was_verified_goes_with_the_model(verify, plan, host, cache):
    verify(reference="right")
    done = run(cache, "cache", "rm", "lamps://lamp")
    assert done.exit_code == 0, done.output
    assert ids(plan())[0] == "a-wrong"
    verify(reference="right")
    assert run(cache, "cache", "clear", "--yes").exit_code == 0
    assert ids(plan())[0] == "a-wrong"


def test_golden_pictures_are_the_same_each_time_and_of_all_sizes():
    first, again, other = golden_pictures(9), golden_pictures(9), golden_pictures(9, seed=1)
    assert [picture.shape[:2] for picture in first] == [*SIZES, SIZES[0]]
    assert all(picture.dtype == np.uint8 for picture in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert not np.array_equal(first[0], first[8])

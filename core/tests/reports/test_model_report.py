from __future__ import annotations

import json

import attrs
import pytest
from inference_models_core.planning import Plan
from inference_models_core.providers.asking import Found
from inference_models_core.registry import Registry
from inference_models_core.reports.model import model_report, package_size
from inference_models_core.types.backends import BackendSpec
from inference_models_core.types.packages import (
    Artifact,
    LocalCode,
    ModelDependency,
    ModelPackage,
    RecommendedParameters,
)
from inference_models_core.types.plugins import PluginIdentity
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

OWNER = PluginIdentity(name="x", distribution="x", version="1")
REGISTRY = Registry(
    backends=((BackendSpec(name="onnx", tier="T1"), OWNER), (BackendSpec(name="torch-script", tier="T2"), OWNER))
)


def plan_of(negotiation, *, trusted=True):
    metadata = negotiation.metadata
    return Plan(
        request=LoadRequest(ref=ModelRef(text="hub://some/alias", model_id="some/alias", scheme="hub")),
        host=None,
        registry=REGISTRY,
        found=Found(metadata=metadata, provider="hub", trusted=trusted),
        negotiation=negotiation,
    )


def test_packages_in_order_with_status(negotiation):
    report = model_report(plan_of(negotiation))
    statuses = [(package.package_id[:4], package.status) for package in report.packages]
    assert statuses == [
        ("dyna", "used"),
        ("stat", "usable"),
        ("engi", "backend-not-installed"),
        ("evil", "untrusted"),
    ]
    assert [package.batch for package in report.packages] == ["dynamic", "8", "1-16", "unknown"]
    assert [package.size for package in report.packages] == [1_500_000, None, None, None]


@pytest.mark.parametrize(("trusted", "source"), [(True, "trusted source"), (False, "untrusted source")])
def test_trust(negotiation, trusted, source):
    report = model_report(plan_of(negotiation, trusted=trusted))
    assert [package.trust for package in report.packages] == ["not needed", "not needed", "", source]
    assert f"hub ({'trusted' if trusted else 'not trusted'})" in str(report)


def test_own_code(negotiation):
    first = negotiation.accepted[0]
    own = attrs.evolve(first.package, local_code=LocalCode(module="m.py", class_name="M"))
    changed = attrs.evolve(negotiation, accepted=(attrs.evolve(first, package=own),), rejected=())
    assert model_report(plan_of(changed)).packages[0].trust == "own code"


def test_text_html_json(negotiation):
    metadata = attrs.evolve(
        negotiation.metadata,
        dependencies=(ModelDependency(name="text", model_id="some/encoder"),),
        recommended_parameters=RecommendedParameters(confidence=0.35),
    )
    report = model_report(plan_of(attrs.evolve(negotiation, metadata=metadata)))
    text = str(report)
    for words in ("hub://some/alias", "some/encoder", "0.35", "4 packages, 2 can run here", "1.50 MB", "unknown"):
        assert words in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "<script>" not in report._repr_html_()
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["packages"][2]["fix"] == 'pip install "inference-models-trt[cu13]"'


def test_sizes_of_files_that_are_here(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"12345")
    artifacts = (Artifact(handle="a.bin"), Artifact(handle="b.bin", size=7))
    package = ModelPackage(package_id="p", backend="b", directory=tmp_path, artifacts=artifacts)
    assert package_size(package) == 12
    gone = attrs.evolve(package, artifacts=(*artifacts, Artifact(handle="gone.bin")))
    assert package_size(gone) is None
    assert package_size(attrs.evolve(package, artifacts=())) is None

"""What was measured comes in as values and is held against limits."""

from __future__ import annotations

import attrs
import pytest
from inference_models_core.negotiation.tolerance import (
    FIGURES,
    FULL_PRECISION,
    REDUCED_PRECISION,
    excess,
    limits_for,
)
from inference_models_core.negotiation.trust import content_key
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.packages import Artifact
from inference_models_core.types.requests import LoadOptions
from inference_models_core.types.verification import Verification

GPU = Device("cuda", 0)


def measured(package, version="1.20", device="cpu", **deltas):
    found = Verification(
        package_id=package.package_id,
        content=content_key(package),
        backend=package.backend,
        version=version,
        device=device,
        reference="r",
        reference_backend="onnx",
        pictures=8,
        things=3,
        deltas=deltas,
        created_at=0.0,
    )
    return {found.key: found}


def places(world, packages, verified, devices=(CPU,), **options):
    request = world.request(options=LoadOptions(**options))
    return world.codes(
        world.negotiate(packages, request, reports=world.reports(*devices), verified=verified, trusted=True)
    )


@pytest.fixture
def packages(world):
    return [world.pinned("a", "onnx", "a" * 64), world.pinned("b", "onnx", "b" * 64)]


def test_every_figure_has_limits():
    assert set(FIGURES) == set(FULL_PRECISION) == set(REDUCED_PRECISION)
    assert all(FULL_PRECISION[name] <= REDUCED_PRECISION[name] for name in FIGURES)


@pytest.mark.parametrize(
    ("deltas", "options", "expected"),
    [
        ({"boxes": 1.0, "scores": 1e-4}, {}, {"a": 0, "b": 1}),
        ({"boxes": 1.01}, {}, {"a": 1, "b": 0}),
        ({"labels": 0.01}, {}, {"a": 1, "b": 0}),
        ({"unheard-of": 0.01}, {}, {"a": 1, "b": 0}),
        ({"boxes": 1.01}, {"beyond_tolerance": "refuse"}, {"a": "beyond-tolerance", "b": 0}),
        ({"boxes": 1.01}, {"beyond_tolerance": "ignore"}, {"a": 0, "b": 1}),
        ({"boxes": 1.01}, {"tolerance": {"boxes": 2.0}}, {"a": 0, "b": 1}),
        ({"boxes": 0.5}, {"tolerance": {"boxes": 0.0}}, {"a": 1, "b": 0}),
    ],
)
def test_limits(world, packages, deltas, options, expected):
    assert places(world, packages, measured(packages[0], **deltas), **options) == expected


@pytest.mark.parametrize(
    "other", [{"version": "1.21"}, {"device": "cuda"}, {"package": "files"}, {"package": "backend"}]
)
def test_it_holds_for_these_files_on_this_runtime_and_device_only(world, packages, other):
    kind = other.pop("package", None)
    package = {"files": world.pinned("a", "onnx", "f" * 64), "backend": world.pinned("a", "torch", "a" * 64)}.get(kind)
    verified = measured(package or packages[0], **other, boxes=9.0)
    assert places(world, packages, verified) == {"a": 0, "b": 1}


def test_a_package_without_digests_was_never_verified(world, packages):
    bare = world.package("a")
    assert content_key(bare) is None
    verified = {("", "onnx", "1.20", "cpu"): next(iter(measured(packages[0], boxes=9.0).values()))}
    assert places(world, [bare], verified) == {"a": 0}


def test_files_known_by_md5_have_a_content_and_no_digest_for_trust(world):
    from inference_models_core.negotiation.trust import package_digest

    package = world.package(artifacts=[Artifact(handle="w.onnx", md5="a" * 32)])
    other = world.package(artifacts=[Artifact(handle="w.onnx", md5="b" * 32)])
    assert package_digest(package) is None
    assert content_key(package) != content_key(other)
    pinned = world.pinned()
    assert content_key(pinned) == package_digest(pinned)


@pytest.mark.parametrize(
    ("quantization", "device", "limits"),
    [
        ("fp32", "cpu", FULL_PRECISION),
        (None, "cpu", FULL_PRECISION),
        ("fp16", "cpu", REDUCED_PRECISION),
        ("fp32", "cuda", REDUCED_PRECISION),
    ],
)
def test_lower_precision_and_accelerators_may_be_farther(quantization, device, limits):
    assert limits_for(quantization, device, {}) == limits
    assert limits_for(quantization, device, {"boxes": 7.0}) == {**limits, "boxes": 7.0}


def test_demotion_beats_every_preference_and_the_only_candidate_is_used_with_a_warning(world, packages):
    fast = world.pinned("fast", "trt", "c" * 64)
    allowed = (f"fast@sha256:{content_key(fast)}",)
    verified = measured(fast, device="cuda", boxes=100.0)
    request = world.request(options=LoadOptions(trusted_code=allowed), backends=("trt", "onnx"))
    negotiation = world.negotiate([fast, *packages], request, reports=world.reports(GPU, CPU), verified=verified)
    assert [each.package.package_id for each in negotiation.accepted] == ["a", "b", "fast"]
    assert negotiation.warnings == ()
    alone = world.negotiate([fast], request, reports=world.reports(GPU, CPU), verified=verified)
    assert alone.best.package is fast
    assert "100 pixels between edges of boxes, 4 allowed" in alone.warnings[0]


def test_the_words_name_every_figure_beyond_its_limit():
    text = excess({"labels": 0.5, "boxes": 0.1, "scores": 0.2}, FULL_PRECISION)
    assert text == "labels: 0.5 of what was found has no equal, 0 allowed, scores: 0.2 between scores, 0.0001 allowed"


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="beyond_tolerance"):
        attrs.evolve(LoadOptions(), beyond_tolerance="maybe")

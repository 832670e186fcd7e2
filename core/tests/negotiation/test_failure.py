from __future__ import annotations

import pytest
from inference_models_core.errors import NoCompatiblePackageError
from inference_models_core.negotiation.failure import group_rejections, no_candidate_error
from inference_models_core.types.negotiation import Rejection


def error_of(world, packages, **wishes):
    negotiation = world.negotiate(packages, world.request(**wishes))
    assert negotiation.best is None
    error = no_candidate_error(negotiation)
    assert isinstance(error, NoCompatiblePackageError)
    assert error.negotiation is negotiation
    return error


def test_reasons_are_counted_and_the_most_useful_comes_first(world):
    packages = [
        *(world.package(f"hf-{n}", "hugging-face") for n in range(3)),
        *(world.package(f"int8-{n}", quantization="int8") for n in range(2)),
        *(world.package(f"odd-{n}", "openvino") for n in range(4)),
    ]
    error = error_of(world, packages)
    first, *table = error.message.splitlines()
    assert first == "none of the 9 packages of org/model can be used here:"
    assert [line.split(":")[0].strip() for line in table] == [
        "2 x quantization-not-requested",
        "3 x backend-not-installed",
        "4 x backend-not-installed",
    ]
    assert table[1].endswith("-> pip install inference-models-hf")
    assert error.hint == 'quantization="int8"'


def test_what_the_caller_excluded_explains_least(world):
    packages = [world.package("a"), world.package("b", "openvino")]
    error = error_of(world, packages, backends=("openvino",))
    assert [line.split(":")[0].strip() for line in error.message.splitlines()[1:]] == [
        "1 x backend-not-installed",
        "1 x backend-not-requested",
    ]


def test_misspelled_backend_is_the_hint_where_nothing_matches(world):
    assert error_of(world, [world.package()], backends=("onxx",)).hint == (
        "there is no backend 'onxx'; did you mean 'onnx'?"
    )


def test_one_package(world):
    error = error_of(world, [world.package(backend="hugging-face")])
    assert error.message.splitlines()[0] == "the only package of org/model cannot be used here:"
    assert error.hint == "pip install inference-models-hf"


def test_model_without_packages(world):
    error = error_of(world, [])
    assert "org/model has no packages" in error.message
    assert error.hint


def test_package_id_that_does_not_exist_lists_those_that_do(world):
    error = error_of(world, [world.package("b"), world.package("a")], package_id="c")
    assert error.hint == "its packages are: a, b"
    many = error_of(world, [world.package(f"{n:02}") for n in range(30)], package_id="c")
    assert many.hint.endswith("10, 11, ...")


def test_many_reasons_are_cut(world):
    error = error_of(world, [world.package(f"{n:03}", f"backend-{n}") for n in range(100)])
    lines = error.message.splitlines()
    assert len(lines) == 14
    assert lines[-1] == "  and 88 more reasons"


@pytest.mark.parametrize("count", [1, 3])
def test_groups_hold_every_rejection(count):
    rejected = tuple(Rejection(code="x", reason=f"{n % count}", package_id=str(n), backend=str(n)) for n in range(6))
    groups = group_rejections(rejected)
    assert len(groups) == count
    assert sum(group[0] for group in groups) == 6

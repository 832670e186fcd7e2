"""What plugins say without our readers is held to the same rules."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.providers.checking import checked_answer
from inference_models_core.types.packages import Artifact, ModelDependency, ModelMetadata, ModelPackage

GOOD = ModelPackage(package_id="good", backend="b", artifacts=[Artifact(handle="a/b.bin", sha256="0" * 64, size=1)])
MODEL = ModelMetadata(model_id="m", packages=[GOOD], dependencies=[ModelDependency(name="d", model_id="x/y")])


def test_an_answer_in_order_is_left_alone():
    assert checked_answer(MODEL) is MODEL


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": ""}, {"model_id": "a\n"}, {"model_id": None}, {"model_id": "x" * 1025},
        {"dependencies": [ModelDependency(name="\ud800", model_id="x")]},
        {"dependencies": [ModelDependency(name="d", model_id="")]},
    ],
)  # fmt: skip
def test_a_model_without_a_usable_id(changes):
    with pytest.raises(MalformedDocumentError):
        checked_answer(attrs.evolve(MODEL, **changes))


@pytest.mark.parametrize(
    "file",
    [
        {"handle": "../x"}, {"handle": "/x"}, {"handle": None}, {"handle": "model_config.json"}, {"sha256": "0" * 63},
        {"sha256": b"0" * 64}, {"md5": "A" * 32}, {"size": -1}, {"size": True}, {"size": "1"}, {"urls": [None]},
    ],
)  # fmt: skip
def test_a_file_with_a_fault_costs_its_package_only(file):
    bad = ModelPackage(package_id="bad", backend="b", artifacts=[Artifact(**{"handle": "x", **file})])
    first, second = checked_answer(attrs.evolve(MODEL, packages=[bad, GOOD])).packages
    assert (first.package_id, first.unusable.code, first.artifacts) == ("bad", "malformed-metadata", ())
    assert second is GOOD


def test_two_files_with_one_name():
    bad = attrs.evolve(GOOD, artifacts=[Artifact(handle="A"), Artifact(handle="a")])
    assert checked_answer(attrs.evolve(MODEL, packages=[bad])).packages[0].unusable is not None


def test_a_package_without_a_usable_id_gets_one():
    bad = attrs.evolve(GOOD, package_id="\x1b")
    (package,) = checked_answer(attrs.evolve(MODEL, packages=[bad])).packages
    assert package.package_id == "packages[0]"
    assert package.unusable.reason.isprintable()


def test_files_that_are_in_a_directory_keep_their_names():
    own = attrs.evolve(GOOD, directory=Path("/x"), artifacts=[Artifact(handle="my model (1).onnx")])
    assert checked_answer(attrs.evolve(MODEL, packages=[own])).packages == (own,)

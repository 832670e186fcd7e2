"""A single ONNX file that says nothing about itself, with what the caller says."""

from __future__ import annotations

import shutil
from pathlib import Path

import inference_models_provider_samples
import numpy as np
import pytest
from inference_models_core import AutoModel, LoadOptions
from inference_models_core.errors import InvalidRequestError, ModelOutputError

SAMPLES = Path(inference_models_provider_samples.__file__).parent
PICTURE = SAMPLES / "pictures" / "wood.jpg"
PACKAGE = SAMPLES / "models" / "shapes-detector" / "fp32static"
NAMES = (PACKAGE / "class_names.txt").read_text().split()


@pytest.fixture
def file(tmp_path):
    return Path(shutil.copy(PACKAGE / "weights.onnx", tmp_path / "bare.onnx"))


def load(file, **said):
    return AutoModel.from_pretrained(file, options=LoadOptions(architecture="yolov8", task="object-detection", **said))


def test_the_family_knows_what_a_bare_file_expects(file):
    found = load(file, class_names=NAMES)(PICTURE)[0]
    expected = AutoModel.from_pretrained("samples/shapes-detector")(PICTURE)[0]
    assert sorted(found.class_name) == sorted(expected.class_name)
    order, expected_order = np.argsort(found.xyxy[:, 0]), np.argsort(expected.xyxy[:, 0])
    np.testing.assert_allclose(found.xyxy[order], expected.xyxy[expected_order], atol=4)


def test_without_names_classes_are_numbered(file):
    assert set(load(file)(PICTURE)[0].class_name) <= {f"class_{i}" for i in range(len(NAMES))}


def test_a_wrong_number_of_names(file):
    with pytest.raises(ModelOutputError, match="names 2 classes"):
        load(file, class_names=("a", "b"))(PICTURE)


def test_what_the_file_does_not_say(file):
    with pytest.raises(InvalidRequestError, match="architecture and task"):
        AutoModel.from_pretrained(file)

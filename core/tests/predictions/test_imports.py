"""What loading a type costs: checked in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("PIL", "cv2", "pandas", "supervision", "torch", "onnxruntime", "requests", "rich", "pycocotools", "matplotlib")


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_package_alone_loads_nothing():
    loaded = modules_after("import inference_models_core.predictions")
    assert not {"numpy", "attrs", *HEAVY} & loaded
    assert not {name for name in loaded if name.startswith("inference_models_core.predictions.")}


def test_object_detection_loads_only_what_it_needs():
    loaded = modules_after("from inference_models_core.predictions import Detections, ImageSource")
    assert not set(HEAVY) & loaded
    own = {name.rpartition(".")[2] for name in loaded if name.startswith("inference_models_core.predictions.")}
    assert own == {"arrays", "base", "detections", "image_source"}


@pytest.mark.parametrize("name", ["InstanceDetections", "KeyPointDetections", "Classification", "SemanticSegmentation"])
def test_no_type_loads_a_drawing_or_table_library(name):
    assert not set(HEAVY) & modules_after(f"from inference_models_core.predictions import {name}")

"""Parts that several tests share: encoded pictures, packages, and a session that answers what it is told."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from inference_models_core.runner import Runner
from inference_models_core.types.devices import CPU
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.tensors import TensorSpec
from PIL import Image


def _document(**network):
    return {
        "image_pre_processing": {},
        "network_input": {
            "training_input_size": {"height": 64, "width": 64},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": 114,
            "input_channels": 3,
            "scaling_factor": 255,
            **network,
        },
        "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": 8},
        "post_processing": {"type": "nms", "fused": False},
    }


def _encode(pixels, image_format, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()


def _noise(height, width, channels=3, seed=0):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


class ScriptedSession:
    """A session whose graph ignores the picture and gives the outputs that it was made with."""

    arrays = "numpy"
    thread_safe = True
    borrows = False
    device = CPU

    def __init__(self, *outputs, size=(64, 64), batch="batch", dtype="float32"):
        self.inputs = (TensorSpec(name="images", dtype=dtype, shape=(batch, 3, *size)),)
        self.outputs = tuple(TensorSpec(name=f"output{i}") for i in range(len(outputs)))
        self._outputs = outputs
        self.seen = []

    def run(self, inputs):
        (tensor,) = inputs.values()
        self.seen.append(tensor)
        return tuple(np.repeat(output[None], len(tensor), axis=0) for output in self._outputs)

    def close(self):
        pass


@pytest.fixture(scope="session")
def document():
    """A complete ``inference_config.json`` of a YOLO package; fields of ``network_input`` can be replaced."""
    return _document


@pytest.fixture(scope="session")
def encode():
    """Pixels (H, W, 3) RGB to the bytes of a picture file."""
    return _encode


@pytest.fixture(scope="session")
def noise():
    """A random picture of a given height and width."""
    return _noise


@pytest.fixture
def make_package(tmp_path):
    """Writes a package directory; returns it with its metadata."""

    def make(document=None, names="cat\ndog\n", **metadata):
        if document is not None:
            (tmp_path / "inference_config.json").write_text(json.dumps(document))
        if names is not None:
            (tmp_path / "class_names.txt").write_text(names)
        return tmp_path, ModelPackage(package_id="test", backend="scripted", directory=tmp_path, **metadata)

    return make


@pytest.fixture
def runner_of():
    return lambda *outputs, **options: Runner(ScriptedSession(*outputs, **options))

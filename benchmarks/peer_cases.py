"""What every peer is asked about: packages, pictures and outputs of networks, by name and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
from graphs import CLASSES, SIZE, STRIDES, write_package, yolov8n_size_graph, yolov8n_size_package
from measuring import CACHE
from onnx import TensorProto, helper, numpy_helper

CONFIDENCE, IOU, MOST = 0.25, 0.7, 300
#: What a package may ask for before the resize.
ADJUSTMENTS: dict[str, dict[str, Any]] = {
    "": {},
    "static crop": {"static-crop": {"enabled": True, "x_min": 10, "x_max": 90, "y_min": 5, "y_max": 95}},
    "contrast stretching": {"contrast": {"enabled": True, "type": "Contrast Stretching"}},
    "histogram equalization": {"contrast": {"enabled": True, "type": "Histogram Equalization"}},
    "adaptive equalization": {"contrast": {"enabled": True, "type": "Adaptive Equalization"}},
    "grey": {"grayscale": {"enabled": True}},
}
PLACES = sum((SIZE // stride) ** 2 for stride in STRIDES)
COEFFICIENTS, PLANE = 32, 160
INSTANCES, FULL_HD = 100, (1080, 1920)


class Prepared(NamedTuple):
    """How a package wants its pictures.

    Attributes:
        mode: Of the resize.
        adjustment: A key of `ADJUSTMENTS`.
    """

    mode: str = "letterbox"
    adjustment: str = ""

    def package(self) -> Path:
        """The folder."""
        return yolov8n_size_package(resize_mode=self.mode, adjustments=ADJUSTMENTS[self.adjustment])


def candidates(count: int) -> np.ndarray:
    """A detector's output, float32 [1, 84, 8400], with so many places above the threshold around 300 objects."""
    rng = np.random.default_rng(count)
    output = rng.uniform(0, 0.1, (1, 4 + CLASSES, PLACES)).astype(np.float32)
    output[0, :4] = rng.uniform(10, SIZE - 10, (4, PLACES))
    seen = np.arange(count) % MOST
    centre, extent = rng.uniform(40, SIZE - 40, (MOST, 2))[seen], rng.uniform(16, 64, (MOST, 2))[seen]
    places = rng.choice(PLACES, count, replace=False)
    output[0, :2, places] = centre + rng.uniform(-0.5, 0.5, (count, 2))
    output[0, 2:4, places] = extent
    output[0, 4 + rng.integers(0, CLASSES, MOST)[seen], places] = rng.uniform(0.3, 0.95, count)
    return output


def instances(share: float) -> tuple[np.ndarray, np.ndarray]:
    """A segmenter's outputs for 100 objects in a 1920 x 1080 picture, each of this share of it.

    Returns:
        float32 [1, 116, 8400]: box, 80 scores, 32 coefficients; and smooth prototypes, float32 [1, 32, 160, 160].
    """
    rng = np.random.default_rng(round(share * 1000))
    output = rng.uniform(0, 0.1, (1, 4 + CLASSES + COEFFICIENTS, PLACES)).astype(np.float32)
    shown = np.array([SIZE, SIZE * FULL_HD[0] / FULL_HD[1]])
    shape = rng.uniform(0.85, 1.2, INSTANCES)
    extent = np.sqrt(share * shown.prod()) * np.stack([shape, 1 / shape], axis=1)
    corner = rng.uniform(0, 1, (INSTANCES, 2)) * (shown - extent) + (0, (SIZE - shown[1]) / 2)
    places = rng.choice(PLACES, INSTANCES, replace=False)
    output[0, :4, places] = np.concatenate([corner + extent / 2, extent], axis=1)
    output[0, 4 + np.arange(INSTANCES) % CLASSES, places] = rng.uniform(0.3, 0.95, INSTANCES)
    output[0, -COEFFICIENTS:] = rng.normal(0, 0.6, (COEFFICIENTS, PLACES))
    noise = rng.normal(0, 1, (COEFFICIENTS, PLANE, PLANE)).astype(np.float32)
    return output, 15 * np.stack([cv2.GaussianBlur(plane, (0, 0), 6) for plane in noise])[None]


def segmentation_package() -> Path:
    """A segmenter that always sees the same; what it sees does not matter, the benchmark decodes its own outputs."""
    path = CACHE / "segmenter.onnx"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        shapes = {"output0": (1, 4 + CLASSES + COEFFICIENTS, PLACES), "output1": (1, COEFFICIENTS, PLANE, PLANE)}
        inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
        nodes = [helper.make_node("ReduceMean", ["images"], ["brightness"], axes=[1, 2, 3], keepdims=0)]
        weights = [
            numpy_helper.from_array(np.array(shape, np.int64), f"{name}_shape") for name, shape in shapes.items()
        ]
        nodes += [helper.make_node("Expand", ["brightness", f"{name}_shape"], [name]) for name in shapes]
        graph = helper.make_graph(nodes, "segmenter", inputs, outputs, weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return write_package(path, task="instance-segmentation")


def graph_with_metadata() -> Path:
    """The detector's graph as Ultralytics wants it: classes, stride, size and task in the file."""
    path = CACHE / "with-metadata.onnx"
    if not path.exists():
        model = onnx.load(yolov8n_size_graph())
        names = {index: f"class-{index}" for index in range(CLASSES)}
        said = {"names": names, "stride": max(STRIDES), "imgsz": [SIZE, SIZE], "task": "detect", "batch": 1}
        helper.set_model_props(model, {key: str(value) for key, value in said.items()})
        onnx.save(model, path)
    return path

"""A detector of yolov8n's size with random weights, for timing: `python benchmarks/graphs.py` prints where it lies.

The layers are those that the YOLOv8 architecture is publicly described with at its smallest size (widths 16 to 256,
strides 8, 16 and 32, a distribution over 16 distances per side): 3.2 million parameters, 8.7 GFLOP at 640 x 640.
Random weights would find either nothing or everything, so constants in the last layer decide: about 300 places lie
above the threshold, in clusters of neighbours that share a class, as a trained detector's do.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from measuring import CACHE
from onnx import TensorProto, helper, numpy_helper

SIZE = 640
CLASSES = 80
BINS = 16
STRIDES = (8, 16, 32)
WIDTHS = (64, 128, 256)
THRESHOLD = 0.25
#: Objects, and the neighbouring places that see each of them.
CLUSTERS = 37
CLUSTER_SIZE = 8
QUIET_LOGIT, LOUD_LOGITS = -9.0, (-0.9, 2.5)
OPSET = 17


def yolov8n_size_graph(batch: int = 1, seed: int = 0) -> Path:
    """The file with the graph, written when it is not there yet.

    Its input is `images`, float32 [batch, 3, 640, 640], RGB in 0..1; its output `output0`, float32 [batch, 84, 8400]:
    centre x, centre y, width, height in network pixels, then 80 scores in 0..1.
    """
    path = CACHE / f"yolov8n-size-{seed}-batch-{batch}.onnx"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        partial = path.with_suffix(".part")
        onnx.save(_Detector(seed, batch).model(), partial)
        partial.replace(path)
    return path


def yolov8n_size_package(batch: int = 1, **config: object) -> Path:
    """A model package around the graph, as a folder that `AutoModel` opens."""
    return write_package(yolov8n_size_graph(batch), batch, **config)


def write_package(
    graph: Path,
    batch: int = 1,
    *,
    task: str = "object-detection",
    resize_mode: str = "letterbox",
    adjustments: Mapping[str, object] | None = None,
) -> Path:
    """A folder with a YOLOv8 graph and the documents that say how its pictures are prepared.

    Args:
        graph: The file.
        batch: How many pictures it takes.
        task: What it finds.
        resize_mode: How a picture becomes 640 x 640.
        adjustments: Crop, contrast and grey, as `image_pre_processing` of `inference_config.json` says them, if any.
    """
    said = json.dumps([graph.stem, task, resize_mode, adjustments])
    folder = CACHE / "packages" / hashlib.sha256(said.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.onnx"
    weights.unlink(missing_ok=True)
    weights.hardlink_to(graph)
    network_input = {**_NETWORK_INPUT, "resize_mode": resize_mode}
    documents = {
        "model_config.json": {**_MODEL_CONFIG, "task_type": task, "static_batch_size": batch},
        "inference_config.json": {
            "image_pre_processing": adjustments or {},
            "network_input": network_input,
            "forward_pass": {"static_batch_size": batch},
            "post_processing": {"type": "nms", "fused": False},
        },
    }
    (folder / "class_names.txt").write_text("".join(f"class-{index}\n" for index in range(CLASSES)))
    for name, content in documents.items():
        (folder / name).write_text(json.dumps(content, indent=2))
    return folder


_MODEL_CONFIG = {"model_architecture": "yolov8", "backend_type": "onnx", "quantization": "fp32"}
_NETWORK_INPUT = {
    "training_input_size": {"height": SIZE, "width": SIZE},
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "padding_value": 114,
    "input_channels": 3,
    "scaling_factor": 255,
}


class _Graph:
    """Nodes and weights as they are added; every method returns the name of its output."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], **attributes: object) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(
        self, x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, gain: float = 2.0
    ) -> str:
        """A convolution whose output keeps the variance of its input after a SiLU (`gain` 2)."""
        deviation = math.sqrt(gain / (inputs * kernel * kernel))
        weight = self.rng.normal(0, deviation, (outputs, inputs, kernel, kernel)).astype(np.float32)
        names = [x, self.constant(weight), self.constant(np.zeros(outputs, np.float32))]
        return self.add("Conv", names, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)

    def block(self, x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> str:
        """Convolution and SiLU."""
        x = self.convolution(x, inputs, outputs, kernel, stride)
        return self.add("Mul", [x, self.add("Sigmoid", [x])])

    def cross_stage(self, x: str, inputs: int, outputs: int, repeats: int, *, residual: bool) -> str:
        """Half of the channels pass through bottlenecks; every stage's result is kept and merged at the end."""
        half = outputs // 2
        x = self.block(x, inputs, outputs)
        bounds = self.constant(np.array([half, half], np.int64))
        parts = [f"{x}_first", f"{x}_second"]
        self.nodes.append(helper.make_node("Split", [x, bounds], parts, axis=1))
        for _ in range(repeats):
            y = self.block(self.block(parts[-1], half, half, 3), half, half, 3)
            parts.append(self.add("Add", [parts[-1], y]) if residual else y)
        return self.block(self.add("Concat", parts, axis=1), half * len(parts), outputs)

    def pyramid_pool(self, x: str, width: int) -> str:
        """Three maximum pools in a row, merged: a large receptive field for little."""
        pools = [self.block(x, width, width // 2)]
        for _ in range(3):
            pools.append(self.add("MaxPool", [pools[-1]], kernel_shape=[5, 5], pads=[2] * 4, strides=[1, 1]))
        return self.block(self.add("Concat", pools, axis=1), width * 2, width)

    def doubled(self, x: str) -> str:
        """Nearest neighbour, twice the size."""
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add(
            "Resize", [x, "", scales], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"
        )


class _Detector(_Graph):
    """The whole network."""

    def __init__(self, seed: int, batch: int) -> None:
        super().__init__(seed)
        self.batch = batch

    def model(self) -> onnx.ModelProto:
        boxes, scores = self._head(self._neck(*self._backbone("images")))
        self.nodes.append(helper.make_node("Concat", [boxes, scores], ["output0"], axis=1))
        places = sum((SIZE // stride) ** 2 for stride in STRIDES)
        graph = helper.make_graph(
            self.nodes,
            "yolov8n-size",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [self.batch, 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [self.batch, 4 + CLASSES, places])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _backbone(self, x: str) -> tuple[str, str, str]:
        x = self.block(self.block(x, 3, 16, 3, 2), 16, 32, 3, 2)
        x = self.block(self.cross_stage(x, 32, 32, 1, residual=True), 32, 64, 3, 2)
        fine = self.cross_stage(x, 64, 64, 2, residual=True)
        middle = self.cross_stage(self.block(fine, 64, 128, 3, 2), 128, 128, 2, residual=True)
        coarse = self.cross_stage(self.block(middle, 128, 256, 3, 2), 256, 256, 1, residual=True)
        return fine, middle, self.pyramid_pool(coarse, 256)

    def _neck(self, fine: str, middle: str, coarse: str) -> tuple[str, str, str]:
        joined = self.add("Concat", [self.doubled(coarse), middle], axis=1)
        inner = self.cross_stage(joined, 384, 128, 1, residual=False)
        joined = self.add("Concat", [self.doubled(inner), fine], axis=1)
        small = self.cross_stage(joined, 192, 64, 1, residual=False)
        joined = self.add("Concat", [self.block(small, 64, 64, 3, 2), inner], axis=1)
        medium = self.cross_stage(joined, 192, 128, 1, residual=False)
        joined = self.add("Concat", [self.block(medium, 128, 128, 3, 2), coarse], axis=1)
        return small, medium, self.cross_stage(joined, 384, 256, 1, residual=False)

    def _head(self, levels: Sequence[str]) -> tuple[str, str]:
        distances = self._flattened(levels, WIDTHS[0], 4 * BINS)
        logits = self._flattened(levels, CLASSES, CLASSES)
        logits = self.add("Mul", [logits, self.constant(np.float32(0.05))])
        logits = self.add("Add", [logits, self.constant(_chosen_logits(self.rng))])
        return self._boxes(distances), self.add("Sigmoid", [logits])

    def _flattened(self, levels: Sequence[str], hidden: int, outputs: int) -> str:
        """One branch of the head over all levels: [1, outputs, places]."""
        parts = []
        for x, width in zip(levels, WIDTHS, strict=True):
            x = self.block(self.block(x, width, hidden, 3), hidden, hidden, 3)
            x = self.convolution(x, hidden, outputs, gain=0.2)
            parts.append(self.add("Reshape", [x, self.constant(np.array([self.batch, outputs, -1], np.int64))]))
        return self.add("Concat", parts, axis=2)

    def _boxes(self, x: str) -> str:
        """Expected distances to the four sides, then centre and size in pixels."""
        x = self.add("Reshape", [x, self.constant(np.array([self.batch, 4, BINS, -1], np.int64))])
        x = self.add("Softmax", [self.add("Transpose", [x], perm=[0, 2, 1, 3])], axis=1)
        bins = self.constant(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1))
        x = self.add("Reshape", [self.add("Conv", [x, bins]), self.constant(np.array([self.batch, 4, -1], np.int64))])
        centres, strides = _places()
        first, second = f"{x}_first", f"{x}_second"
        self.nodes.append(
            helper.make_node("Split", [x, self.constant(np.array([2, 2], np.int64))], [first, second], axis=1)
        )
        low = self.add("Sub", [self.constant(centres), first])
        high = self.add("Add", [self.constant(centres), second])
        middle = self.add("Mul", [self.add("Add", [low, high]), self.constant(np.float32(0.5))])
        boxes = self.add("Concat", [middle, self.add("Sub", [high, low])], axis=1)
        return self.add("Mul", [boxes, self.constant(strides)])


def _places() -> tuple[np.ndarray, np.ndarray]:
    """Centres [1, 2, places] in cells and strides [1, 1, places] of all places, fine level first."""
    centres, strides = [], []
    for stride in STRIDES:
        cells = np.arange(SIZE // stride, dtype=np.float32) + 0.5
        x, y = np.meshgrid(cells, cells)
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full(x.size, stride, np.float32))
    return np.concatenate(centres, axis=1)[None], np.concatenate(strides)[None, None]


def _chosen_logits(rng: np.random.Generator) -> np.ndarray:
    """What is added to the class logits, [1, classes, places]: loud in clusters of neighbours, quiet elsewhere."""
    centres, strides = _places()
    pixels = (centres * strides)[0]
    # The middle of the picture only: a box in the letterbox's bars has no area once it is clipped to the picture.
    inside = np.flatnonzero(np.all((pixels > SIZE * 0.3) & (pixels < SIZE * 0.7), axis=0))
    logits = np.full((1, CLASSES, pixels.shape[1]), QUIET_LOGIT, np.float32)
    taken = np.zeros(pixels.shape[1], bool)
    for _ in range(CLUSTERS):
        start = rng.choice(inside[~taken[inside]])
        same_level = inside[(strides[0, 0, inside] == strides[0, 0, start]) & ~taken[inside]]
        distance = np.square(pixels[:, same_level] - pixels[:, [start]]).sum(axis=0)
        members = same_level[np.argsort(distance, kind="stable")[:CLUSTER_SIZE]]
        taken[members] = True
        logits[0, rng.integers(CLASSES), members] = rng.uniform(*LOUD_LOGITS, len(members))
    return logits


if __name__ == "__main__":
    print(yolov8n_size_graph())

"""The outputs of each architecture's graphs, as functions of a random generator and the network's size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from parity import graphs, scenes
from parity.graphs import Output
from parity.scenes import BOX_SWAY, CLASSES, COEFFICIENTS, LOGIT_SWAY, SLOTS, SWAY, Size

Outputs = Callable[[np.random.Generator, Size], "list[Output]"]


def yolo(*, corners: bool = False, objectness: bool = False, fields_first: bool = True, extras: str = "") -> Outputs:
    """Raw outputs of a YOLO: boxes, scores, key points."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        found = scenes.boxes(rng, size, 16, 3)
        parts: list[Any] = [(found if corners else scenes.xywh(found), BOX_SWAY)]
        classes = scenes.class_scores(rng, len(found), members=3)
        if objectness:
            parts.append((scenes.scores(rng, len(found)), SWAY))
        parts.append((classes, np.where(classes > SWAY, SWAY, 0)))
        if extras == "key points":
            parts.append(scenes.key_points(rng, found))
        return [scenes.joined(*parts, fields_first=fields_first)]

    return outputs


def rows(*, key_points: bool = False) -> Outputs:
    """Final rows, from graphs that suppress boxes themselves or need not."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        corners, parts = scenes.rows(rng, size)
        return [scenes.joined(*parts, *([scenes.key_points(rng, corners)] if key_points else []))]

    return outputs


def nas(rng: np.random.Generator, size: Size) -> list[Output]:
    """YOLO-NAS: corners and scores, apart."""
    found, classes = scenes.boxes(rng, size, 16, 3), scenes.class_scores(rng, 48, members=3)
    return [Output(base=found, amplitude=BOX_SWAY), Output(base=classes, amplitude=np.where(classes > SWAY, SWAY, 0))]


def lite(rng: np.random.Generator, size: Size) -> list[Output]:
    """YOLO-lite: corners, a logit of there being something, and logits per class."""
    found, sure = scenes.boxes(rng, size, 16, 3), 0.98
    classes = scenes.logits(np.clip(scenes.class_scores(rng, 48, members=3) / sure, 1e-4, 0.999))
    objectness = np.full((48, 1), scenes.logits(np.array(sure)))
    return [
        Output(base=found, amplitude=BOX_SWAY),
        Output(base=objectness, amplitude=LOGIT_SWAY / 4),
        Output(base=classes, amplitude=LOGIT_SWAY),
    ]


def segments(*, objectness: bool = False, fields_first: bool = True, final: bool = False, between: int = 0) -> Outputs:
    """Boxes with coefficients, and prototypes of masks.

    Args:
        objectness: Whether there is one, always a little below the score of the best class: where it is above, the
            reference reports it as a class.
        fields_first: Whether each box is a column.
        final: Whether rows are final.
        between: How many outputs come between boxes and prototypes.
    """

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        if final:
            corners, (_, *others) = scenes.rows(rng, size)
            parts: list[Any] = [(scenes.boxes_of_masks(corners), _MASK_BOX_SWAY), *others]
        else:
            corners = scenes.boxes_of_masks(scenes.boxes(rng, size, 16, 3))
            classes = scenes.class_scores(rng, len(corners), members=3)
            parts = [(scenes.xywh(corners), _MASK_BOX_SWAY), (classes, _CLASS_SWAY)]
            if objectness:
                parts.insert(1, (classes.max(axis=1) - 2 * _CLASS_SWAY, 0.0))
        parts.append((scenes.coefficients(rng, len(corners)), 0.02))
        heads = [Output(base=rng.normal(size=(3, 4, 4, 5))) for _ in range(between)]
        return [scenes.joined(*parts, fields_first=fields_first and not final), *heads, _prototypes(rng, size)]

    return outputs


_MASK_BOX_SWAY = 0.4
_CLASS_SWAY = 0.004


def _prototypes(rng: np.random.Generator, size: Size) -> Output:
    return Output(base=scenes.blobs(rng, COEFFICIENTS, (size[0] // 4, size[1] // 4)), amplitude=0.05)


def yolact(rng: np.random.Generator, size: Size) -> list[Output]:
    """YOLACT: offsets from priors, scores with the background first, coefficients, priors, prototypes."""
    found = scenes.xywh(scenes.boxes_of_masks(scenes.boxes(rng, size, 16, 3))) / (*size[::-1], *size[::-1])
    priors = np.concatenate([found[:, :2] + 0.02, found[:, 2:] * rng.uniform(0.8, 1.2, (48, 2))], axis=1)
    offsets = np.concatenate(
        [(found[:, :2] - priors[:, :2]) / (0.1 * priors[:, 2:]), np.log(found[:, 2:] / priors[:, 2:]) / 0.2], axis=1
    )
    classes = np.concatenate([np.full((48, 1), 0.9), scenes.class_scores(rng, 48, members=3)], axis=1)
    prototypes = _prototypes(rng, size)
    return [
        Output(base=offsets, amplitude=0.02),
        Output(base=classes, amplitude=_CLASS_SWAY),
        Output(base=scenes.coefficients(rng, 48), amplitude=0.02),
        Output(base=priors, fixed=True),
        Output(base=np.moveaxis(prototypes.base, 0, 2), amplitude=0.05),
    ]


def rfdetr(*, with_masks: bool = False, with_key_points: bool = False, classes: int = 5) -> Outputs:
    """Boxes in shares of the input, logits with one class more than there are names, masks or key points."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        found = np.concatenate([rng.uniform(0.1, 0.9, (24, 2)), rng.uniform(0.05, 0.6, (24, 2))], axis=1)
        labels = scenes.logits(np.clip(scenes.class_scores(rng, 24, classes), 1e-4, 0.999))
        given = [Output(base=found, amplitude=0.02), Output(base=labels, amplitude=LOGIT_SWAY)]
        if with_masks:
            given.append(Output(base=scenes.blobs(rng, 24, (size[0] // 4, size[1] // 4)), amplitude=0.2))
        if with_key_points:
            given.append(_uncertain_key_points(rng, 24, classes))
        return given

    return outputs


def _uncertain_key_points(rng: np.random.Generator, count: int, classes: int) -> Output:
    shape = (count, classes * SLOTS)
    spread = rng.uniform(1.5, 3.5, (*shape, 3)) * (1, 0.1, 1)
    found = scenes.logits(scenes.scores(rng, *shape))[..., None]
    values = [rng.uniform(-0.1, 1.1, (*shape, 2)), found, np.zeros((*shape, 1)), spread, np.zeros((*shape, 1))]
    sway = np.array([0.02, 0.02, LOGIT_SWAY, 0, 0.05, 0.05, 0.05, 0])
    base = np.concatenate(values, axis=-1)
    return Output(base=base, amplitude=np.broadcast_to(sway, base.shape))


def gaze(rng: np.random.Generator, size: Size) -> list[Output]:  # noqa: ARG001
    """L2CS-Net as the platform exports it: yaw and pitch in radians."""
    return [Output(base=rng.uniform(-0.5, 0.5, 1), amplitude=0.4) for _ in range(2)]


def scores(*, fused: str | None = None, classes: int = len(CLASSES)) -> Outputs:
    """One row of numbers per picture: logits, or what ``fused`` makes of them, "softmax" or "sigmoid"."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:  # noqa: ARG001
        found = scenes.scores(rng, classes)
        if fused is None:
            return [Output(base=scenes.logits(found), amplitude=LOGIT_SWAY)]
        share = 1.0 if fused == "sigmoid" else found.sum() + classes * SWAY
        return [Output(base=found / share, amplitude=SWAY / share)]

    return outputs


def planes(channels: int, *, stride: int = 4, sway: float = 0.2, base: float = 0.0) -> Outputs:
    """Smooth maps: logits per class, or depths."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        hills = scenes.blobs(rng, channels, (size[0] // stride, size[1] // stride))
        return [Output(base=hills + base, amplitude=sway)]

    return outputs


def clip(folder: Path, batch: int | None) -> None:
    """CLIP's two graphs: vectors of pictures, and of tokens."""
    rng, width = np.random.default_rng(7), 16
    graphs.save(folder / "visual.onnx", (64, 64), [Output(base=rng.normal(size=width), amplitude=0.5)], batch=batch)
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
        node("Mul", ["numbers", "scale"], ["shares"]),
        node("MatMul", ["shares", "projection"], ["seen"]),
        node("Tanh", ["seen"], ["vector"]),
    ]
    constants = {
        "scale": np.array(1 / 49408, np.float32),
        "projection": rng.normal(size=(77, width)).astype(np.float32),
    }
    tokens = value("tokens", TensorProto.INT64, ("batch", 77))
    vector = value("vector", TensorProto.FLOAT, ("batch", width))
    graphs.save_graph(folder / "textual.onnx", nodes, [tokens], [vector], constants)


_LINES = ((2, 3, 5, 20, 0.9), (2, 24, 5, 30, 0.75), (9, 4, 14, 29, 0.9), (16, 2, 18, 9, 0.5), (17, 12, 21, 30, 0.95))
"""Text in a map of 24 x 32: top, left, bottom, right, probability; the one of 0.5 is not enough."""


def text_regions(folder: Path, batch: int | None) -> None:
    """A detector of text for pictures of any size: lines as bars with sharp edges, and one that is turned."""
    base = np.full((24, 32), 0.05)
    for top, left, bottom, right, share in _LINES:
        base[top:bottom, left:right] = share
    row, column = np.mgrid[0:24, 0:32]
    base[(np.abs(row - column * 0.3 - 6.2) < 1.5) & (column > 20)] = 0.85
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Shape", ["images"], ["shape"]),
        node("Slice", ["shape", "second", "fourth"], ["sides"]),
        node("Concat", ["ones", "sides"], ["sizes"], axis=0),
        node("Resize", ["base", "", "", "sizes"], ["map"], mode="nearest"),
        node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=1),
        node("Tanh", ["mean"], ["bounded"]),
        node("Mul", ["bounded", "sway"], ["moved"]),
        node("Add", ["map", "moved"], ["probabilities"]),
    ]
    constants = {
        "base": base[None, None].astype(np.float32),
        "second": np.array([2], np.int64),
        "fourth": np.array([4], np.int64),
        "ones": np.array([1, 1], np.int64),
        "sway": np.array(SWAY, np.float32),
    }
    images = value("images", TensorProto.FLOAT, (batch or "batch", 3, "height", "width"))
    found = value("probabilities", TensorProto.FLOAT, (batch or "batch", 1, "rows", "columns"))
    graphs.save_graph(folder / "inference.onnx", nodes, [images], [found], constants)


CHARACTERS = ("a", "b", "c", "é", "字", "-")


def text_lines(folder: Path, batch: int | None) -> None:
    """A reader of lines: each eight columns are a character by their colours; grey, as behind a line, is none."""
    rng, classes = np.random.default_rng(3), len(CHARACTERS) + 2
    projection = rng.normal(size=(3, classes)) * 20
    projection[:, 0] = 0
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("AveragePool", ["lines"], ["pooled"], kernel_shape=[48, 8], strides=[48, 8]),
        node("Squeeze", ["pooled", "height"], ["columns"]),
        node("Transpose", ["columns"], ["steps"], perm=[0, 2, 1]),
        node("MatMul", ["steps", "projection"], ["seen"]),
        node("Add", ["seen", "none"], ["logits"]),
        node("Softmax", ["logits"], ["scores"], axis=2),
    ]
    constants = {
        "height": np.array([2], np.int64),
        "projection": projection.astype(np.float32),
        "none": np.eye(classes)[0].astype(np.float32),
    }
    lines = value("lines", TensorProto.FLOAT, (batch or "batch", 3, 48, "width"))
    scores_of = value("scores", TensorProto.FLOAT, (batch or "batch", "steps", classes))
    graphs.save_graph(folder / "inference.onnx", nodes, [lines], [scores_of], constants)


def page(folder: Path, batch: int | None) -> None:
    """The detector and the reader, each in a folder of its own."""
    for name, write in (("detector", text_regions), ("reader", text_lines)):
        (folder / name).mkdir(exist_ok=True)
        write(folder / name, batch)

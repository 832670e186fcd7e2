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
        unused = [Output(base=rng.normal(size=(3, 4, 4))) for _ in range(between)]
        return [scenes.joined(*parts, fields_first=fields_first and not final), *unused, _prototypes(rng, size)]

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

"""Ways from a scene to what a model finds in it: through the library, or plainly with onnxruntime.

Each gives boxes together with how much of each true object they cover, as the task measures it: by boxes, masks or
key points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import cv2
import numpy as np
from average_precision import MAXIMUM_DETECTIONS, Boxes
from crops import scene_crops
from key_points import SLOTS, scene_key_points, similarity
from plain import CANDIDATE_SCORE, NMS_IOU, decode, letterbox
from shapes import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from scenes import Scene
    from tasks import Task


def mask_overlaps(masks: Iterable[tuple[np.ndarray, np.ndarray]], scene: Scene) -> np.ndarray:
    """IoU of masks, given as window [left, top, right, bottom] and bool crop, with the visible part of each object."""
    labels, count = scene.labels, len(scene.objects)
    areas = np.bincount(labels.reshape(-1), minlength=count + 1)[1:]
    rows = []
    for (left, top, right, bottom), crop in masks:
        common = np.bincount(labels[top:bottom, left:right][crop], minlength=count + 1)[1:]
        rows.append(common / (np.count_nonzero(crop) + areas - common))
    return np.array(rows).reshape(-1, count)


def key_point_overlaps(key_points: np.ndarray, scene: Scene) -> np.ndarray:
    """Similarity of key points [n, SLOTS, 2 or more] with those of each object."""
    areas = np.bincount(scene.labels.reshape(-1), minlength=len(scene.objects) + 1)[1:]
    return similarity(key_points, scene_key_points(scene), areas)


def finds_through_library(task: Task, model: Any) -> Callable[[Scene], Boxes]:
    """The public way: a BGR picture in, results in its pixels out."""
    ids = np.array([CLASS_NAMES.index(name) for name in model.class_names])

    def find(scene: Scene) -> Boxes:
        (result,) = model(scene.image, confidence=CANDIDATE_SCORE, iou_threshold=NMS_IOU, max_detections=300)
        found = Boxes(xyxy=result.xyxy, classes=ids[result.class_id], scores=result.confidence)
        if task.name == "instance-segmentation":
            overlaps = mask_overlaps(zip(result.masks.windows, result.masks.crops, strict=True), scene)
            return attrs.evolve(found, overlaps=overlaps)
        if task.name == "keypoint-detection":
            return attrs.evolve(found, overlaps=key_point_overlaps(result.key_points, scene))
        return found

    return find


def finds_plainly(task: Task, path: Path) -> Callable[[Scene], Boxes]:
    """The plain way, on one ONNX file."""
    run = _session(path)

    def find(scene: Scene) -> Boxes:
        square, scale, left, top = letterbox(scene.image)
        outputs = run(square)
        found, extras = decode(outputs[0][0], len(CLASS_NAMES))
        best = np.argsort(-found.scores, kind="stable")[:MAXIMUM_DETECTIONS]
        found, extras = found.take(best), extras[best]
        height, width = scene.image.shape[:2]
        xyxy = np.clip((found.xyxy - [left, top, left, top]) / scale, 0, [width, height, width, height])
        if task.name == "instance-segmentation":
            masks = _plain_masks(outputs[1][0], extras, found.xyxy, scene.image.shape, (left, top, scale))
            return attrs.evolve(found, xyxy=xyxy, overlaps=mask_overlaps(masks, scene))
        if task.name == "keypoint-detection":
            places = (extras.reshape(-1, SLOTS, 3)[..., :2] - [left, top]) / scale
            return attrs.evolve(found, xyxy=xyxy, overlaps=key_point_overlaps(places, scene))
        return attrs.evolve(found, xyxy=xyxy)

    return find


def _plain_masks(
    prototypes: np.ndarray,
    coefficients: np.ndarray,
    boxes: np.ndarray,
    shape: tuple[int, ...],
    fit: tuple[int, int, float],
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Whole planes, one after the other: cut to the box, without the padding, resized, more than one half."""
    height, width = shape[:2]
    left, top, scale = (value / 4 for value in fit)  # prototypes are of stride 4
    planes = 1 / (1 + np.exp(-np.tensordot(coefficients, prototypes, 1)))
    sides = np.arange(planes.shape[2])
    for plane, (x1, y1, x2, y2) in zip(planes, np.round(boxes / 4), strict=True):
        inside = ((sides >= x1) & (sides < x2))[None] & ((sides >= y1) & (sides < y2))[:, None]
        # the picture's pixel (x, y) lies at (x + 0.5) * scale + left of the plane, whose pixels' centres are at 0.5
        move = np.array([[scale, 0, 0.5 * scale + left - 0.5], [0, scale, 0.5 * scale + top - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        whole = cv2.warpAffine(np.float32(plane * inside), move, (width, height), flags=flags)
        yield np.array([0, 0, width, height]), whole > 0.5


def classifies_through_library(model: Any) -> Callable[[Scene], np.ndarray]:
    """The public way: BGR crops in, a class of each out."""
    ids = np.array([CLASS_NAMES.index(name) for name in model.class_names])
    return lambda scene: ids[[model(crop)[0].class_id for crop in scene_crops(scene)]]


def classifies_plainly(task: Task, path: Path) -> Callable[[Scene], np.ndarray]:
    """The plain way, on one ONNX file."""
    run = _session(path)
    return lambda scene: np.array([run(letterbox(crop, size=task.size)[0])[0].argmax() for crop in scene_crops(scene)])


def _session(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(square: np.ndarray) -> list[np.ndarray]:
        tensor = np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        return session.run(None, {"images": tensor})

    return run

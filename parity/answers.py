"""What either system answers, as plain arrays of the same names.

============  =========================================================================================
kind          arrays of one picture
============  =========================================================================================
boxes         ``xyxy`` (n, 4) pixels, ``class_id`` (n,), ``confidence`` (n,)
masks         the same, and ``masks`` (n, H, W) bool
key points    those of boxes, ``key_points`` (n, K, 2), ``key_points_confidence`` (n, K), and ``covariance`` where
              the model has it
class         ``label`` (), ``scores`` (classes,)
labels        ``labels`` (m,), ``scores`` (classes,)
classes map   ``map`` (H, W) class ids, ``map_confidence`` (H, W)
depth         ``depth`` (H, W)
gaze          ``angles`` (2,) yaw and pitch in radians
vector        ``vector`` (D,)
polygons      those of boxes, and ``key_points`` (n, 4, 2), the corners of turned boxes
text          ``text`` (letters,) their code points
page          ``reading_order`` (n, 4) the boxes of its pieces as they are read
============  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Answer = dict[str, npt.NDArray[Any]]


def _our_boxes(result: Any) -> Answer:
    return {"xyxy": result.xyxy, "class_id": result.class_id, "confidence": result.confidence}


def _our_key_points(result: Any) -> Answer:
    found = {"key_points": result.key_points, "key_points_confidence": result.key_points_confidence}
    covariance = {} if result.covariance is None else {"covariance": result.covariance}
    return {**_our_boxes(result), **found, **covariance}


def _codes(text: str) -> npt.NDArray[Any]:
    return np.array([ord(letter) for letter in text], np.int64)


OURS: Mapping[str, Callable[[Any], Answer]] = {
    "boxes": _our_boxes,
    "masks": lambda result: {**_our_boxes(result), "masks": result.masks.dense()},
    "key points": _our_key_points,
    "class": lambda result: {"label": np.array(result.class_id), "scores": result.confidence},
    "labels": lambda result: {"labels": np.sort(result.class_id), "scores": result.confidence},
    "classes map": lambda result: {"map": result.segmentation_map, "map_confidence": result.confidence},
    "depth": lambda result: {"depth": result.depth},
    "gaze": lambda result: {"angles": np.array([result.yaw[0], result.pitch[0]])},
    "vector": lambda result: {"vector": result.vector},
    "polygons": lambda result: {**_our_boxes(result), "key_points": result.data["polygon"]},
    "text": lambda result: {"text": _codes(result.text)},
    "page": lambda result: {"reading_order": result.xyxy},
}


def _array(tensor: Any) -> npt.NDArray[Any]:
    return np.asarray(tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor)


def _their_boxes(result: Any) -> Answer:
    return {name: _array(getattr(result, name)) for name in ("xyxy", "class_id", "confidence")}


def _their_key_points(points: Any, boxes: Any) -> Answer:
    found = {"key_points": _array(points.xy), "key_points_confidence": _array(points.confidence)}
    if points.covariance is not None:
        found["covariance"] = _array(points.covariance)
    return {**_their_boxes(boxes), **found}


def _corners(metadata: Any) -> npt.NDArray[Any]:
    return np.array([one["polygon"] for one in metadata or ()], float).reshape(-1, 4, 2)


#: Of the reference: from what one call gives to one answer per picture.
THEIRS: Mapping[str, Callable[[Any], list[Answer]]] = {
    "boxes": lambda results: [_their_boxes(result) for result in results],
    "masks": lambda results: [{**_their_boxes(result), "masks": _array(result.mask)} for result in results],
    "key points": lambda results: [_their_key_points(*pair) for pair in zip(*results, strict=True)],
    "class": lambda result: [
        {"label": label, "scores": scores}
        for label, scores in zip(_array(result.class_id), _array(result.confidence), strict=True)
    ],
    "labels": lambda results: [
        {"labels": np.sort(_array(result.class_ids)), "scores": _array(result.confidence)} for result in results
    ],
    "classes map": lambda results: [
        {"map": _array(result.segmentation_map), "map_confidence": _array(result.confidence)} for result in results
    ],
    "depth": lambda results: [{"depth": _array(result)} for result in results],
    "gaze": lambda result: [
        {"angles": np.array([yaw, pitch])}
        for yaw, pitch in zip(_array(result.yaw).ravel(), _array(result.pitch).ravel(), strict=True)
    ],
    "vector": lambda vectors: [{"vector": vector} for vector in _array(vectors)],
    "polygons": lambda results: [
        {**_their_boxes(result), "key_points": _corners(result.bboxes_metadata)} for result in results
    ],
    "text": lambda texts: [{"text": _codes(text)} for text in texts],
    "page": lambda results: [{"reading_order": _array(result.detections.xyxy)} for result in results],
}

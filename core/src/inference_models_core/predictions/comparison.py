"""How far two answers to the same picture are apart, as figures that are 0 for equal answers.

Two backends that run the same weights round differently. Boxes then move by fractions of a pixel, and what lies just
at a threshold is found by only one of them. So objects are matched before they are compared, and those that only one
side found count unless their score lies at the threshold.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np

from inference_models_core.predictions.classification import Classification, MultiLabelClassification
from inference_models_core.predictions.depth import DepthMap
from inference_models_core.predictions.detections import Detections
from inference_models_core.predictions.embedding import Embedding
from inference_models_core.predictions.gaze import GazeDetections
from inference_models_core.predictions.instance_detections import InstanceDetections
from inference_models_core.predictions.key_points import KeyPointDetections
from inference_models_core.predictions.ocr import StructuredText
from inference_models_core.predictions.semantic_segmentation import SemanticSegmentation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from inference_models_core.predictions.masks import Masks

AT_THE_THRESHOLD = 0.02
"""Scores this close to the threshold may be found by one side only."""
FARTHEST = 1e9
"""Stands for differences that are no numbers: one side finite, the other not."""
_SAME_OBJECT_IOU = 0.5
_SAME_OBJECT_PIXELS = 2.0
"""Boxes too thin to overlap are the same object if all their edges are this close."""


class Agreement(NamedTuple):
    """How two answers compare.

    Attributes:
        things: How many things were compared: objects, classes, maps, vectors; each with its equal counts once.
        unlike: How many of them have no equal on the other side.
        deltas: Figure -> largest difference; the names are those of ``negotiation.tolerance``.
    """

    things: int
    unlike: int
    deltas: Mapping[str, float]


def compare_all(first: Sequence[Any], second: Sequence[Any], threshold: float | None = None) -> Agreement:
    """Compares the answers to several pictures.

    Args:
        first: One answer per picture.
        second: The other model's, in the same order.
        threshold: Least score that both were asked for; ``None`` where unknown.

    Returns:
        Sums of the counts, and of each figure the largest; ``labels`` is the share of things without an equal.
    """
    if len(first) != len(second):
        return Agreement(max(len(first), len(second)), abs(len(first) - len(second)), {"labels": 1.0})
    pairs = [compare(one, other, threshold) for one, other in zip(first, second, strict=True)]
    things, unlike = sum(pair.things for pair in pairs), sum(pair.unlike for pair in pairs)
    deltas = _largest(pair.deltas for pair in pairs)
    return Agreement(things, unlike, {"labels": unlike / max(1, things), **deltas})


def compare(first: Any, second: Any, threshold: float | None = None) -> Agreement:
    """Compares two answers to one picture.

    Types that are not known here are compared by their plain values: numbers as ``values``, the rest for equality.
    """
    if type(first) is not type(second):
        return Agreement(1, 1, {})
    return _compare(first, second, threshold)


@functools.singledispatch
def _compare(first: Any, second: Any, _: float | None) -> Agreement:
    mine, other = Counter[str](), _plain_values(first)
    deltas: dict[str, float] = {}
    _compare_plain(other, _plain_values(second), deltas, mine)
    return Agreement(1, int(mine["unlike"] > 0), deltas)


@_compare.register
def _(first: Detections, second: Detections, threshold: float | None) -> Agreement:
    rows, columns = matched(first, second)
    lone = [_counted(first, rows, threshold), _counted(second, columns, threshold)]
    one, other = first[rows], second[columns]
    deltas = {
        "boxes": _distance(one.xyxy, other.xyxy),
        "scores": _distance(one.confidence, other.confidence),
    }
    texts = 0
    if isinstance(one, InstanceDetections) and isinstance(other, InstanceDetections):
        deltas["masks"] = _mask_distance(one.masks, other.masks)
    if isinstance(one, KeyPointDetections) and isinstance(other, KeyPointDetections):
        deltas = _largest((deltas, _key_point_distances(one, other)))
    if isinstance(one, GazeDetections) and isinstance(other, GazeDetections):
        deltas["angles"] = max(_distance(one.yaw, other.yaw), _distance(one.pitch, other.pitch))
    if isinstance(one, StructuredText) and isinstance(other, StructuredText):
        texts = int((one.texts != other.texts).sum())
    return Agreement(len(rows) + sum(lone), sum(lone) + texts, deltas)


@_compare.register
def _(first: Classification, second: Classification, _: float | None) -> Agreement:
    if len(first) != len(second):
        return Agreement(1, 1, {})
    is_tie = first.confidence[second.class_id] == first.confidence[first.class_id]
    unlike = first.class_id != second.class_id and not is_tie
    return Agreement(1, int(unlike), {"scores": _distance(first.confidence, second.confidence)})


@_compare.register
def _(first: MultiLabelClassification, second: MultiLabelClassification, threshold: float | None) -> Agreement:
    if len(first.confidence) != len(second.confidence):
        return Agreement(1, 1, {})
    labels = set(first.class_id.tolist()), set(second.class_id.tolist())
    lone = [(first, labels[0] - labels[1]), (second, labels[1] - labels[0])]
    unlike = sum(int(_is_clear(side.confidence[list(ids)], threshold).sum()) for side, ids in lone if ids)
    deltas = {"scores": _distance(first.confidence, second.confidence)}
    return Agreement(len(labels[0] & labels[1]) + unlike, unlike, deltas)


@_compare.register
def _(first: Embedding, second: Embedding, _: float | None) -> Agreement:
    if len(first) != len(second):
        return Agreement(1, 1, {})
    if np.array_equal(first.vector, second.vector):
        return Agreement(1, 0, {"vectors": 0.0})
    finite = np.isfinite(first.vector).all() and np.isfinite(second.vector).all()
    return Agreement(1, 0, {"vectors": max(0.0, 1 - first.similarity(second)) if finite else FARTHEST})


@_compare.register
def _(first: SemanticSegmentation, second: SemanticSegmentation, _: float | None) -> Agreement:
    one, other = first.segmentation_map, second.segmentation_map
    if one.shape != other.shape:
        return Agreement(1, 1, {})
    same = one == other
    deltas = {
        "pixels": float(1 - same.mean()) if same.size else 0.0,
        "scores": _distance(first.confidence[same], second.confidence[same]),
    }
    return Agreement(1, 0, deltas)


@_compare.register
def _(first: DepthMap, second: DepthMap, _: float | None) -> Agreement:
    if first.depth.shape != second.depth.shape:
        return Agreement(1, 1, {})
    low, high = first.range
    distance = _distance(first.depth, second.depth)
    return Agreement(1, 0, {"depths": min(FARTHEST, distance / (high - low)) if high > low else distance})


def matched(first: Detections, second: Detections) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which object of one side is which of the other: same class, much overlap and nearly the same score.

    Boxes that lie on one another, of models that suppress none, are told apart by their scores.

    Args:
        first: n objects.
        second: m objects.

    Returns:
        Two (k,) arrays of positions.
    """
    overlaps = _overlaps(first.xyxy, second.xyxy)
    edges = np.abs(_finite(first.xyxy)[:, None] - _finite(second.xyxy)[None]).max(axis=2, initial=0)
    same = first.class_id[:, None] == second.class_id[None]
    rows, columns = np.nonzero(same & ((overlaps >= _SAME_OBJECT_IOU) | (edges <= _SAME_OBJECT_PIXELS)))
    scores = np.abs(_finite(first.confidence)[rows] - _finite(second.confidence)[columns])
    order = np.argsort(scores - overlaps[rows, columns], kind="stable")
    return _taken_once(rows[order], columns[order])


def _taken_once(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if row not in pairs and column not in taken:
            pairs[row] = column
            taken.add(column)
    return np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.int64)


def _overlaps(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    one, other = _finite(first)[:, None], _finite(second)[None]
    sides = np.clip(np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2]), 0, None)
    shared = sides.prod(axis=2)
    union = _areas(one) + _areas(other) - shared
    shares: npt.NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def _areas(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    areas: npt.NDArray[np.float64] = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=2)
    return areas


def _finite(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.nan_to_num(array.astype(np.float64), nan=FARTHEST, posinf=FARTHEST, neginf=-FARTHEST)


def _counted(side: Detections, found: npt.NDArray[np.int64], threshold: float | None) -> int:
    """How many objects without an equal count."""
    return int(_is_clear(np.delete(side.confidence, found), threshold).sum())


def _is_clear(scores: npt.NDArray[np.float32], threshold: float | None) -> npt.NDArray[np.bool_]:
    """Which scores are so far above the threshold that both sides should have found them."""
    least = -math.inf if threshold is None else threshold + AT_THE_THRESHOLD
    return ~(scores < least)


def _distance(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """Largest difference of two arrays; equal infinities and two NaN do not differ."""
    one, other = first.astype(np.float64), second.astype(np.float64)
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    finite = np.isfinite(one) & np.isfinite(other)
    if not (same | finite).all():
        return FARTHEST
    return min(FARTHEST, float(np.abs(one[finite] - other[finite]).max(initial=0.0)))


def _mask_distance(first: Masks, second: Masks) -> float:
    """Largest ``1 - IoU`` of two masks of one object."""
    if first.image_size != second.image_size:
        return 1.0
    return max((_mask_difference(one, other) for one, other in zip(first, second, strict=True)), default=0.0)


def _mask_difference(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    union = np.count_nonzero(first | second)
    return 1 - np.count_nonzero(first & second) / union if union else 0.0


def _key_point_distances(first: KeyPointDetections, second: KeyPointDetections) -> dict[str, float]:
    """Distances of key points that both sides found."""
    if first.key_points.shape != second.key_points.shape:
        return {"key_points": FARTHEST}
    both = (first.key_points_confidence > 0) & (second.key_points_confidence > 0)
    apart = _finite(first.key_points[both]) - _finite(second.key_points[both])
    return {
        "key_points": min(FARTHEST, float(np.hypot(apart[:, 0], apart[:, 1]).max(initial=0.0))),
        "scores": _distance(first.key_points_confidence, second.key_points_confidence),
    }


def _largest(figures: Iterable[Mapping[str, float]]) -> dict[str, float]:
    largest: dict[str, float] = {}
    for each in figures:
        for name, value in each.items():
            largest[name] = max(largest.get(name, 0.0), value)
    return largest


def _plain_values(value: Any) -> Any:
    """An answer of an unknown type as plain values."""
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value)) if field.eq is not False and field.name != "image"]
        return {name: getattr(value, name) for name in names}
    return value.to_dict() if hasattr(value, "to_dict") else value


def _compare_plain(first: Any, second: Any, deltas: dict[str, float], counts: Counter[str]) -> None:
    """Notes the largest difference of numbers in ``values``, and counts what is unlike otherwise."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        for key in first:
            _compare_plain(first[key], second[key], deltas, counts)
    elif isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second):
        for one, other in zip(first, second, strict=True):
            _compare_plain(one, other, deltas, counts)
    elif _are_numbers(first, second):
        deltas["values"] = max(deltas.get("values", 0.0), _distance(np.asarray(first), np.asarray(second)))
    else:
        counts["unlike"] += not _are_equal(first, second)


def _are_numbers(first: Any, second: Any) -> bool:
    values = first, second
    if any(isinstance(value, (str, bytes, dict, list, tuple)) or value is None for value in values):
        return False
    arrays = [np.asarray(value) for value in values]
    return arrays[0].shape == arrays[1].shape and all(array.dtype.kind in "biuf" for array in arrays)


def _are_equal(first: Any, second: Any) -> bool:
    return bool(np.array_equal(first, second)) if isinstance(first, np.ndarray) else bool(first == second)

"""Average precision as COCO measures it: per class, greedy matching by score, precision at 101 recall levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

RECALL_LEVELS = np.linspace(0, 1, 101)
#: COCO counts at most this many detections a picture (the 100 of highest score).
MAXIMUM_DETECTIONS = 100


@attrs.frozen(kw_only=True)
class Boxes:
    """The boxes of one picture.

    Attributes:
        xyxy: float [n, 4], pixels.
        classes: int [n].
        scores: float [n]; ones for the truth.
        overlaps: float [n, m], of detections: how much of each of the picture's m true objects each one covers, 0..1;
            `None` for the IoU of the boxes.
    """

    xyxy: np.ndarray = attrs.field(eq=False)
    classes: np.ndarray = attrs.field(eq=False)
    scores: np.ndarray = attrs.field(eq=False)
    overlaps: np.ndarray | None = attrs.field(default=None, eq=False)

    def of_class(self, class_id: int) -> np.ndarray:
        """Indices of the boxes of one class, highest score first."""
        index = np.flatnonzero(self.classes == class_id)
        return index[np.argsort(-self.scores[index], kind="stable")]

    def take(self, index: np.ndarray) -> Boxes:
        """Some of the boxes."""
        overlaps = None if self.overlaps is None else self.overlaps[index]
        return Boxes(xyxy=self.xyxy[index], classes=self.classes[index], scores=self.scores[index], overlaps=overlaps)


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of xyxy boxes [n, 4] and [m, 4]: [n, m]."""
    low, high = np.maximum(first[:, None, :2], second[None, :, :2]), np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.clip(high - low, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second)]
    return intersection / np.maximum(areas[0][:, None] + areas[1][None] - intersection, 1e-9)


def matches(overlaps: np.ndarray, threshold: float) -> np.ndarray:
    """Which detections find an object that no better one took: bool [n].

    Args:
        overlaps: float [n, m] of detections of one class, best first, with its true objects.
        threshold: From which a detection counts as a hit.
    """
    overlaps = overlaps.copy()
    found = np.zeros(len(overlaps), bool)
    for index in range(len(overlaps) if overlaps.shape[1] else 0):
        best = int(overlaps[index].argmax())
        if overlaps[index, best] >= threshold:
            found[index] = True
            overlaps[:, best] = -1
    return found


def class_curve(
    detections: Sequence[Boxes], truths: Sequence[Boxes], class_id: int, threshold: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores and hits of all detections of a class, best first, and the number of objects."""
    found, scores, objects = [], [], 0
    for detected, true in zip(detections, truths, strict=True):
        rows, columns = detected.of_class(class_id), true.of_class(class_id)
        found.append(matches(_overlaps(detected, true, rows, columns), threshold))
        scores.append(detected.scores[rows])
        objects += len(columns)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(scores)[order], np.concatenate(found)[order], objects


def _overlaps(detected: Boxes, true: Boxes, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if detected.overlaps is None:
        return box_iou(detected.xyxy[rows], true.xyxy[columns])
    return detected.overlaps[np.ix_(rows, columns)]


def average_precision(
    detections: Sequence[Boxes], truths: Sequence[Boxes], *, classes: int, threshold: float
) -> np.ndarray:
    """Average precision of each class, float [classes]; NaN for a class without objects.

    Args:
        detections: One entry a picture.
        truths: One entry a picture, in the same order.
        classes: Number of classes.
        threshold: IoU (or what `overlaps` holds) from which a detection counts as a hit.
    """
    detections = [_best(boxes) for boxes in detections]
    return np.array([_class_precision(detections, truths, class_id, threshold) for class_id in range(classes)])


def _best(boxes: Boxes) -> Boxes:
    return boxes.take(np.argsort(-boxes.scores, kind="stable")[:MAXIMUM_DETECTIONS])


def _class_precision(detections: Sequence[Boxes], truths: Sequence[Boxes], class_id: int, threshold: float) -> float:
    _, found, objects = class_curve(detections, truths, class_id, threshold)
    if not objects:
        return float("nan")
    hits = found.cumsum()
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    index = np.searchsorted(hits / objects, RECALL_LEVELS, side="left")
    return float(np.append(precision, np.zeros(1))[np.minimum(index, len(precision))].mean())


def best_confidence(detections: Sequence[Boxes], truths: Sequence[Boxes], *, classes: int) -> tuple[float, float]:
    """The threshold with the highest F1 over all classes at IoU 0.5, and that F1."""
    curves = [class_curve(detections, truths, class_id, 0.5) for class_id in range(classes)]
    scores, found = (np.concatenate([curve[part] for curve in curves]) for part in (0, 1))
    order = np.argsort(-scores, kind="stable")
    hits, objects = found[order].cumsum(), sum(curve[2] for curve in curves)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + objects)
    best = int(f1.argmax())
    return float(scores[order][best]), float(f1[best])

"""Boxes out of the output layouts of the YOLO families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inference_models_vision.decoding.kernels import is_numpy, kernels, namespace, to_numpy

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.tensors import Array

    Threshold = float | npt.NDArray[np.float32]


class Boxes(NamedTuple):
    """Boxes of one picture, in network pixels.

    Attributes:
        xyxy: (n, 4) float32.
        scores: (n,) float32.
        class_ids: (n,) int64.
        extras: (n, e) float32: what the output says of each box beyond that, such as mask coefficients.
    """

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    extras: npt.NDArray[np.float32]

    def take(self, chosen: npt.NDArray[Any] | slice) -> Boxes:
        """Some of the boxes, by index, mask or slice."""
        return Boxes(self.xyxy[chosen], self.scores[chosen], self.class_ids[chosen], self.extras[chosen])


class BoxLayout(NamedTuple):
    """What stands where in a raw output: the box, perhaps an objectness, a score per class, extras.

    Attributes:
        fields_first: (fields, n), as YOLOv8 writes it; else (n, fields).
        corners: Boxes are x1, y1, x2, y2; else centre x, centre y, width, height.
        objectness: A field between box and classes says how likely there is anything; it decides whether a box
            counts, and the score of the best class is reported.
    """

    fields_first: bool = True
    corners: bool = False
    objectness: bool = False

    @property
    def first_class(self) -> int:
        """Where the scores of the classes begin."""
        return 4 + self.objectness


def candidates_above(
    output: Array,
    threshold: Threshold,
    layout: BoxLayout = BoxLayout(),  # noqa: B008 - immutable
    *,
    extras: int = 0,
) -> Boxes:
    """Boxes of a raw output whose best class scores more than its threshold.

    What decides comes first and only boxes above the threshold are looked at again: the whole output is read once
    and never transposed. Boxes with NaN in them, and those whose score is infinite, drop out: that is no score.

    Args:
        output: (fields, n) or (n, fields) floats of any array library.
        threshold: One, or (classes,); strict.
        layout: What the fields are.
        extras: How many fields follow the scores of the classes.

    Returns:
        One box per column or row, of its best class.
    """
    xp = namespace(output)
    if is_numpy(output) and output.dtype != np.float32:
        output = output.astype(np.float32)  # numpy has no fast maximum of float16
    fields = output if layout.fields_first else output.T
    classes = slice(layout.first_class, fields.shape[0] - extras)
    decisive = fields[4] if layout.objectness else xp.max(fields[classes, :], axis=0)
    (columns,) = xp.nonzero(decisive > _lowest(threshold))
    chosen = to_numpy(xp.take(fields, columns, axis=1)).astype(np.float32, copy=False)
    deciding = to_numpy(xp.take(decisive, columns)).astype(np.float32, copy=False)
    return _best_classes(chosen, deciding, threshold, layout, classes)


def _best_classes(
    chosen: npt.NDArray[np.float32],
    deciding: npt.NDArray[np.float32],
    threshold: Threshold,
    layout: BoxLayout,
    classes: slice,
) -> Boxes:
    """(fields, n) of the boxes that may count -> those that do."""
    class_ids = chosen[classes].argmax(axis=0)
    scores = np.take_along_axis(chosen[classes], class_ids[None], axis=0)[0] if layout.objectness else deciding
    corners = chosen[:4].T if layout.corners else _corners(chosen[:4])
    boxes = Boxes(corners, scores, class_ids, chosen[classes.stop :].T)
    clear = np.isfinite(scores) & np.isfinite(deciding) & ~np.isnan(corners).any(axis=1)
    if not isinstance(threshold, float):
        clear &= deciding > threshold[class_ids]
    return boxes if clear.all() else boxes.take(clear)


def rows_above(output: Array, threshold: Threshold, *, strict: bool = False) -> Boxes:
    """Boxes of an output that has gone through non-maximum suppression in the graph, or that needs none.

    Args:
        output: (n, 6 or more) floats: x1, y1, x2, y2, score, class id, extras.
        threshold: One, or (classes,).
        strict: Whether a score has to exceed the threshold; else a score at the threshold is enough.

    Returns:
        The rows in their own order. Rows with NaN, with an infinite score, and those with a negative class id, which
        fill up, drop out.
    """
    xp = namespace(output)
    lowest = _lowest(threshold)
    (rows,) = xp.nonzero(output[:, 4] > lowest if strict else output[:, 4] >= lowest)
    chosen = to_numpy(xp.take(output, rows, axis=0)).astype(np.float32, copy=False)
    whole = np.isfinite(chosen[:, 4:6]).all(axis=1) & ~np.isnan(chosen[:, :4]).any(axis=1)
    chosen = chosen[whole & (chosen[:, 5] >= 0)]
    boxes = Boxes(chosen[:, :4], chosen[:, 4], np.minimum(chosen[:, 5], _MANY).astype(np.int64), chosen[:, 6:])
    if isinstance(threshold, float):
        return boxes
    least = threshold[boxes.class_ids.clip(max=len(threshold) - 1)]  # an unknown class is reported by the family
    return boxes.take(boxes.scores > least if strict else boxes.scores >= least)


def suppress(boxes: Boxes, *, iou_threshold: float, max_detections: int, class_agnostic: bool) -> Boxes:
    """Non-maximum suppression.

    Args:
        boxes: The candidates.
        iou_threshold: Overlap above which the worse of two boxes falls.
        max_detections: How many boxes to keep at most.
        class_agnostic: Whether boxes of different classes suppress each other.

    Returns:
        The best boxes by descending score.
    """
    class_ids = None if class_agnostic else boxes.class_ids
    xyxy = np.clip(boxes.xyxy, -_FAR, _FAR)  # areas of infinite boxes would be NaN
    return boxes.take(
        kernels("numpy").nms(xyxy, boxes.scores, class_ids, iou_threshold=iou_threshold, limit=max_detections)
    )


_FAR = np.float32(1e9)
_MANY = np.float32(2**31)
"""More classes than anything has; a larger number is none that integers can hold."""


def _lowest(threshold: Threshold) -> float:
    return threshold if isinstance(threshold, float) else float(threshold.min())


def _corners(centers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(4, n) centre x, centre y, width, height -> (n, 4) x1, y1, x2, y2."""
    corners = np.empty((centers.shape[1], 4), np.float32)
    half = centers[2:] * np.float32(0.5)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf: NaN, dropped by the caller
        np.subtract(centers[:2], half, out=corners.T[:2])
        np.add(centers[:2], half, out=corners.T[2:])
    return corners

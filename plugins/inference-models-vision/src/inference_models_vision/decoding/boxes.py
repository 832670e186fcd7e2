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
    """

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]

    def take(self, chosen: npt.NDArray[Any] | slice) -> Boxes:
        """Some of the boxes, by index, mask or slice."""
        return Boxes(self.xyxy[chosen], self.scores[chosen], self.class_ids[chosen])


def candidates_above(output: Array, threshold: Threshold) -> Boxes:
    """Boxes of a raw output whose best class scores more than its threshold.

    The best score of each column comes first and only columns above the threshold are looked at again: the whole
    output is read once and never transposed. Columns with NaN in them drop out.

    Args:
        output: (4 + classes, n) floats of any array library: rows centre x, centre y, width, height, then a score per
            class.
        threshold: One, or (classes,); strict.

    Returns:
        One box per column, of its best class.
    """
    xp = namespace(output)
    if is_numpy(output) and output.dtype != np.float32:
        output = output.astype(np.float32)  # numpy has no fast maximum of float16
    best = xp.max(output[4:, :], axis=0)
    (columns,) = xp.nonzero(best > _lowest(threshold))
    chosen = to_numpy(xp.take(output, columns, axis=1)).astype(np.float32, copy=False)
    scores = to_numpy(xp.take(best, columns)).astype(np.float32, copy=False)
    class_ids = chosen[4:].argmax(axis=0)
    boxes = Boxes(_corners(chosen[:4]), scores, class_ids)
    clear = np.logical_not(np.isnan(boxes.xyxy).any(axis=1))
    if not isinstance(threshold, float):
        clear &= scores > threshold[class_ids]
    return boxes if clear.all() else boxes.take(clear)


def rows_above(output: Array, threshold: Threshold) -> Boxes:
    """Boxes of an output that has gone through non-maximum suppression in the graph.

    Args:
        output: (n, 6 or more) floats: x1, y1, x2, y2, score, class id.
        threshold: One, or (classes,); not strict: a score at the threshold is enough.

    Returns:
        The rows in their own order. Rows with NaN and those with a negative class id, which fill up, drop out.
    """
    xp = namespace(output)
    (rows,) = xp.nonzero(output[:, 4] >= _lowest(threshold))
    chosen = to_numpy(xp.take(output, rows, axis=0)).astype(np.float32, copy=False)[:, :6]
    chosen = chosen[np.isfinite(chosen[:, 5]) & (chosen[:, 5] >= 0) & ~np.isnan(chosen[:, :4]).any(axis=1)]
    boxes = Boxes(chosen[:, :4], chosen[:, 4], chosen[:, 5].astype(np.int64))
    if isinstance(threshold, float):
        return boxes
    known = boxes.class_ids.clip(max=len(threshold) - 1)  # an unknown class is reported by the family
    return boxes.take(boxes.scores >= threshold[known])


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


def _lowest(threshold: Threshold) -> float:
    return threshold if isinstance(threshold, float) else float(threshold.min())


def _corners(centers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(4, n) centre x, centre y, width, height -> (n, 4) x1, y1, x2, y2."""
    corners = np.empty((centers.shape[1], 4), np.float32)
    half = centers[2:] * np.float32(0.5)
    with np.errstate(invalid="ignore"):  # inf - inf: NaN, dropped by the caller
        np.subtract(centers[:2], half, out=corners.T[:2])
        np.add(centers[:2], half, out=corners.T[2:])
    return corners

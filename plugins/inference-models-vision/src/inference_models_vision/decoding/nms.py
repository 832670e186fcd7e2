"""Non-maximum suppression on numpy, with the semantics of ``torchvision.ops.batched_nms``.

Boxes are visited by descending score, equal scores in the given order; a box falls if its overlap (intersection over
union) with a kept box of its class is greater than the threshold. Unlike torchvision, classes are compared, not moved
apart by an offset, so that neither rounding nor negative coordinates let classes meet.

The boxes are taken in blocks: a block is compared with everything of its classes kept so far in one go, then within
itself. That stops as soon as enough are kept, and never builds the whole matrix of overlaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]
    Indices = npt.NDArray[np.intp]

_BLOCK = 128
_PAIR_COST = 8
"""What comparing a picked pair costs, in comparisons of everything with everything."""


def nms(
    boxes: Boxes,
    scores: npt.NDArray[np.float32],
    class_ids: npt.NDArray[Any] | None,
    *,
    iou_threshold: float,
    limit: int,
) -> Indices:
    """Suppresses boxes that overlap better ones.

    Args:
        boxes: (n, 4) float32, x1 y1 x2 y2, finite.
        scores: (n,) float32, finite.
        class_ids: (n,) integers; boxes of different classes do not suppress each other. ``None``: all of one class.
        iou_threshold: Overlap above which the worse box falls.
        limit: How many boxes to keep at most.

    Returns:
        (k,) indices of the kept boxes by descending score, k <= limit.
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = _Overlaps(boxes[order], None if class_ids is None else class_ids[order], iou_threshold)
    kept: Indices = np.empty(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        if len(kept):
            block = block[~overlaps.fall(kept, block)]
        kept = np.concatenate([kept, _kept_within(block, overlaps)])
        if len(kept) >= limit:
            break
    survivors: Indices = order[kept[:limit]]
    return survivors


def _kept_within(block: Indices, overlaps: _Overlaps) -> Indices:
    """Boxes of one block that survive each other."""
    better, worse = _pairs(overlaps.class_ids_of(block))
    exceeding = overlaps.exceed(block[better], block[worse])
    alive = [True] * len(block)
    # Pairs of a class come ordered by the better box: its own fate is decided before it takes others with it.
    for i, j in zip(better[exceeding].tolist(), worse[exceeding].tolist(), strict=True):
        if alive[i]:
            alive[j] = False
    survivors: Indices = block[np.array(alive, dtype=bool)]
    return survivors


def _pairs(class_ids: npt.NDArray[Any]) -> tuple[Indices, Indices]:
    """All pairs of places i < j with the same class, ordered by class, then i."""
    by_class = np.argsort(class_ids, kind="stable")
    ordered = class_ids[by_class]
    later = np.arange(1, len(ordered) + 1)
    first, second = _spread(later, np.searchsorted(ordered, ordered, side="right") - later)
    return by_class[first], by_class[second]


def _spread(starts: Indices, counts: Indices) -> tuple[Indices, Indices]:
    """Every place in ranges of places: which range, and the place."""
    ranges = np.repeat(np.arange(len(counts)), counts)
    return ranges, np.arange(len(ranges)) - np.repeat(counts.cumsum() - counts - starts, counts)


class _Overlaps:
    """Which pairs of boxes are of one class and overlap more than the threshold."""

    def __init__(self, boxes: Boxes, class_ids: npt.NDArray[Any] | None, threshold: float) -> None:
        self._corners = np.ascontiguousarray(boxes.T)  # x1, y1, x2, y2
        x1, y1, x2, y2 = self._corners
        self._scaled_areas = (x2 - x1) * (y2 - y1) * np.float32(threshold)
        self._factor = np.float32(1 + threshold)
        self._class_ids = class_ids

    def class_ids_of(self, places: Indices) -> npt.NDArray[Any]:
        """Their classes; zeros where all count as one."""
        return np.zeros(len(places), np.intp) if self._class_ids is None else self._class_ids[places]

    def fall(self, kept: Indices, block: Indices) -> npt.NDArray[np.bool_]:
        """Which boxes of a block overlap too much with one of those that are kept."""
        kept = kept[np.argsort(self.class_ids_of(kept), kind="stable")]
        kept_ids, block_ids = self.class_ids_of(kept), self.class_ids_of(block)
        starts = np.searchsorted(kept_ids, block_ids, side="left")
        counts = np.searchsorted(kept_ids, block_ids, side="right") - starts
        if counts.sum() * _PAIR_COST > len(kept) * len(block):
            pairs = self.exceed(kept[:, None], block) & (kept_ids[:, None] == block_ids)
            return np.asarray(pairs.any(axis=0))
        places, peers = _spread(starts, counts)
        fallen = np.zeros(len(block), np.bool_)
        fallen[places[self.exceed(kept[peers], block[places])]] = True
        return fallen

    def exceed(self, first: Indices, second: Indices) -> npt.NDArray[np.bool_]:
        """Whether boxes, broadcast against each other, overlap too much, whatever their classes.

        ``i / (a + b - i) > t`` is tested as ``i * (1 + t) > t * a + t * b``: no division, and nothing divided by zero
        for boxes without an area.
        """
        left, top, right, bottom = self._corners
        overlap = _common(left[first], right[first], left[second], right[second])
        overlap *= _common(top[first], bottom[first], top[second], bottom[second])
        overlap *= self._factor
        exceeding: npt.NDArray[np.bool_] = overlap > self._scaled_areas[first] + self._scaled_areas[second]
        return exceeding


def _common(low: Boxes, high: Boxes, low_: Boxes, high_: Boxes) -> Boxes:
    """Length that intervals have in common, 0 if none."""
    common: Boxes = np.minimum(high, high_)
    common -= np.maximum(low, low_)
    np.maximum(common, 0, out=common)
    return common

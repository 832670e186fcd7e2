"""Key points of the shapes: corners, tips, arms and ends, in an order that what the picture shows decides.

Most shapes look the same after some turn, so no corner has an identity of its own. The key points of a shape are
therefore listed clockwise as seen in the picture, from the topmost one, except where one of them is unmistakable (the
tip of a heart, the back of a crescent): there it is the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from shapes import CLASS_NAMES, ROUND_POINTS, Contours, bounds

if TYPE_CHECKING:
    from scenes import Scene

SLOTS = 6
#: Third number of a key point, as COCO counts: no such key point, hidden or outside the picture, visible.
UNUSED, HIDDEN, VISIBLE = 0, 1, 2
#: Distance, as a part of the square root of the object's area, at which similarity has fallen to exp(-1/2).
FALL_OFF = 0.1
_QUARTER = ROUND_POINTS // 4


@attrs.frozen(kw_only=True)
class KeyPoints:
    """Which key points a class has.

    Attributes:
        names: By slot.
        groups: For each the points of the outer contour whose mean it is, in contour order; empty: the topmost,
            rightmost, lowest and leftmost point of a round shape.
        anchored: Whether the first one is unmistakable.
        crossed: Whether lines join opposite ones rather than neighbours.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    anchored: bool = False
    crossed: bool = False

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of slots that a line joins."""
        count = len(self.names)
        return ((0, 2), (1, 3)) if self.crossed else tuple((i, (i + 1) % count) for i in range(count))


def _numbered(word: str, count: int, step: int = 1) -> KeyPoints:
    names = tuple(f"{word} {number}" for number in range(1, count + 1))
    return KeyPoints(names=names, groups=tuple((i * step,) for i in range(count)))


_ROUND = KeyPoints(names=("top", "right", "bottom", "left"), crossed=True)
KEY_POINTS: dict[str, KeyPoints] = {
    "circle": _ROUND,
    "ellipse": attrs.evolve(_numbered("end", 4, _QUARTER), crossed=True),
    "ring": _ROUND,
    "crescent": KeyPoints(
        names=("back", "horn 1", "horn 2"), groups=((ROUND_POINTS // 2,), (ROUND_POINTS,), (0,)), anchored=True
    ),
    "triangle": _numbered("corner", 3),
    "square": _numbered("corner", 4),
    "rectangle": _numbered("corner", 4),
    "pentagon": _numbered("corner", 5),
    "hexagon": _numbered("corner", 6),
    "star": _numbered("tip", 5, 2),
    "cross": KeyPoints(
        names=tuple(f"arm {i}" for i in range(1, 5)), groups=((0, 1), (3, 4), (6, 7), (9, 10)), crossed=True
    ),
    "heart": KeyPoints(
        names=("tip", "side 1", "notch", "side 2"),
        groups=tuple((quarter * _QUARTER,) for quarter in (2, 3, 0, 1)),
        anchored=True,
    ),
}
COUNTS = np.array([len(KEY_POINTS[name].names) for name in CLASS_NAMES])
_ANCHORED = np.array([KEY_POINTS[name].anchored for name in CLASS_NAMES])


def contour_key_points(class_id: int, contours: Contours) -> np.ndarray:
    """The key points of a placed shape, float32 [points, 2], in any order around it (the unmistakable one first)."""
    groups = KEY_POINTS[CLASS_NAMES[class_id]].groups
    if groups:
        return np.stack([contours[0][list(group)].mean(axis=0) for group in groups])
    x1, y1, x2, y2 = bounds(contours)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return np.array([[x, y1], [x2, y], [x, y2], [x1, y]], np.float32)


def scene_key_points(scene: Scene) -> np.ndarray:
    """float32 [objects, SLOTS, 3]: x and y in pixels of the picture, and `UNUSED`, `HIDDEN` or `VISIBLE`."""
    result = np.zeros((len(scene.objects), SLOTS, 3), np.float32)
    for index, item in enumerate(scene.objects):
        points = contour_key_points(item.class_id, item.contours)
        result[index, : len(points), :2] = points + np.float32(0.5)  # contours count from the middle of a pixel
        result[index, : len(points), 2] = np.where(_shown(points, scene.labels, index + 1), VISIBLE, HIDDEN)
    return ordered(result, scene.class_ids)


def _shown(points: np.ndarray, labels: np.ndarray, label: int) -> np.ndarray:
    """Inside the picture, and nothing of the objects in front covers the pixel: bool [points]."""
    height, width = labels.shape
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return inside & (labels[y.clip(0, height - 1), x.clip(0, width - 1)] <= label)


def ordered(key_points: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Key points in the order that the picture decides; needed again after it was mirrored or turned.

    Args:
        key_points: float32 [objects, SLOTS, 3], those of each object in a row around it.
        classes: int64 [objects]; objects of a negative class have none.
    """
    counts = np.where(classes >= 0, COUNTS[classes], 1)
    slots = np.arange(SLOTS)
    following = np.where(slots + 1 < counts[:, None], slots + 1, 0)
    x, y = key_points[..., 0], key_points[..., 1]
    turns = x * np.take_along_axis(y, following, 1) - np.take_along_axis(x, following, 1) * y
    used = slots < counts[:, None]
    direction = np.where((turns * used).sum(axis=1) >= 0, 1, -1)  # positive: clockwise, as y points down
    topmost = np.where(used, y, np.inf).argmin(axis=1)
    start = np.where((classes >= 0) & _ANCHORED[classes], 0, topmost)
    index = (start[:, None] + direction[:, None] * slots) % counts[:, None]
    result = np.take_along_axis(key_points, index[..., None], axis=1)
    return np.where((used & (classes >= 0)[:, None])[..., None], result, np.float32(0))


def similarity(found: np.ndarray, truth: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """COCO's object key-point similarity, over the visible key points of each true object.

    Args:
        found: float [n, slots, 2 or more], pixels.
        truth: float [m, slots, 3], as `scene_key_points` gives it.
        areas: float [m], visible pixels of each true object.

    Returns:
        float [n, m], 0..1.
    """
    squares = np.square(found[:, None, :, :2] - truth[None, :, :, :2]).sum(axis=-1)
    visible = truth[None, :, :, 2] == VISIBLE
    close = np.exp(-squares / (2 * areas[None, :, None] * FALL_OFF**2)) * visible
    return close.sum(axis=2) / np.maximum(visible.sum(axis=2), 1)

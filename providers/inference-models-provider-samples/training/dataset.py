"""Scenes as network input: letterboxing, a cache of pictures in memory, and cheap augmentation."""

from __future__ import annotations

from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

import attrs
import cv2
import numpy as np
import torch
from key_points import HIDDEN, SLOTS, VISIBLE, ordered, scene_key_points
from plain import IMAGE_SIZE, PADDING_VALUE, letterbox
from scenes import MAXIMUM_OBJECTS, Scene, generate_scene
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Scenes of the cache are drawn at up to this much less than the full size, and moved by up to this many pixels.
SMALLEST_SCALE = 0.9
LARGEST_SHIFT = 10
#: After augmentation an object must keep this part of its box.
MINIMUM_KEPT = 0.6
COLOURS = 3


class Row(NamedTuple):
    """One sample, or several with one more axis in front.

    Attributes:
        images: uint8 [size, size, 3], RGB, or 4 channels: the last is the label map, i + 1 where object i is seen
            (and numbers above `MAXIMUM_OBJECTS` mean nothing).
        boxes: float32 [MAXIMUM_OBJECTS, 4], xyxy network pixels, zeros where there is no object.
        classes: int64 [MAXIMUM_OBJECTS], -1 where there is no object.
        key_points: float32 [MAXIMUM_OBJECTS, SLOTS, 3]: x, y, visibility.
    """

    images: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    key_points: np.ndarray


@attrs.frozen(kw_only=True)
class Samples:
    """Letterboxed scenes, in memory; `rows` has the number of them as first axis."""

    rows: Row = attrs.field(eq=False)

    def __len__(self) -> int:
        return len(self.rows.images)

    def truth(self, index: int) -> Row:
        """One sample, without the places for objects that it does not have."""
        row = Row(*(column[index] for column in self.rows))
        there = row.classes >= 0
        return Row(row.images, row.boxes[there], row.classes[there], row.key_points[there])

    def batch(self, indices: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        """Some samples as tensors, augmented if `rng` is given."""
        rows = Row(*(column[indices] for column in self.rows))
        return to_batch(rows if rng is None else augmented(rows, rng))


class Batch(NamedTuple):
    """Samples as tensors, n of them.

    Attributes:
        images: uint8 [n, 3, size, size], RGB, channels last in memory.
        boxes: float32 [n, objects, 4]; see `Row`.
        classes: int64 [n, objects].
        key_points: float32 [n, objects, SLOTS, 3].
        labels: uint8 [n, size, size], or without pixels.
    """

    images: Tensor
    boxes: Tensor
    classes: Tensor
    key_points: Tensor
    labels: Tensor

    def to(self, device: str | torch.device) -> Batch:
        """The batch in a device's memory, pictures as float32 in 0..1."""
        moved = Batch(*(part.to(device) for part in self))
        return moved._replace(images=moved.images.float().div_(255))


def to_batch(rows: Row) -> Batch:
    planes = torch.from_numpy(np.ascontiguousarray(rows.images)).permute(0, 3, 1, 2)
    others = (torch.from_numpy(np.ascontiguousarray(part)) for part in rows[1:])
    return Batch(planes[:, :COLOURS], *others, planes[:, COLOURS:].flatten(1, 2))


def in_parallel(function: Callable[[int], object], seeds: Sequence[int], workers: int) -> list[object]:
    """Results in the order of the seeds."""
    with get_context("spawn").Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return pool.map(function, seeds, chunksize=16)


def make_samples(seeds: Sequence[int], *, jitter: bool, labels: bool = False, workers: int = 2) -> Samples:
    """Draw the scenes of the seeds in parallel; with `jitter` their scale and place in the square vary."""
    rows = in_parallel(partial(_sample, jitter=jitter, labels=labels), seeds, workers)
    return Samples(rows=Row(*(np.stack(column) for column in zip(*rows, strict=True))))


def _sample(seed: int, *, jitter: bool, labels: bool) -> Row:
    scene = generate_scene(seed)
    if not jitter:
        return scene_row(scene, labels=labels)
    rng = np.random.default_rng([seed, 1])
    place = (rng.random(), rng.random())
    return scene_row(scene, labels=labels, fill=rng.uniform(SMALLEST_SCALE, 1.0), place=place)


def scene_row(scene: Scene, *, labels: bool = False, fill: float = 1.0, place: tuple[float, float] = (0.5, 0.5)) -> Row:
    """A scene as the network sees it; `fill` and `place` as in `letterbox`."""
    image, scale, left, top = letterbox(scene.image, fill=fill, place=place)
    if labels:
        plane, *_ = letterbox(scene.labels, fill=fill, place=place, padding=0, interpolation=cv2.INTER_NEAREST_EXACT)
        image = np.dstack([image, plane])
    boxes = np.zeros((MAXIMUM_OBJECTS, 4), np.float32)
    classes = np.full(MAXIMUM_OBJECTS, -1, np.int64)
    key_points = np.zeros((MAXIMUM_OBJECTS, SLOTS, 3), np.float32)
    count = len(scene.objects)
    boxes[:count] = scene.boxes * scale + np.array([left, top, left, top], np.float32)
    classes[:count] = scene.class_ids
    key_points[:count] = scene_key_points(scene) * np.array([scale, scale, 1], np.float32)
    key_points[:count, :, :2] += np.array([left, top], np.float32)
    return Row(image, boxes, classes, ordered(key_points, classes))


def augmented(rows: Row, rng: np.random.Generator) -> Row:
    """Per picture: shift, channel order; per batch: mirror both ways and swap the axes (no class has a handedness)."""
    shifted = [_shifted(Row(*row), rng) for row in zip(*rows, strict=True)]
    images, boxes, classes, key_points = (np.stack(column) for column in zip(*shifted, strict=True))
    if rng.random() < 0.5:
        images, boxes, key_points = images[:, :, ::-1], _mirrored(boxes, 0), _mirrored(key_points, 0)
    if rng.random() < 0.5:
        images, boxes, key_points = images[:, ::-1], _mirrored(boxes, 1), _mirrored(key_points, 1)
    if rng.random() < 0.5:
        images = images.transpose(0, 2, 1, 3)
        boxes, key_points = boxes[..., [1, 0, 3, 2]], key_points[..., [1, 0, 2]]
    boxes = np.where((classes >= 0)[..., None], boxes, np.float32(0))
    in_order = ordered(key_points.reshape(-1, SLOTS, 3), classes.reshape(-1))
    return Row(images, boxes, classes, in_order.reshape(key_points.shape))


def _shifted(row: Row, rng: np.random.Generator) -> Row:
    dx, dy = (int(v) for v in rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, 2))
    padded = np.pad(row.images, ((LARGEST_SHIFT,) * 2, (LARGEST_SHIFT,) * 2, (0, 0)), constant_values=PADDING_VALUE)
    top, left = LARGEST_SHIFT - dy, LARGEST_SHIFT - dx
    channels = [*rng.permutation(COLOURS), *range(COLOURS, row.images.shape[2])]
    moved = padded[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE, channels]
    clipped = np.clip(row.boxes + np.array([dx, dy, dx, dy], np.float32), 0, IMAGE_SIZE)
    kept = _area(clipped) >= MINIMUM_KEPT * _area(row.boxes)
    key_points = row.key_points + np.array([dx, dy, 0], np.float32)
    outside = ((key_points[..., :2] < 0) | (key_points[..., :2] >= IMAGE_SIZE)).any(axis=-1)
    key_points[outside & (key_points[..., 2] == VISIBLE), 2] = HIDDEN
    return Row(moved, clipped, np.where(kept, row.classes, -1), key_points)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _mirrored(values: np.ndarray, axis: int) -> np.ndarray:
    """Boxes [..., 4] or key points [..., 3], left and right (axis 0) or top and bottom (axis 1) exchanged."""
    flipped = values.copy()
    if values.shape[-1] == 4:
        flipped[..., axis], flipped[..., axis + 2] = IMAGE_SIZE - values[..., axis + 2], IMAGE_SIZE - values[..., axis]
    else:
        flipped[..., axis] = IMAGE_SIZE - values[..., axis]
    return flipped

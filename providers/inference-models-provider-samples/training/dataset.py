"""Scenes as network input: letterboxing, a cache of pictures in memory, and cheap augmentation."""

from __future__ import annotations

from multiprocessing import get_context
from typing import TYPE_CHECKING

import attrs
import cv2
import numpy as np
import torch
from plain import IMAGE_SIZE, PADDING_VALUE, letterbox
from scenes import MAXIMUM_OBJECTS, Scene, generate_scene
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Scenes of the cache are drawn at up to this much less than the full size, and moved by up to this many pixels.
SMALLEST_SCALE = 0.9
LARGEST_SHIFT = 10
#: After augmentation an object must keep this part of its box.
MINIMUM_KEPT = 0.6
#: Picture, boxes and classes of one sample, shapes as in `Samples` without the first axis.
Row = tuple[np.ndarray, np.ndarray, np.ndarray]


@attrs.frozen(kw_only=True)
class Samples:
    """Letterboxed scenes.

    Attributes:
        images: uint8 [n, size, size, 3], RGB.
        boxes: float32 [n, MAXIMUM_OBJECTS, 4], xyxy network pixels, zeros where there is no object.
        classes: int64 [n, MAXIMUM_OBJECTS], -1 where there is no object.
    """

    images: np.ndarray = attrs.field(eq=False)
    boxes: np.ndarray = attrs.field(eq=False)
    classes: np.ndarray = attrs.field(eq=False)


def make_samples(seeds: Sequence[int], *, jitter: bool, workers: int = 2) -> Samples:
    """Draw the scenes of the seeds in parallel; with `jitter` their scale and place in the square vary."""
    with get_context("spawn").Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        rows = pool.starmap(_sample, [(seed, jitter) for seed in seeds], chunksize=16)
    images, boxes, classes = (np.stack(column) for column in zip(*rows, strict=True))
    return Samples(images=images, boxes=boxes, classes=classes)


def _sample(seed: int, jitter: bool) -> Row:
    scene = generate_scene(seed)
    if not jitter:
        return _row(scene, *letterbox(scene.image))
    rng = np.random.default_rng([seed, 1])
    place = (rng.random(), rng.random())
    return _row(scene, *letterbox(scene.image, fill=rng.uniform(SMALLEST_SCALE, 1.0), place=place))


def _row(scene: Scene, square: np.ndarray, scale: float, left: int, top: int) -> Row:
    boxes = np.zeros((MAXIMUM_OBJECTS, 4), np.float32)
    classes = np.full(MAXIMUM_OBJECTS, -1, np.int64)
    count = len(scene.objects)
    boxes[:count] = scene.boxes * scale + np.array([left, top, left, top], np.float32)
    classes[:count] = scene.class_ids
    return square, boxes, classes


def batch(
    samples: Samples, indices: np.ndarray, rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The samples of `indices` as tensors, augmented if `rng` is given.

    Returns:
        Images float32 [n, 3, size, size] in 0..1, channels last in memory; boxes and classes as in `Samples`.
    """
    images, boxes, classes = samples.images[indices], samples.boxes[indices], samples.classes[indices]
    if rng is not None:
        images, boxes, classes = _augmented(images, boxes, classes, rng)
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return tensor.float().div_(255), torch.from_numpy(boxes), torch.from_numpy(classes)


def _augmented(images: np.ndarray, boxes: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Row:
    """Per picture: shift, channel order; per batch: mirror both ways and swap the axes (no class has a handedness)."""
    rows = [_shifted(*row, rng) for row in zip(images, boxes, classes, strict=True)]
    images, boxes, classes = (np.stack(column) for column in zip(*rows, strict=True))
    if rng.random() < 0.5:
        images, boxes = images[:, :, ::-1], _mirrored(boxes, classes, 0)
    if rng.random() < 0.5:
        images, boxes = images[:, ::-1], _mirrored(boxes, classes, 1)
    if rng.random() < 0.5:
        images, boxes = images.transpose(0, 2, 1, 3), np.ascontiguousarray(boxes[..., [1, 0, 3, 2]])
    return images, boxes, classes


def _shifted(image: np.ndarray, boxes: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Row:
    dx, dy = (int(v) for v in rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, 2))
    padded = np.pad(image, ((LARGEST_SHIFT,) * 2, (LARGEST_SHIFT,) * 2, (0, 0)), constant_values=PADDING_VALUE)
    top, left = LARGEST_SHIFT - dy, LARGEST_SHIFT - dx
    moved = padded[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE, rng.permutation(3)]
    clipped = np.clip(boxes + np.array([dx, dy, dx, dy], np.float32), 0, IMAGE_SIZE)
    kept = _area(clipped) >= MINIMUM_KEPT * _area(boxes)
    classes = np.where(kept, classes, -1)
    return moved, np.where((classes >= 0)[:, None], clipped, 0), classes


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _mirrored(boxes: np.ndarray, classes: np.ndarray, axis: int) -> np.ndarray:
    flipped = boxes.copy()
    flipped[..., axis], flipped[..., axis + 2] = IMAGE_SIZE - boxes[..., axis + 2], IMAGE_SIZE - boxes[..., axis]
    return np.where((classes >= 0)[..., None], flipped, np.float32(0))

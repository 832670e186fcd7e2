"""Crops of one shape each, for the classifier."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from dataset import COLOURS, Batch, in_parallel
from plain import letterbox
from scenes import Scene, generate_scene

if TYPE_CHECKING:
    from collections.abc import Sequence

CROP_SIZE = 96
#: Around the box, as a part of its longer side: what a held-out crop has, and the range that training draws from.
MARGIN = 0.1
MARGINS = (-0.05, 0.3)


@attrs.frozen(kw_only=True)
class Crops:
    """Letterboxed crops, in memory.

    Attributes:
        images: uint8 [n, CROP_SIZE, CROP_SIZE, 3], RGB.
        classes: int64 [n].
    """

    images: np.ndarray = attrs.field(eq=False)
    classes: np.ndarray = attrs.field(eq=False)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        """Some crops as tensors, mirrored, turned and with mixed-up colours if `rng` is given."""
        images = self.images[indices]
        if rng is not None:
            images = np.stack([_augmented(image, rng) for image in images])
        none = torch.empty(0)
        planes = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        return Batch(planes, none, torch.from_numpy(self.classes[indices]), none, none)


def make_crops(seeds: Sequence[int], *, jitter: bool, workers: int = 2) -> Crops:
    """The crops of all objects of the seeds' scenes; with `jitter` their margins vary, each side on its own."""
    rows = [row for rows in in_parallel(partial(_crops, jitter=jitter), seeds, workers) for row in rows]
    images, classes = (np.stack(column) for column in zip(*rows, strict=True))
    return Crops(images=images, classes=classes.astype(np.int64))


def scene_crops(scene: Scene, rng: np.random.Generator | None = None) -> list[np.ndarray]:
    """BGR parts of the picture, one an object; margins drawn if `rng` is given."""
    height, width = scene.image.shape[:2]
    crops = []
    for box in scene.boxes:
        margins = np.full(4, MARGIN) if rng is None else rng.uniform(*MARGINS, 4)
        low, high = (margins * (box[2:] - box[:2]).max()).reshape(2, 2)
        x1, y1 = np.clip(np.floor(box[:2] - low), 0, None).astype(int)
        x2, y2 = np.clip(np.ceil(box[2:] + high), [x1 + 1, y1 + 1], [width, height]).astype(int)
        crops.append(scene.image[y1:y2, x1:x2])
    return crops


def _crops(seed: int, *, jitter: bool) -> list[tuple[np.ndarray, int]]:
    scene = generate_scene(seed)
    crops = scene_crops(scene, np.random.default_rng([seed, 2]) if jitter else None)
    squares = [letterbox(crop, size=CROP_SIZE)[0] for crop in crops]
    return [(square, item.class_id) for square, item in zip(squares, scene.objects, strict=True)]


def _augmented(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turned = np.rot90(image, int(rng.integers(4)))[..., rng.permutation(COLOURS)]
    return turned[:, ::-1] if rng.random() < 0.5 else turned

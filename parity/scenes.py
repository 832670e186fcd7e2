"""What the graphs find: boxes, scores, masks and key points in the layouts of each architecture, by seed.

Scores keep their distance from every threshold that the cases use, and the picture moves them by less, so that an
answer never depends on the last digit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from parity.graphs import Output

Array = npt.NDArray[np.float64]
Size = tuple[int, int]

#: Every threshold of :mod:`parity.matrix`, of the packages' recommendations, and of the families' defaults.
THRESHOLDS = (0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
MARGIN, SWAY = 0.04, 0.03
BOX_SWAY = 2.0  # pixels
LOGIT_SWAY = 0.1
CLASSES = ("cat", "dog", "bird", "fish")
#: Key points of each class; the widest gives the slots.
KEY_POINTS = (3, 2, 3, 1)
SLOTS = max(KEY_POINTS)
COEFFICIENTS = 32


def scores(rng: np.random.Generator, *shape: int) -> Array:
    """Scores from 0.05 to 0.95, none near a threshold."""
    drawn = rng.uniform(0.05, 0.95, (64, *shape))
    near = (np.abs(drawn[..., None] - THRESHOLDS) < MARGIN).any(axis=-1)
    return np.take_along_axis(drawn, near.argmin(axis=0)[None], axis=0)[0]


def boxes(rng: np.random.Generator, size: Size, clusters: int, members: int) -> Array:
    """(clusters * members, 4) corners in pixels; the members of a cluster overlap, from a little to nearly all."""
    height, width = size
    centre = rng.uniform((0.1 * width, 0.1 * height), (0.9 * width, 0.9 * height), (clusters, 2)).repeat(members, 0)
    extent = rng.uniform((10, 10), (0.45 * width, 0.45 * height), (clusters, 2)).repeat(members, 0)
    moved = centre + extent * rng.uniform(-0.3, 0.3, centre.shape)
    grown = extent * rng.uniform(0.85, 1.15, extent.shape)
    return np.concatenate([moved - grown / 2, moved + grown / 2], axis=1)


def boxes_of_masks(found: Array) -> Array:
    """The boxes moved to where rounding to pixels of a mask at stride 4 is never a close call."""
    return np.round(found / 4) * 4 + 0.5 + np.where(np.arange(4) < 2, 0, 4)


def coefficients(rng: np.random.Generator, count: int) -> Array:
    """(count, 32): how much of each prototype there is in each mask."""
    return rng.normal(size=(count, COEFFICIENTS)) / np.sqrt(COEFFICIENTS) * 2


def class_scores(rng: np.random.Generator, count: int, classes: int = len(CLASSES), members: int = 1) -> Array:
    """(count, classes): one class stands out; neighbours mostly share it."""
    best = np.where(rng.random(count) < 0.7, rng.integers(0, classes, count // members).repeat(members), 0)
    found = rng.uniform(0.0, 0.01, (count, classes))
    found[np.arange(count), best] = scores(rng, count)
    return found


def xywh(corners: Array) -> Array:
    """Centres and sizes of boxes."""
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def logits(shares: Array) -> Array:
    """What a sigmoid turns into these shares."""
    return np.log(shares / (1 - shares))


def key_points(rng: np.random.Generator, corners: Array, slots: int = SLOTS) -> tuple[Array, Array]:
    """(n, slots, 3) x, y, confidence, some outside of their boxes, and how far the picture moves them."""
    at = rng.uniform(-0.1, 1.1, (len(corners), slots, 2))
    xy = corners[:, None, :2] + at * (corners[:, None, 2:] - corners[:, None, :2])
    values = np.concatenate([xy, scores(rng, len(corners), slots)[..., None]], axis=2)
    return values, np.broadcast_to([BOX_SWAY, BOX_SWAY, SWAY], values.shape)


def joined(*parts: tuple[Array, Array | float], fields_first: bool = False) -> Output:
    """Columns side by side as one output, each with how far the picture moves it."""
    values = [np.asarray(value, float).reshape(len(value), -1) for value, _ in parts]
    sways = [
        np.broadcast_to(np.asarray(sway, float).reshape(len(value), -1) if np.ndim(sway) else sway, value.shape)
        for (_, sway), value in zip(parts, values, strict=True)
    ]
    base, amplitude = np.concatenate(values, axis=1), np.concatenate(sways, axis=1)
    return Output(base=base.T, amplitude=amplitude.T) if fields_first else Output(base=base, amplitude=amplitude)


def rows(rng: np.random.Generator, size: Size, count: int = 20) -> tuple[Array, list[tuple[Array, Array | float]]]:
    """Final rows of box, score and class, by descending score; some are empty."""
    corners = boxes(rng, size, count, 1)
    found = np.sort(scores(rng, count))[::-1]
    labels = rng.integers(0, len(CLASSES), count).astype(float)
    sway = np.full((count, 4), BOX_SWAY)
    corners[-2:], found[-2:], labels[-2:], sway[-2:] = 0, 0.01, 0, 0
    return corners, [(corners, sway), (found, np.where(found > SWAY, SWAY, 0)), (labels, 0.0)]


def blobs(rng: np.random.Generator, count: int, size: Size) -> Array:
    """(count, h, w): smooth hills and valleys between about -2 and 2."""
    coarse = rng.normal(size=(count, 5, 5))
    return _smooth(_smooth(coarse, size[0], 1), size[1], 2) * 1.5


def _smooth(values: Array, length: int, axis: int) -> Array:
    """Stretches an axis by cosine interpolation."""
    count = values.shape[axis]
    at = np.linspace(0, count - 1, length)
    low = np.minimum(at.astype(int), count - 2)
    share = (1 - np.cos((at - low) * np.pi)) / 2
    share = share.reshape([-1 if dimension == axis else 1 for dimension in range(values.ndim)])
    return values.take(low, axis) * (1 - share) + values.take(low + 1, axis) * share

"""Maps of the whole picture: a class or a number for every pixel, from the network's smaller planes.

Planes are resized as :mod:`~inference_models_vision.decoding.masks` resizes them, in tiles that stay in the
processor's cache: all planes of a tile are resized with two small matrix products and used up before the next tile
comes. For 21 classes and 1920x1080 pixels the whole planes would be 174 MB, written and read again at every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from inference_models_core.errors import ModelOutputError

from inference_models_vision.decoding.kernels import to_numpy
from inference_models_vision.decoding.masks import Axis, axes, sigmoid
from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.tensors import Array

    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]
    Place = tuple[slice, slice]

_TILE_ROWS = 32
_TILE_COLUMNS = 128
_LIMIT = 1e30
"""Numbers from here on count as infinite: weighted sums of greater ones may overflow."""


class Channels(NamedTuple):
    """What the channels of a map of logits mean.

    Attributes:
        class_ids: (channels,) integers, the class of each; their type becomes that of the map.
        thresholds: (channels,) float32, the confidence that each needs at least; infinity where it never counts.
        background: The class of pixels that have no other.
        independent: Whether a logit has its own probability (sigmoid); else they share one (softmax).
    """

    class_ids: npt.NDArray[np.integer]
    thresholds: Floats
    background: int
    independent: bool = False


def class_map(
    logits: Array, geometry: Geometry, channels: Channels
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float32]]:
    """The class of every pixel, and how sure it is.

    Logits are resized, not probabilities. The confidence is the softmax of the greatest logit, or its sigmoid where
    channels are independent or there is one alone. Where it is below the threshold of its class, where a logit is NaN
    or positively infinite, and where the network saw nothing of the picture, the class is the background and the
    confidence 0.

    Args:
        logits: (channels, h, w) floats of any array library; the planes cover the network's input, at any stride.
        geometry: The picture's mapping.
        channels: What they mean.

    Returns:
        (H, W) class ids and (H, W) float32 of the original picture.

    Raises:
        ModelOutputError: If there are not three axes, or one is empty.
    """
    planes, unknown = _known(np.maximum(_planes(logits), np.float32(-_LIMIT / 2)))
    classes = np.full(geometry.picture_size, channels.background, channels.class_ids.dtype)
    confidence = np.zeros(geometry.picture_size, np.float32)
    codes = _codes(len(planes))
    class_of_code = np.append(channels.class_ids.dtype.type(channels.background), channels.class_ids[::-1])
    least_of_code = np.append(np.float32(0), channels.thresholds[::-1])
    softmax = len(planes) > 1 and not channels.independent
    with np.errstate(under="ignore"):
        for place, values in _tiles(planes, geometry):
            best = np.maximum.reduce(values, axis=0)
            winners = np.maximum.reduce((values == best).view(np.uint8) * codes, axis=0)
            shares = _softmax(values, best) if softmax else sigmoid(best)
            enough = shares >= least_of_code.take(winners)
            np.multiply(shares, enough, out=confidence[place])
            classes[place] = class_of_code.take(winners * enough)
    if unknown is not None:
        hidden = _reach(unknown, geometry)
        classes[hidden], confidence[hidden] = channels.background, 0
    return classes, confidence


def value_map(plane: Array, geometry: Geometry) -> Floats:
    """The value of every pixel.

    Args:
        plane: (h, w) floats of any array library; covers the network's input, at any stride.
        geometry: The picture's mapping.

    Returns:
        (H, W) float32 of the original picture; 0 where the network saw nothing of it, and where a value that the pixel
        depends on is NaN or infinite.

    Raises:
        ModelOutputError: If there are not two axes, or one is empty.
    """
    planes, unknown = _known(_planes(plane[None]))
    found = np.zeros(geometry.picture_size, np.float32)
    for place, values in _tiles(planes, geometry):
        found[place] = values[0]
    if unknown is not None:
        found[_reach(unknown, geometry)] = 0
    return found


def _planes(output: Array) -> Floats:
    with np.errstate(over="ignore"):  # what is too great becomes infinite
        planes: Floats = np.asarray(to_numpy(output), np.float32)
    if planes.ndim != 3 or 0 in planes.shape:
        raise ModelOutputError(
            f"a map should come as (channels, height, width) per picture; the graph gives {planes.shape}",
            hint="the graph is of another family or task",
        )
    return planes


def _known(planes: Floats) -> tuple[Floats, Flags | None]:
    """Planes without what is not finite, and (h, w) where that was in any of them; ``None`` for nowhere."""
    if planes.min() > -_LIMIT and planes.max() < _LIMIT:  # false for NaN
        return planes, None
    usable = np.abs(planes) < _LIMIT
    return np.where(usable, planes, np.float32(0)), np.logical_or.reduce(~usable, axis=0)


def _reach(unknown: Flags, geometry: Geometry) -> Flags:
    """(H, W): the pixels of the picture that depend on any of (h, w)."""
    reached = np.zeros(geometry.picture_size, np.bool_)
    for place, values in _tiles(unknown[None].astype(np.float32), geometry):
        reached[place] = values[0] > 0
    return reached


def _codes(channels: int) -> npt.NDArray[np.unsignedinteger]:
    """(channels, 1, 1) from ``channels`` down to 1, in as few bytes as possible.

    The greatest code among the channels that share the greatest logit is that of the first; 0 is left for none. numpy's
    ``argmax`` takes 8 times as long along the first axis.
    """
    return np.arange(channels, 0, -1).astype(np.min_scalar_type(channels))[:, None, None]


def _softmax(values: Floats, best: Floats) -> Floats:
    """The softmax of the greatest of (channels, h, w), which is ``best``; overwrites the values."""
    values -= best
    flat = values.reshape(len(values), -1)
    cv2.exp(flat, dst=flat)  # a quarter of the time of numpy's, to 1e-6
    shares: Floats = np.reciprocal(np.add.reduce(values, axis=0))
    return shares


def _tiles(planes: Floats, geometry: Geometry) -> Iterator[tuple[Place, Floats]]:
    """Where each tile is in the picture, and the planes resized to it: (channels, height, width), to be kept or not.

    What the network did not see of the picture is in none.
    """
    rows, columns = axes(planes.shape[1:], geometry)
    across = list(_steps(columns, _TILE_COLUMNS, geometry.offset_x))
    for y, top, bottom, down in _steps(rows, _TILE_ROWS, geometry.offset_y):
        for x, left, right, along in across:
            part = np.ascontiguousarray(planes[:, top:bottom, left:right])
            wide = part.reshape(-1, right - left) @ along.T
            yield (y, x), down @ wide.reshape(len(planes), bottom - top, -1)


def _steps(axis: Axis, length: int, offset: int) -> Iterator[tuple[slice, int, int, Floats]]:
    """Pieces of an axis: pixels of the picture, first and last pixel of the plane, weights.

    Weights sum to 1 here: at the edge of what the network saw, the rest is taken from what it did see.
    """
    shares = axis.weights.sum(axis=1)
    seen = np.flatnonzero(shares > 0.5)
    stop = int(seen[-1]) + 1 if len(seen) else 0
    for begin in range(int(seen[0]) if len(seen) else 0, stop, length):
        end = min(begin + length, stop)
        low, high = max(int(axis.first[begin]), axis.begin), min(int(axis.last[end - 1]), axis.end)
        weights = axis.weights[begin:end, low:high] / shares[begin:end, None]
        yield slice(begin + offset, end + offset), low, high, weights

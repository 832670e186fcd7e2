"""Masks of instances, from the network's small planes to crops in pixels of the picture.

A plane of the network is resized to the picture by linear interpolation, which is separable: ``V @ plane @ H.T`` with
one row of weights per pixel of the picture. A part of the resized plane is that product with parts of its factors, so
each mask is computed in its own window alone and is still exactly the part of the whole that it would have been.

Where a plane has more pixels than the picture, the weights average over all of them (the triangle filter of PIL and
torchvision's ``antialias=True``); where it has fewer, they are bilinear interpolation as everybody does it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.masks import Masks

from inference_models_vision.decoding.kernels import to_numpy

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.tensors import Array

    Floats = npt.NDArray[np.float32]
    Places = npt.NDArray[np.int64]

_FAR = 1e6
_SOURCE_ROWS = 8
"""Rows of a plane that one product takes: so few that zeros among the weights cost little, so many that calls do."""


def prototype_masks(
    prototypes: Array,
    coefficients: Floats,
    boxes: Floats,
    geometry: Geometry,
    *,
    threshold: float,
    smoothing: bool = False,
) -> Masks:
    """Masks that are weighted sums of prototypes, cut to their boxes.

    Args:
        prototypes: (c, h, w) floats of any array library; the planes cover the network's input, at any stride.
        coefficients: (n, c) float32.
        boxes: (n, 4) float32, x1 y1 x2 y2 in network pixels, without NaN. Rounded to whole prototype pixels, half to
            even; what lies outside is 0.
        geometry: The picture's mapping.
        threshold: What a pixel has to exceed after resizing.
        smoothing: Whether sums go through a sigmoid before they are resized.

    Returns:
        n masks on the original picture. A mask reaches beyond its box by less than one prototype pixel, where the
        interpolation fades to 0.

    Raises:
        ModelOutputError: If shapes do not fit each other.
    """
    planes = _products(to_numpy(prototypes), coefficients)
    rows, columns = axes(planes.shape[1:], geometry)
    (height, width), (net_height, net_width) = planes.shape[1:], geometry.network_size
    scales = np.array([width / net_width, height / net_height] * 2)
    cells = np.round(boxes.clip(-_FAR, _FAR) * scales).astype(np.int64)
    return _masks(sigmoid if smoothing else _unchanged, planes, cells, rows, columns, geometry, threshold)


def plane_masks(logits: Array, geometry: Geometry, *, threshold: float = 0.0) -> Masks:
    """Masks that a network gives as whole planes.

    Args:
        logits: (n, h, w) floats of any array library; the planes cover the network's input, at any stride.
        geometry: The picture's mapping.
        threshold: What a pixel has to exceed after resizing.

    Returns:
        n masks on the original picture.

    Raises:
        ModelOutputError: If there are not three axes, or a plane has no pixels.
    """
    planes = np.asarray(to_numpy(logits), np.float32)
    if planes.ndim != 3 or 0 in planes.shape[1:]:
        raise ModelOutputError(f"masks should come as (n, height, width); the graph gives {planes.shape}")
    planes = _finite(planes)
    rows, columns = axes(planes.shape[1:], geometry)
    cells = _bounds(planes > threshold) + np.array([-columns.spread, -rows.spread, columns.spread, rows.spread])
    return _masks(_unchanged, planes, cells, rows, columns, geometry, threshold)


class Axis(NamedTuple):
    """One direction of a resize, from a plane's pixels to the picture's.

    Attributes:
        weights: (picture, plane) float32; rows sum to 1, less what falls outside the plane.
        first: (picture,) first pixel of the plane that counts; does not decrease.
        last: (picture,) the one after the last that counts; does not decrease.
        begin: First pixel of the plane that shows the picture and not padding.
        end: The one after the last.
    """

    weights: Floats
    first: Places
    last: Places
    begin: int
    end: int

    @property
    def spread(self) -> int:
        """How far from a pixel of the plane the others are that blend with it."""
        return int((self.last - self.first).max()) - 1

    def inside(self, start: Places, stop: Places) -> tuple[Places, Places]:
        """Ranges of the plane's pixels, less what is padding; empty ones are start == stop."""
        start = start.clip(self.begin, self.end)
        return start, np.maximum(stop.clip(self.begin, self.end), start)

    def reached(self, start: Places, stop: Places) -> tuple[Places, Places]:
        """Ranges of the picture's pixels that depend on ranges of the plane's."""
        low = np.searchsorted(self.last, start, side="right")
        high = np.searchsorted(self.first, stop, side="left")
        return low, np.where(stop > start, np.maximum(high, low), low)


def axes(plane: tuple[int, ...], geometry: Geometry) -> tuple[Axis, Axis]:
    """How planes of (height, width) pixels are resized to what a picture shows: vertically and horizontally."""
    (height, width), (net_height, net_width) = plane, geometry.network_size
    region_height, region_width = geometry.region_size
    return (
        _axis(height, net_height, geometry.pad_top, geometry.pad_bottom, region_height),
        _axis(width, net_width, geometry.pad_left, geometry.pad_right, region_width),
    )


@lru_cache(maxsize=8)  # pictures of a stream have one size
def _axis(plane: int, network: int, pad_before: int, pad_after: int, picture: int) -> Axis:
    """The resize of what is left between the paddings; negative ones are where the network sees less."""
    before, after = round(plane / network * pad_before), round(plane / network * pad_after)
    before = min(before, plane - 1)
    seen = max(plane - before - after, 1)  # a sliver of a picture may be narrower than one pixel of the plane
    weights, first, last = _linear(seen, picture)
    shown = weights[:, max(-before, 0) : plane - before]
    begin = max(before, 0)
    full = np.zeros((picture, plane), np.float32)
    full[:, begin : begin + shown.shape[1]] = shown
    full.setflags(write=False)
    return Axis(full, first + before, last + before, begin, min(plane, before + seen))


def _linear(source: int, target: int) -> tuple[Floats, Places, Places]:
    """Weights (target, source) of linear interpolation, antialiased, and the range of them that is not zero."""
    step = source / target
    reach = max(step, 1.0)
    centers = (np.arange(target) + 0.5) * step
    first = np.floor(centers - reach + 0.5).clip(0).astype(np.int64)
    last = np.floor(centers + reach + 0.5).clip(max=source).astype(np.int64)
    places = first[:, None] + np.arange(int((last - first).max()))
    taps = (1 - np.abs(places + 0.5 - centers[:, None]) / reach).clip(0) * (places < last[:, None])
    weights = np.zeros((target, source + places.shape[1]), np.float32)  # spare columns for places beyond the source
    np.put_along_axis(weights, places, (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32), axis=1)
    return weights[:, :source], first, last


def _masks(
    activation: Any,
    planes: Floats,
    cells: Places,
    rows: Axis,
    columns: Axis,
    geometry: Geometry,
    threshold: float,
) -> Masks:
    """Masks of the parts ``cells`` (n, 4: x1 y1 x2 y2) of planes; the rest of each plane counts as 0."""
    x1, x2 = columns.inside(cells[:, 0], cells[:, 2])
    y1, y2 = rows.inside(cells[:, 1], cells[:, 3])
    left, right = columns.reached(x1, x2)
    top, bottom = rows.reached(y1, y2)
    windows = np.stack([left, top, right, bottom], axis=1)
    parts = np.stack([x1, y1, x2, y2], axis=1)
    outside = min(0.0, threshold)  # 0 would belong to every mask were the threshold negative
    scratch = np.empty(int(((right - left) * (bottom - top)).max(initial=0)), np.float32)
    crops = []
    for plane, (px1, py1, px2, py2), window in zip(planes, parts.tolist(), windows.tolist(), strict=True):
        part = activation(plane[py1:py2, px1:px2]) - np.float32(outside)
        crops.append(_resized(part, py1, px1, window, rows, columns, scratch) > threshold - outside)
    offset = np.array([geometry.offset_x, geometry.offset_y] * 2)
    return Masks(image_size=geometry.picture_size, windows=windows + offset, crops=crops)


def _resized(part: Floats, y: int, x: int, window: list[int], rows: Axis, columns: Axis, scratch: Floats) -> Floats:
    """A window of the picture out of the part of a plane that begins at (y, x); written to ``scratch``."""
    left, top, right, bottom = window
    height, width = part.shape
    wide = part @ columns.weights[left:right, x : x + width].T
    resized = scratch[: (bottom - top) * (right - left)].reshape(bottom - top, right - left)
    block = max(1, _SOURCE_ROWS * len(rows.weights) // rows.weights.shape[1])
    for start in range(top, bottom, block):
        stop = min(start + block, bottom)
        low, high = max(int(rows.first[start]) - y, 0), min(int(rows.last[stop - 1]) - y, height)
        np.matmul(rows.weights[start:stop, y + low : y + high], wide[low:high], out=resized[start - top : stop - top])
    return resized


def _products(prototypes: npt.NDArray[Any], coefficients: Floats) -> Floats:
    """(c, h, w), (n, c) -> (n, h, w)."""
    if prototypes.ndim != 3 or len(prototypes) != coefficients.shape[1] or 0 in prototypes.shape:
        raise ModelOutputError(
            f"prototypes of shape {prototypes.shape} do not fit boxes with {coefficients.shape[1]} coefficients each"
        )
    flat = prototypes.astype(np.float32, copy=False).reshape(len(prototypes), -1)
    with np.errstate(all="ignore"):  # infinite ones
        return _finite((coefficients @ flat).reshape(-1, *prototypes.shape[1:]))


def _finite(planes: Floats) -> Floats:
    """Without NaN and infinity, which would spread over their rows."""
    with np.errstate(all="ignore"):
        if np.isfinite(planes.sum()):
            return planes
    return np.nan_to_num(planes, nan=0.0, posinf=_FAR, neginf=-_FAR).clip(-_FAR, _FAR)


def _bounds(inside: npt.NDArray[np.bool_]) -> Places:
    """(n, h, w) -> (n, 4) x1 y1 x2 y2 around what is true."""
    x1, x2 = _extent(np.asarray(inside.any(axis=1)))
    y1, y2 = _extent(np.asarray(inside.any(axis=2)))
    return np.stack([x1, y1, x2, y2], axis=1)


def _extent(lines: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """First true place of each line, and the one after the last; an empty range where there is none."""
    some, length = lines.any(axis=1), lines.shape[1]
    return lines.argmax(axis=1), np.where(some, length - lines[:, ::-1].argmax(axis=1), -length)


def _unchanged(values: Floats) -> Floats:
    return values


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    result: Floats = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * logits))
    return result

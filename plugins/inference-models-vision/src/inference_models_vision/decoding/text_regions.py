"""Regions of text out of a map of probabilities: the last step of differentiable binarisation (DB).

The method: https://arxiv.org/abs/1911.08947. Networks of this kind mark a text smaller than it is, so that lines that
lie close together stay apart; each region is grown again in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from inference_models_core.errors import ModelOutputError

from inference_models_vision.decoding.kernels import namespace, to_numpy
from inference_models_vision.ocr_packages import pyclipper
from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.tensors import Array

    from inference_models_vision.configuration.pp_ocr import RegionSettings

    Quad = npt.NDArray[np.float32]
    """(4, 2) corners: upper left, upper right, lower right, lower left."""

_MIN_SIDE = 3
"""Of a core, in pixels of the map."""
_MIN_GROWN_SIDE = 5
_MIN_PICTURE_SIDE = 3
"""Sides in the picture, in whole pixels, are longer."""
_ROUNDING = 1e-3
"""What 16-bit numbers may lie outside of 0 to 1."""


class TextRegions(NamedTuple):
    """Where there is text in one picture.

    Attributes:
        quads: (n, 4, 2) float32: upper left, upper right, lower right and lower left corner in pixels of the picture.
        scores: (n,) float32: mean probability, 0 to 1.
    """

    quads: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


def text_regions(output: Array, picture: tuple[int, int], settings: RegionSettings) -> TextRegions:
    """Finds the regions of one picture.

    Args:
        output: (1, H, W) or (H, W): for each pixel of the network how probably it belongs to a text.
        picture: (height, width) of the picture, all of which the map shows.
        settings: Thresholds and growth.

    Returns:
        The regions, in the order in which their outlines are found: from below upwards, roughly.

    Raises:
        ModelOutputError: If the output is no such map.
    """
    plane = _probabilities(output, settings.threshold)
    if plane is None:
        return _scaled([], (1, 1), picture)
    core = (plane > settings.threshold).view(np.uint8)
    outlines, _ = cv2.findContours(core, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = [_region(plane, np.asarray(outline, np.int32), settings) for outline in outlines[: settings.max_candidates]]
    return _scaled([region for region in found if region is not None], plane.shape, picture)


def _probabilities(output: Array, threshold: float) -> npt.NDArray[np.float32] | None:
    """The map on the CPU; ``None`` where nothing in it counts, which is found out where it is."""
    shape = tuple(output.shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 1) or 0 in shape:
        raise ModelOutputError(f"a map of shape {list(shape)} per picture; expected (1, height, width)")
    xp = namespace(output)
    low, high = float(xp.min(output)), float(xp.max(output))
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # false for NaN, too
        raise ModelOutputError(
            f"a map with values from {low:g} to {high:g}; expected probabilities from 0 to 1",
            hint="the graph is of another family, or was exported without its sigmoid",
        )
    if high <= threshold:
        return None
    return np.ascontiguousarray(to_numpy(output), np.float32).reshape(shape[-2:])


def _region(
    plane: npt.NDArray[np.float32], outline: npt.NDArray[np.int32], settings: RegionSettings
) -> tuple[Quad, float] | None:
    core, side = smallest_quad(outline)
    if side < _MIN_SIDE:
        return None
    score = mean_inside(plane, core)
    if score < settings.box_threshold:
        return None
    grown = unclip(core, settings.unclip_ratio)
    if grown is None:
        return None
    quad, side = smallest_quad(grown)
    return None if side < _MIN_GROWN_SIDE else (quad, score)


def smallest_quad(points: npt.NDArray[np.int32]) -> tuple[Quad, float]:
    """The smallest rotated rectangle around points.

    Args:
        points: (n, 2) or (n, 1, 2) int32.

    Returns:
        Its corners, and the length of its shorter side.
    """
    rectangle = cv2.minAreaRect(points)
    return ordered(np.asarray(cv2.boxPoints(rectangle), np.float32)), min(rectangle[1])


def ordered(corners: npt.NDArray[np.float32]) -> Quad:
    """Corners in the order of a quad: the two on the left and the two on the right, each from above downwards."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:]))
    return np.stack([left[0], right[0], right[1], left[1]])


def mean_inside(plane: npt.NDArray[np.float32], quad: Quad) -> float:
    """The mean of a map inside of a quad."""
    height, width = plane.shape
    limits = np.array([width, height]) - 1
    low = np.clip(np.floor(quad.min(axis=0)).astype(np.int64), 0, limits)
    high = np.clip(np.ceil(quad.max(axis=0)).astype(np.int64), 0, limits)
    window = plane[low[1] : high[1] + 1, low[0] : high[0] + 1]
    mask = np.zeros(window.shape, np.uint8)
    cv2.fillPoly(mask, [(quad - low).astype(np.int32)], 1)
    return float(cv2.mean(window, mask)[0])


def unclip(quad: Quad, ratio: float) -> npt.NDArray[np.int32] | None:
    """Grows a quad on all sides by its area times the ratio over its perimeter, with round corners.

    Returns:
        (n, 2) int32 points of the largest outline; ``None`` if nothing is left.
    """
    distance = cv2.contourArea(quad) * ratio / cv2.arcLength(quad, True)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(quad.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    outlines = [np.array(outline, np.int32) for outline in offset.Execute(distance)]
    return max(outlines, key=cv2.contourArea, default=None)


def _scaled(found: list[tuple[Quad, float]], size: tuple[int, int], picture: tuple[int, int]) -> TextRegions:
    """Regions in pixels of the picture, without those that are too small there."""
    limits = np.array(picture[::-1], np.float32)
    quads = np.array([quad for quad, _ in found], np.float32).reshape(-1, 4, 2) * (limits / np.array(size[::-1]))
    quads = np.clip(quads, 0, limits).astype(np.float32)
    widths = np.linalg.norm(quads[:, 0] - quads[:, 1], axis=1).astype(np.int64)
    heights = np.linalg.norm(quads[:, 0] - quads[:, 3], axis=1).astype(np.int64)
    large = (widths > _MIN_PICTURE_SIDE) & (heights > _MIN_PICTURE_SIDE)
    return TextRegions(quads[large], np.array([score for _, score in found], np.float32)[large])

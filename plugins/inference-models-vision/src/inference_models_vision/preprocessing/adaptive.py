"""Contrast-limited adaptive histogram equalization (Zuiderveld, Graphics Gems IV, 1994) as scikit-image computes it.

``equalize_adapthist`` with a clip limit of 0.03: 14-bit grey levels in 256 bins, tiles of an eighth of the picture,
tables interpolated between the centres of the tiles. Of colours the value (HSV) is equalized: with hue and saturation
kept, that scales all three channels alike. OpenCV's own CLAHE redistributes and interpolates differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    import numpy.typing as npt

_CLIP_LIMIT = 0.03
_BINS = 256
_GRAYS = 2**14
_BIN_SIZE = 1 + _GRAYS // _BINS
_ROUNDING_SLACK = np.float32(5e-5)
"""Lets a product that is a whole number but for float32 survive the cut to 8 bits: three units in the last place of
255. More would lift products that are a little less than a whole number."""


def equalize_adaptively(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Equalizes a picture.

    Args:
        pixels: (H, W, 3) uint8 in either channel order, or (H, W); not written to.

    Returns:
        A new array of the same shape; within one level of scikit-image's answer.
    """
    value = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    equalized = _equalized(value)  # float32, 0 to 255
    if pixels.ndim == 2:
        equalized += _ROUNDING_SLACK
        return equalized.astype(np.uint8)
    gain = equalized / np.maximum(value, 1)
    colored: npt.NDArray[np.float32] = pixels * gain[:, :, None]
    black = value == 0
    colored[black] = equalized[black][:, None]
    colored += _ROUNDING_SLACK
    return colored.astype(np.uint8)


def level_counts(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """(256,) int64: how often each level occurs in a (H, W) picture."""
    counts = cv2.calcHist([plane], [0], None, [256], [0, 256])  # float32, exact up to 16 million; OpenCV 4: (256, 1)
    return np.asarray(counts).ravel().astype(np.int64)


def _equalized(value: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    low, high = int(value.min()), int(value.max())
    if low == high:
        return np.full(value.shape, 255.0, np.float32)  # scikit-image's answer, even for black
    tile = (max(value.shape[0] // 8, 1), max(value.shape[1] // 8, 1))
    bins = _padded(np.asarray(cv2.LUT(value, _bin_table(low, high))), tile)
    grays = _interpolated(bins, _tables(bins, tile), tile)
    top, left = tile[0] // 2, tile[1] // 2
    grays = np.floor(grays[top : top + value.shape[0], left : left + value.shape[1]])  # as an integer image
    darkest, brightest = grays.min(), grays.max()
    if darkest == brightest:
        return np.full(value.shape, 255.0 if darkest else 0.0, np.float32)
    grays -= darkest
    grays *= np.float32(255) / (brightest - darkest)
    return grays


def _bin_table(low: int, high: int) -> npt.NDArray[np.uint8]:
    levels = np.arange(256, dtype=np.float64).clip(low, high)
    grays = np.round((levels - low) / (high - low) * (_GRAYS - 1))
    return (grays // _BIN_SIZE).astype(np.uint8)


def _padded(bins: npt.NDArray[np.uint8], tile: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Half a tile before, and after it as much as makes the sides whole tiles."""
    pads = [(k // 2, -size % k + (k + 1) // 2) for k, size in zip(tile, bins.shape, strict=True)]
    return np.pad(bins, pads, mode="reflect")


def _tables(bins: npt.NDArray[np.uint8], tile: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(rows + 2, columns + 2, 256) float64: a table per tile, those at the rim doubled outwards."""
    rows, columns = bins.shape[0] // tile[0] - 1, bins.shape[1] // tile[1] - 1
    tables = np.empty((rows, columns, _BINS))
    for row in range(rows):
        for column in range(columns):
            top, left = tile[0] // 2 + row * tile[0], tile[1] // 2 + column * tile[1]
            tables[row, column] = _table(bins[top : top + tile[0], left : left + tile[1]])
    return np.pad(tables, ((1, 1), (1, 1), (0, 0)), mode="edge")


def _table(tile: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    counts = _clipped(level_counts(tile), max(int(_CLIP_LIMIT * tile.size), 1))
    grays = counts.cumsum() * ((_GRAYS - 1) / tile.size)
    return np.floor(np.minimum(grays, _GRAYS - 1))


def _clipped(counts: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Cuts the histogram at a limit and spreads what was cut off over the bins below it."""
    excess = int((counts - limit).clip(min=0).sum())
    counts = counts.clip(max=limit)
    share = excess // _BINS
    low = counts < limit - share
    counts[low] += share
    nearly_full = (counts >= limit - share) & (counts < limit)  # also those that the share has just lifted there
    excess -= share * int(low.sum()) + int((limit - counts[nearly_full]).sum())
    counts[nearly_full] = limit
    return _spread(counts, limit, excess)


def _spread(counts: npt.NDArray[np.int64], limit: int, excess: int) -> npt.NDArray[np.int64]:
    """Hands out the remainder one by one to bins below the limit, evenly spaced, until none is left or all are full."""
    while excess > 0:
        before = excess
        for first in range(_BINS):
            step = max(1, int(np.count_nonzero(counts < limit)) // excess)
            chosen = counts[first::step]
            below = chosen < limit
            chosen += below
            excess -= int(np.count_nonzero(below))
            if excess <= 0:
                return counts
        if excess == before:
            return counts
    return counts


def _interpolated(
    bins: npt.NDArray[np.uint8], tables: npt.NDArray[np.float64], tile: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Looks every pixel up in the tables of the four nearest tiles and mixes them by distance.

    Products in float64, sums in float32, corner by corner: the original's order, since the result is cut to integers.
    """
    height, width = tile
    weights = _corner_weights(height, width)
    grays = np.zeros(bins.shape, np.float32)
    for row in range(bins.shape[0] // height):
        for column in range(bins.shape[1] // width):
            window = np.s_[row * height : (row + 1) * height, column * width : (column + 1) * width]
            for (down, across), weight in weights.items():
                looked_up = np.asarray(cv2.LUT(bins[window], tables[row + down, column + across]))
                grays[window] += (looked_up * weight).astype(np.float32)
    return grays


def _corner_weights(height: int, width: int) -> dict[tuple[int, int], npt.NDArray[np.float64]]:
    """(row, column) of each of the four tables -> (height, width) its share at each pixel."""
    down, across = (np.arange(height) / height)[:, None], np.arange(width) / width
    return {(y, x): (down if y else 1 - down) * (across if x else 1 - across) for y in (0, 1) for x in (0, 1)}

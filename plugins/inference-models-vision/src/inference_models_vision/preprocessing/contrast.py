"""Contrast adjustments with the numerics of scikit-image, which models of Roboflow's platform were trained with.

An 8-bit picture has 256 levels, so each global adjustment is one table; the adaptive one is a grid of tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from inference_models_core.types.preprocessing import Contrast

from inference_models_vision.opencv import cv2
from inference_models_vision.preprocessing.adaptive import equalize_adaptively, level_counts

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Table = npt.NDArray[np.uint8]

_LEVELS = 256


def enhance(pixels: Pixels, contrast: Contrast) -> Pixels:
    """Adjusts the contrast.

    Args:
        pixels: (H, W, 3) uint8 in either channel order, or (H, W), meaning three equal channels; not written to.
        contrast: The adjustment.

    Returns:
        A new array of the same shape.
    """
    if contrast is Contrast.ADAPTIVE_EQUALIZATION:
        return equalize_adaptively(pixels)
    counts = _level_counts(pixels)
    table = _stretching(counts) if contrast is Contrast.STRETCHING else _equalization(counts)
    return np.asarray(cv2.LUT(pixels, table))


def _level_counts(pixels: Pixels) -> npt.NDArray[np.int64]:
    """How often each level occurs over all three channels."""
    if pixels.ndim == 2:
        return 3 * level_counts(pixels)
    counts: npt.NDArray[np.int64] = np.sum([level_counts(pixels[:, :, channel]) for channel in range(3)], axis=0)
    return counts


def _stretching(counts: npt.NDArray[np.int64]) -> Table:
    """``rescale_intensity`` from the 2nd and 98th percentile to 0 and 255, fractions cut off."""
    low, high = _percentile(counts, 2), _percentile(counts, 98)
    levels = np.clip(np.arange(_LEVELS, dtype=np.float64), low, high)
    if low != high:
        levels = (levels - low) / (high - low) * 255.0
    return levels.astype(np.uint8)


def _percentile(counts: npt.NDArray[np.int64], percent: float) -> float:
    """As ``numpy.percentile`` of the pixels: linear between neighbours in order."""
    position = (counts.sum() - 1) * (percent / 100)
    below = int(position)
    first, second = np.searchsorted(counts.cumsum(), [below, below + 1], side="right").clip(max=_LEVELS - 1).tolist()
    return float(first + (second - first) * (position - below))


def _equalization(counts: npt.NDArray[np.int64]) -> Table:
    """``equalize_hist`` of the pixels over 255: 256 bins from the darkest to the brightest, fractions cut off.

    In float32, as the platform's runtime: whether a level falls into a bin or the next hangs on the last digit.
    """
    levels = np.arange(_LEVELS, dtype=np.float32) / np.float32(255)
    present = np.flatnonzero(counts)
    limits = (levels[present[0]], levels[present[-1]])
    histogram, edges = np.histogram(levels[present], bins=_LEVELS, range=limits, weights=counts[present])
    centers = (edges[:-1] + edges[1:]) / 2
    shares = (histogram.cumsum() / float(histogram.sum())).astype(np.float32)
    equalized = np.interp(levels, centers, shares).astype(np.float32) * np.float32(255)
    return np.asarray(equalized.astype(np.uint8))

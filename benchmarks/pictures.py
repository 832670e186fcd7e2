"""Pictures for benchmarks."""

from __future__ import annotations

import cv2
import numpy as np


def frame(height: int = 720, width: int = 1280, seed: int = 0) -> np.ndarray:
    """A seeded picture, uint8 [height, width, 3] BGR, smooth as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 40, width // 40, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

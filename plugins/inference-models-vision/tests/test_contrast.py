"""Contrast against scikit-image."""

import cv2
import numpy as np
import pytest
from inference_models_core.types.preprocessing import Contrast
from inference_models_vision.preprocessing.contrast import enhance

exposure = pytest.importorskip("skimage.exposure")

pytestmark = pytest.mark.filterwarnings("ignore:This might be a color image")


def expected(pixels, contrast):
    """What the platform's runtime calls, with its casts."""
    shares = pixels.astype(np.float32) / 255
    if contrast is Contrast.ADAPTIVE_EQUALIZATION:
        return (exposure.equalize_adapthist(shares, clip_limit=0.03) * 255).astype(np.uint8)
    if contrast is Contrast.HISTOGRAM_EQUALIZATION:
        return (exposure.equalize_hist(shares) * 255).astype(np.uint8)
    return exposure.rescale_intensity(pixels, in_range=tuple(np.percentile(pixels, (2, 98))))


def scene(height, width, seed, strength):
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 3).astype(float)
    slope = 60 * np.linspace(0, 1, width)[None, :, None]
    return np.clip((blurred - 128) * strength + 100 + slope, 0, 255).astype(np.uint8)


def fog(seed):
    """A narrow histogram, where each level's bin and each clipped tile shows."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(30, 300, 2)
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 2)


PICTURES = {
    **{f"fog {seed}": fog(seed) for seed in range(12)},
    "small": scene(33, 20, 0, 4),
    "tiny": scene(9, 7, 1, 4),
    "odd": scene(97, 131, 2, 3),
    "usual": scene(240, 320, 3, 2),
    "flat": scene(120, 160, 4, 0.2),
    "noise": np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8),
    "two levels": np.repeat(np.random.default_rng(6).integers(0, 2, (64, 96, 1), dtype=np.uint8) * 255, 3, axis=2),
    "dark with a light": np.pad(np.full((4, 4, 3), 250, np.uint8), ((40, 40), (40, 40), (0, 0))),
    "saturated": np.dstack([np.full((64, 64), 255, np.uint8), *np.zeros((2, 64, 64), np.uint8)]),
    "one row": scene(1, 50, 7, 3),
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("contrast", Contrast)
def test_as_scikit_image(name, contrast):
    pixels = PICTURES[name]
    found, wanted = enhance(pixels, contrast).astype(int), expected(pixels, contrast).astype(int)
    difference = np.abs(found - wanted)
    if contrast is Contrast.ADAPTIVE_EQUALIZATION:
        assert difference.max() <= 1
        assert np.count_nonzero(difference) <= max(0.01 * difference.size, 6)
    else:
        assert difference.max() == 0


@pytest.mark.parametrize("level", [0, 7, 255])
@pytest.mark.parametrize("contrast", Contrast)
def test_pictures_of_one_level(level, contrast):
    pixels = np.full((20, 30, 3), level, np.uint8)
    found = enhance(pixels, contrast)
    np.testing.assert_array_equal(found, expected(pixels, contrast))


def test_the_adjustments_change_something():
    pixels = PICTURES["flat"]
    results = [enhance(pixels, contrast) for contrast in Contrast]
    assert all(result.std() > 1.5 * pixels.std() for result in results)

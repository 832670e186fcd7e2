"""The pictures that both systems see: twenty, seeded, of mixed sizes, from thumbnails to half a megapixel."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

#: (height, width); odd sizes, squares, portraits, panoramas, and some smaller than any network's input.
SIZES = (
    (96, 128), (97, 131), (64, 64), (33, 47), (240, 320), (320, 240), (17, 200), (200, 21), (128, 96), (301, 299),
    (111, 222), (75, 60), (480, 640), (151, 77), (90, 90), (59, 256), (129, 97), (432, 768), (48, 36), (260, 173),
)  # fmt: skip
_BLOBS = 6


@functools.cache
def picture(index: int) -> npt.NDArray[np.uint8]:
    """Picture number ``index``: (H, W, 3) uint8 of soft colour, some rectangles and a little noise, read-only.

    Only sums, products and comparisons of whole numbers and exact fractions decide its pixels, so that every machine
    makes the same.
    """
    height, width = SIZES[index]
    rng = np.random.default_rng([20, index])
    y, x = np.mgrid[0:height, 0:width]
    corners = rng.integers(20, 236, (4, 3))
    across, down = (x * 256 // width)[..., None], (y * 256 // height)[..., None]
    top = corners[0] * (256 - across) + corners[1] * across
    bottom = corners[2] * (256 - across) + corners[3] * across
    pixels = (top * (256 - down) + bottom * down) >> 16
    for _ in range(_BLOBS):
        centre, radius = rng.integers(0, (height, width)), rng.integers(3, max(height, width) // 3 + 4)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        pixels[inside] = rng.integers(0, 256, 3)
    pixels = pixels + rng.integers(-12, 13, pixels.shape)
    found = np.clip(pixels, 0, 255).astype(np.uint8)
    found.flags.writeable = False
    return found


def pictures(count: int = len(SIZES), start: int = 0) -> list[npt.NDArray[np.uint8]]:
    """So many pictures from a start on, around the corner if need be."""
    return [picture((start + step) % len(SIZES)) for step in range(count)]

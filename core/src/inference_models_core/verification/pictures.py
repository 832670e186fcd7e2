"""The pictures that packages are compared on: drawn from a seed, of several sizes, with things to find on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SIZES = ((480, 640), (640, 640), (375, 500), (720, 540), (333, 777), (256, 256), (540, 960), (64, 96))
"""(height, width) of the pictures in turn: wide, high, square, odd, small."""
_LEAST_SHAPES, _MOST_SHAPES = 3, 9
_NOISE = 6.0


def golden_pictures(count: int, seed: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Draws pictures.

    Args:
        count: How many.
        seed: The same seed gives the same pictures.

    Returns:
        (height, width, 3) uint8 each: shapes of one colour on a background that changes slowly, with noise.
    """
    return [_picture(np.random.default_rng((seed, place)), SIZES[place % len(SIZES)]) for place in range(count)]


def _picture(chance: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    picture = Image.fromarray(_background(chance, size))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(chance.integers(_LEAST_SHAPES, _MOST_SHAPES + 1))):
        _draw_shape(draw, chance, size)
    noisy = np.asarray(picture, dtype=np.float32) + chance.normal(0, _NOISE, (*size, 3)).astype(np.float32)
    pixels: npt.NDArray[np.uint8] = np.clip(noisy.round(), 0, 255).astype(np.uint8)
    return pixels


def _background(chance: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A gradient between four colours, one in each corner."""
    down = np.linspace(0, 1, size[0])[:, None, None]
    right = np.linspace(0, 1, size[1])[None, :, None]
    corners = chance.integers(0, 256, (4, 3)).astype(np.float64)
    top, bottom = (corners[i] * (1 - right) + corners[i + 1] * right for i in (0, 2))
    pixels: npt.NDArray[np.uint8] = (top * (1 - down) + bottom * down).astype(np.uint8)
    return pixels


def _draw_shape(draw: Any, chance: np.random.Generator, size: tuple[int, int]) -> None:
    radius = chance.uniform(0.06, 0.25) * min(size)
    middle = chance.uniform(0, 1, 2) * (size[1], size[0])
    colour = tuple(int(value) for value in chance.integers(0, 256, 3))
    corners = int(chance.integers(2, 7))
    if corners == 2:
        draw.ellipse([*(middle - radius), *(middle + radius)], fill=colour)
        return
    angles = chance.uniform(0, 2 * np.pi) + np.arange(corners) * (2 * np.pi / corners)
    points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    draw.polygon([(float(x), float(y)) for x, y in points], fill=colour)

"""Shapes with smooth edges, written into an RGB array.

Coverage comes from the signed distance to the shape's edge: 1 half a pixel inside, 0 half a pixel outside. Pixel (0, 0)
covers the square from (0, 0) to (1, 1), as box coordinates do. Everything outside the picture is cut off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.palette import Color

    Pixels = npt.NDArray[np.uint8]
    Coverage = npt.NDArray[np.float32]


def blend(pixels: Pixels, left: int, top: int, coverage: Coverage, color: Color) -> None:
    """Mixes a colour into a window by coverage (h, w), 0 to 1; the window may leave the picture."""
    height, width = coverage.shape
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(pixels.shape[1], left + width), min(pixels.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    part = coverage[y0 - top : y1 - top, x0 - left : x1 - left, None]
    window = pixels[y0:y1, x0:x1]
    window[:] = np.rint(window + part * (np.array(color, np.float32) - window)).astype(np.uint8)


def _grid(pixels: Pixels, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, Coverage, Coverage]:
    """Corner of the window around a region inside the picture, and its pixel centres as (1, w) x and (h, 1) y."""
    left, top = max(0, math.floor(x0) - 1), max(0, math.floor(y0) - 1)
    right, bottom = min(pixels.shape[1], math.ceil(x1) + 1), min(pixels.shape[0], math.ceil(y1) + 1)
    x = np.arange(left, max(left, right), dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(top, max(top, bottom), dtype=np.float32)[:, None] + np.float32(0.5)
    return left, top, x, y


def disc(pixels: Pixels, x: float, y: float, radius: float, color: Color, opacity: float = 1.0) -> None:
    """Fills a circle around (x, y)."""
    segment(pixels, (x, y), (x, y), 2 * radius, color, opacity)


def segment(
    pixels: Pixels,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    color: Color,
    opacity: float = 1.0,
) -> None:
    """Draws a line with round ends; nothing where a coordinate is not finite."""
    if not all(map(math.isfinite, (*start, *end))):
        return
    reach = width / 2
    (ax, ay), (bx, by) = start, end
    left, top, x, y = _grid(pixels, min(ax, bx) - reach, min(ay, by) - reach, max(ax, bx) + reach, max(ay, by) + reach)
    dx, dy = bx - ax, by - ay
    along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    distance = np.hypot(x - ax - along * dx, y - ay - along * dy) - reach
    blend(pixels, left, top, np.clip(0.5 - distance, 0, 1) * np.float32(opacity), color)


def rounded_rectangle(
    pixels: Pixels, window: tuple[int, int, int, int], radius: float, color: Color, opacity: float = 1.0
) -> None:
    """Fills left, top, right, bottom with corners of a radius."""
    x0, y0, x1, y1 = window
    left, top, x, y = _grid(pixels, x0, y0, x1, y1)
    outside_x = np.abs(x - (x0 + x1) / 2) - ((x1 - x0) / 2 - radius)
    outside_y = np.abs(y - (y0 + y1) / 2) - ((y1 - y0) / 2 - radius)
    corner = np.hypot(np.maximum(outside_x, 0), np.maximum(outside_y, 0))
    distance = corner + np.minimum(np.maximum(outside_x, outside_y), 0) - radius
    blend(pixels, left, top, np.clip(0.5 - distance, 0, 1) * np.float32(opacity), color)


def box(pixels: Pixels, xyxy: tuple[float, float, float, float], width: int, color: Color) -> None:
    """Draws a frame centred on the box's edges, moved inside where it would leave the picture."""
    if not all(map(math.isfinite, xyxy)):
        return
    height, breadth = pixels.shape[:2]
    left, right = (_band(edge, width, breadth) for edge in (xyxy[0], xyxy[2]))
    top, bottom = (_band(edge, width, height) for edge in (xyxy[1], xyxy[3]))
    for row in (top, bottom):
        pixels[row : row + width, left : right + width] = color
    for column in (left, right):
        pixels[top : bottom + width, column : column + width] = color


def _band(edge: float, width: int, limit: int) -> int:
    return min(max(round(edge - width / 2), 0), max(0, limit - width))


def fill(pixels: Pixels, mask: npt.NDArray[np.bool_], left: int, top: int, color: Color, opacity: float) -> None:
    """Mixes a colour into the pixels of a mask's crop that lies inside the picture."""
    window = pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
    mixed = window[mask] * np.float32(1 - opacity) + np.array(color, np.float32) * np.float32(opacity)
    window[mask] = np.rint(mixed).astype(np.uint8)


def outline(pixels: Pixels, mask: npt.NDArray[np.bool_], left: int, top: int, width: int, color: Color) -> None:
    """Draws the inner edge of a mask's crop; the crop's own border counts as an edge."""
    inner = mask
    for _ in range(width):
        inner = _eroded(inner)
    fill(pixels, mask & ~inner, left, top, color, 1.0)


def _eroded(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    vertical: npt.NDArray[np.bool_] = mask & padded[:-2, 1:-1] & padded[2:, 1:-1]
    return vertical & padded[1:-1, :-2] & padded[1:-1, 2:]

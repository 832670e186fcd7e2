"""Colours that tell classes apart, and colours for quantities."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Color = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

WHITE: Color = (255, 255, 255)
INK: Color = (17, 19, 24)

_GOLDEN_ANGLE = math.radians(137.507764)
_FIRST_HUE = math.radians(25)
_LIGHTNESS = (0.70, 0.62, 0.80)
_CHROMA = (0.20, 0.19, 0.15)

_SCALE_STOPS = (
    (0.13, 0.05, 285),
    (0.33, 0.15, 290),
    (0.52, 0.20, 345),
    (0.70, 0.18, 40),
    (0.85, 0.15, 75),
    (0.97, 0.08, 105),
)
"""Lightness, chroma and hue in degrees of the colour scale's stops: lightness rises evenly with the value."""


def _from_oklch(lightness: float, chroma: float, hue: float) -> Color:
    """A colour from Oklab's polar form (bottosson.github.io/posts/oklab); hue in radians, clipped to sRGB."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return _gamma(red), _gamma(green), _gamma(blue)


def _gamma(linear: float) -> int:
    clipped = min(1.0, max(0.0, linear))
    value = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * value)


@functools.lru_cache(maxsize=1024)
def class_color(class_id: int) -> Color:
    """A colour for a class: hues a golden angle apart, so that neighbouring ids differ most; lightness varies too."""
    step = class_id % 3
    return _from_oklch(_LIGHTNESS[step], _CHROMA[step], _FIRST_HUE + class_id * _GOLDEN_ANGLE)


def text_color(background: Color) -> Color:
    """Black or white, whichever contrasts more (WCAG 2, relative luminance)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in background]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.179 else WHITE


@functools.lru_cache(maxsize=1)
def color_scale() -> npt.NDArray[np.uint8]:
    """(256, 3) uint8 RGB, from dark to light."""
    stops = np.array([_from_oklch(light, chroma, math.radians(hue)) for light, chroma, hue in _SCALE_STOPS])
    at = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), at, stops[:, channel]) for channel in range(3)]
    scale: npt.NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return scale

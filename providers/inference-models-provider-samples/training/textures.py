"""Procedural textures: every function returns float32 [height, width] in about 0..1, `colourise` makes them BGR."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Texture = Callable[[int, int, np.random.Generator], np.ndarray]


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x, y as float32 [1, width] and [height, 1], in units of the longer side, centred."""
    longer = max(height, width)
    x = (np.arange(width, dtype=np.float32)[None] - width / 2) / longer
    y = (np.arange(height, dtype=np.float32)[:, None] - height / 2) / longer
    return x, y


def rotated(height: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates of `grid`, turned by a random angle: two arrays [height, width]."""
    x, y = grid(height, width)
    angle = rng.uniform(0, np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x


def stretched(image: np.ndarray) -> np.ndarray:
    """Scale linearly to 0..1."""
    low, high = float(image.min()), float(image.max())
    return (image - low) * np.float32(1 / max(high - low, 1e-6))


def noise(
    height: int, width: int, rng: np.random.Generator, *, cells: float, octaves: int, aspect: float = 1.0
) -> np.ndarray:
    """Sum of smooth random fields, each octave with twice the cells and a little over half the strength."""
    longer = max(height, width)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        shape = (
            max(2, min(height, round(across * height / longer * aspect) + 1)),
            max(2, min(width, round(across * width / longer) + 1)),
        )
        field = rng.random(shape, dtype=np.float32)
        total += cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    return stretched(total)


def clouds(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    return noise(height, width, rng, cells=rng.uniform(2, 6), octaves=int(rng.integers(3, 6)))


def plaster(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Stone, concrete or plaster: fine noise under a side light."""
    relief = noise(height, width, rng, cells=rng.uniform(8, 24), octaves=4)
    lit = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    return np.clip(0.5 + 0.3 * (relief - 0.5) + np.float32(rng.uniform(0.3, 1.0)) * lit, 0, 1)


def gradient(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    u, _ = rotated(height, width, rng)
    return stretched(u)


def glow(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    x, y = grid(height, width)
    cx, cy = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
    return np.exp(-np.float32(rng.uniform(2, 9)) * ((x - cx) ** 2 + (y - cy) ** 2))


def marble(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    u, _ = rotated(height, width, rng)
    swirl = noise(height, width, rng, cells=rng.uniform(2, 5), octaves=5)
    veins = np.abs(np.sin(np.float32(rng.uniform(6, 16)) * u + np.float32(rng.uniform(5, 10)) * swirl))
    return np.sqrt(veins)


def wood(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Year rings cut along the grain, with fine fibres."""
    grain = noise(height, width, rng, cells=2, octaves=3, aspect=6)
    fibres = noise(height, width, rng, cells=4, octaves=3, aspect=60)
    _, y = grid(height, width)
    rings = np.sin(np.float32(rng.uniform(15, 45)) * (y + np.float32(0.7) * grain))
    return 0.5 + 0.3 * rings + 0.4 * (fibres - 0.5)


def fabric(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A weave of two threads with uneven dye."""
    u, v = rotated(height, width, rng)
    threads = np.float32(rng.uniform(80, 260))
    weave = np.sin(threads * u) * np.sin(threads * v)
    return 0.5 + 0.25 * weave + 0.5 * (noise(height, width, rng, cells=3, octaves=4) - 0.5)


def stripes(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    u, _ = rotated(height, width, rng)
    wave = np.sin(np.float32(rng.uniform(15, 90)) * u + np.float32(rng.uniform(0, 6)))
    return 0.5 + 0.5 * np.tanh(np.float32(rng.uniform(1, 8)) * wave)


def checks(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Overlapping bands of a checked cloth."""
    u, v = rotated(height, width, rng)
    frequency = np.float32(rng.uniform(20, 60))
    sharp = np.float32(rng.uniform(2, 6))
    return 0.5 + 0.25 * np.tanh(sharp * np.sin(frequency * u)) + 0.25 * np.tanh(sharp * np.sin(frequency * v))


def grass(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Fine streaks in one direction, as grass, fur or brushed metal."""
    aspect = float(rng.choice([0.08, 12.0]))
    fine = noise(height, width, rng, cells=rng.uniform(20, 60), octaves=2, aspect=aspect)
    return 0.65 * fine + 0.35 * noise(height, width, rng, cells=3, octaves=3)


def bokeh(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Lights far out of focus: soft discs added up on a dark ground."""
    quarter = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
    longer = max(quarter.shape)
    for _ in range(int(rng.integers(8, 26))):
        centre = (int(rng.integers(quarter.shape[1])), int(rng.integers(quarter.shape[0])))
        disc = np.zeros_like(quarter)
        cv2.circle(disc, centre, max(2, int(rng.uniform(0.02, 0.1) * longer)), rng.uniform(0.2, 0.6), -1)
        quarter += disc
    soft = cv2.GaussianBlur(quarter, (0, 0), 0.03 * longer)
    return stretched(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC))


BACKGROUNDS: tuple[Texture, ...] = (
    clouds, plaster, gradient, glow, marble, wood, fabric, stripes, checks, grass, bokeh,
)  # fmt: skip
FILLS: tuple[Texture, ...] = (clouds, plaster, marble, wood, fabric, stripes, checks, grass)


def colourise(texture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Map a texture onto a ramp of BGR colours ([n, 3], 0..1): float32 [height, width, 3]."""
    levels = np.linspace(0, 1, 256)
    stops = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(levels, stops, colours[:, c]) for c in range(3)], axis=1).astype(np.float32)
    index = np.clip(texture * np.float32(255), 0, 255).astype(np.uint8)
    return table.take(index, axis=0)

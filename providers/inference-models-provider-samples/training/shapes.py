"""Outlines of the classes: contours in a unit frame, y down, before rotation and scaling.

A shape is a tuple of float32 arrays [points, 2]: the outer contour first, holes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Contours = tuple[np.ndarray, ...]
ROUND_POINTS = 72


def _arc(start: float, stop: float, points: int = ROUND_POINTS) -> np.ndarray:
    angles = np.linspace(start, stop, points, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _polygon(corners: int) -> np.ndarray:
    return _arc(-np.pi / 2, 3 * np.pi / 2, corners)


def circle(_rng: np.random.Generator) -> Contours:
    return (_arc(0, 2 * np.pi),)


def ellipse(rng: np.random.Generator) -> Contours:
    return (_arc(0, 2 * np.pi) * [1.0, rng.uniform(0.45, 0.74)],)


def ring(rng: np.random.Generator) -> Contours:
    outer = _arc(0, 2 * np.pi)
    return (outer, outer * rng.uniform(0.45, 0.68))


def crescent(rng: np.random.Generator) -> Contours:
    """A disc of radius 1 from which a smaller one, shifted along x, is cut."""
    shift, radius = rng.uniform(0.42, 0.58), rng.uniform(0.78, 0.88)
    x = (1 - radius**2 + shift**2) / (2 * shift)
    y = np.sqrt(1 - x**2)
    outer_angle, inner_angle = np.arctan2(y, x), np.arctan2(y, x - shift)
    outer = _arc(outer_angle, 2 * np.pi - outer_angle)
    inner = _arc(2 * np.pi - inner_angle, inner_angle) * radius + [shift, 0]
    return (np.concatenate([outer, inner]),)


def triangle(rng: np.random.Generator) -> Contours:
    return (_polygon(3) * [1.0, rng.uniform(0.85, 1.2)],)


def square(rng: np.random.Generator) -> Contours:
    return (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [1.0, rng.uniform(0.95, 1.0)],)


def rectangle(rng: np.random.Generator) -> Contours:
    return (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [1.0, rng.uniform(0.38, 0.72)],)


def pentagon(_rng: np.random.Generator) -> Contours:
    return (_polygon(5),)


def hexagon(_rng: np.random.Generator) -> Contours:
    return (_polygon(6),)


def star(rng: np.random.Generator) -> Contours:
    corners = _polygon(10)
    corners[1::2] *= rng.uniform(0.4, 0.52)
    return (corners,)


def cross(rng: np.random.Generator) -> Contours:
    a = rng.uniform(0.26, 0.42)
    return (
        np.array(
            [
                [-a, -1], [a, -1], [a, -a], [1, -a], [1, a], [a, a],
                [a, 1], [-a, 1], [-a, a], [-1, a], [-1, -a], [-a, -a],
            ]
        ),
    )  # fmt: skip


def heart(_rng: np.random.Generator) -> Contours:
    t = np.linspace(0, 2 * np.pi, ROUND_POINTS, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return (np.stack([x, -y], axis=1) / 16,)


SHAPES: dict[str, Callable[[np.random.Generator], Contours]] = {
    function.__name__: function
    for function in (
        circle, ellipse, ring, crescent, triangle, square,
        rectangle, pentagon, hexagon, star, cross, heart,
    )
}  # fmt: skip
CLASS_NAMES: tuple[str, ...] = tuple(SHAPES)


def bounds(contours: Contours) -> np.ndarray:
    """Box around the outer contour: float array [x_min, y_min, x_max, y_max]."""
    return np.concatenate([contours[0].min(axis=0), contours[0].max(axis=0)])


def placed(contours: Contours, *, extent: float, angle: float, centre: tuple[float, float]) -> Contours:
    """Rotate, scale so that the longer side of the box is `extent` pixels, move the box's middle to `centre`."""
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = tuple(contour @ rotation.T for contour in contours)
    box = bounds(turned)
    scale = extent / (box[2:] - box[:2]).max()
    middle = (box[:2] + box[2:]) / 2
    return tuple(((contour - middle) * scale + centre).astype(np.float32) for contour in turned)

"""Key points out of what a network says of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry

FIELDS = 3
"""Of each key point: x, y, confidence."""


def used_slots(class_ids: npt.NDArray[np.int64], names: Sequence[Sequence[str]], slots: int) -> npt.NDArray[np.bool_]:
    """Which slots of the network's output stand for a key point of the object's class.

    Args:
        class_ids: (n,).
        names: Names of the key points per class id; empty where nothing is known.
        slots: Key points per object in the output.

    Returns:
        (n, slots): all true where nothing is known.
    """
    if not names:
        return np.ones((len(class_ids), slots), np.bool_)
    counts = np.array([len(of_class) for of_class in names])
    return np.asarray(np.arange(slots) < counts[class_ids][:, None])


def picture_points(points: npt.NDArray[Any], geometry: Geometry) -> npt.NDArray[np.float64]:
    """(..., 2) x and y in pixels of the network's input -> in pixels of the picture, inside it; NaN stays."""
    height, width = geometry.picture_size
    return np.asarray(np.clip(geometry.points_to_picture(points), 0.0, np.array([width, height], np.float64)))


def key_points_of(
    extras: npt.NDArray[np.float32], used: npt.NDArray[np.bool_], geometry: Geometry, *, threshold: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The key points of each object.

    Args:
        extras: (n, 3 K): x and y in pixels of the network's input, and the confidence, of one key point after the
            other.
        used: (n, K): which of them count; see :func:`used_slots`.
        geometry: The picture's mapping.
        threshold: Confidence that a key point needs.

    Returns:
        (n, K, 2) x and y in pixels of the picture, and (n, K) confidences. Key points that do not count, with less
        confidence, or with numbers that are not finite are at (0, 0) with confidence 0.
    """
    points = extras.reshape(*used.shape, FIELDS)
    scores = points[..., 2]
    seen = used & np.isfinite(points).all(axis=2) & (scores >= threshold)
    xy = picture_points(np.where(seen[..., None], points[..., :2], 0.0), geometry)
    return (
        np.where(seen[..., None], xy, 0.0).astype(np.float32),
        np.where(seen, scores, np.float32(0)),
    )

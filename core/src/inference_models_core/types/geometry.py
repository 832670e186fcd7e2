"""The way from a picture to the network's input and back, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from inference_models_core.types.tensors import Array


@attrs.frozen(kw_only=True, repr=False)
class Geometry(Value):
    """One picture's mapping to network pixels: crop, scale, pad. Invertible.

    ``x_network = (x_picture - offset_x) * scale_x + pad_left`` and likewise for y.

    Attributes:
        picture_size: (height, width) of the picture as given, in pixels.
        region_size: (height, width) after the static crop, before scaling.
        network_size: (height, width) of the network's input.
        scale_x: Network pixels per picture pixel, horizontally.
        scale_y: The same, vertically.
        pad_left: Network pixels added on the left; negative where a centre crop cut some off.
        pad_top: The same at the top.
        pad_right: The same on the right.
        pad_bottom: The same at the bottom.
        offset_x: Left edge of the static crop in picture pixels.
        offset_y: Top edge of the static crop in picture pixels.
    """

    picture_size: tuple[int, int]
    region_size: tuple[int, int]
    network_size: tuple[int, int]
    scale_x: float = 1.0
    scale_y: float = 1.0
    pad_left: int = 0
    pad_top: int = 0
    pad_right: int = 0
    pad_bottom: int = 0
    offset_x: int = 0
    offset_y: int = 0

    def points_to_network(self, points: Array) -> Array:
        """Maps points from picture pixels to network pixels.

        Args:
            points: (..., 2) floats, x then y.

        Returns:
            A new array of the same shape, float64.
        """
        import numpy as np

        scale = np.array([self.scale_x, self.scale_y])
        shift = np.array([self.pad_left, self.pad_top]) - np.array([self.offset_x, self.offset_y]) * scale
        return np.asarray(points, dtype=np.float64) * scale + shift

    def points_to_picture(self, points: Array) -> Array:
        """Maps points from network pixels back to picture pixels; not clipped.

        Args:
            points: (..., 2) floats, x then y.

        Returns:
            A new array of the same shape, float64.
        """
        import numpy as np

        scale = np.array([self.scale_x, self.scale_y])
        shift = np.array([self.offset_x, self.offset_y]) - np.array([self.pad_left, self.pad_top]) / scale
        return np.asarray(points, dtype=np.float64) / scale + shift

    def boxes_to_network(self, boxes: Array) -> Array:
        """Maps boxes (..., 4), x1 y1 x2 y2, from picture to network pixels; float64."""
        return self.points_to_network(boxes.reshape(*boxes.shape[:-1], 2, 2)).reshape(boxes.shape)

    def boxes_to_picture(self, boxes: Array) -> Array:
        """Maps boxes from network pixels to picture pixels and clips them to the picture.

        Args:
            boxes: (n, 4) floats, x1 y1 x2 y2.

        Returns:
            (n, 4) float32.
        """
        import numpy as np

        height, width = self.picture_size
        mapped = self.points_to_picture(boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        limits = np.array([width, height, width, height], dtype=np.float64)
        return np.clip(mapped, 0.0, limits).astype(np.float32)

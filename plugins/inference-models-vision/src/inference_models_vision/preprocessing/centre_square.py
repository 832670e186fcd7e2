"""Pre-processing of networks that look at the middle of a picture: CLIP, and classifiers of Ultralytics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.types.geometry import Geometry

from inference_models_vision.preprocessing.engine import CpuEngine

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.preprocessing import ColorOrder, PreprocessingDeclaration

    from inference_models_vision.preprocessing.spatial import Size


class CentreSquareEngine(CpuEngine):
    """Scales the shorter side to the network's with a filter of Pillow and takes the square in the middle.

    There is no static crop, and no way back: what needs neither are answers about a picture as a whole.
    """

    def __init__(self, declaration: PreprocessingDeclaration, resample: str) -> None:
        """Prepares the tables.

        Args:
            declaration: What to do; its resize mode does not count. The input is a square.
            resample: Pillow's filter, ``"BICUBIC"`` or ``"BILINEAR"``.
        """
        super().__init__(declaration)
        self._resample = resample

    def fit(self, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:  # noqa: ARG002
        """No way back."""
        return Geometry(picture_size=picture, region_size=picture, network_size=target)

    def write(
        self, cell: npt.NDArray[Any], pixels: npt.NDArray[np.uint8], order: ColorOrder, geometry: Geometry
    ) -> None:
        """Writes one picture into its part (3, S, S) of the tensor."""
        size = geometry.network_size
        square = resized_centre(pixels, size[0], self._resample)
        self._writer.write(cell, square, order, Geometry(picture_size=size, region_size=size, network_size=size))


def resized_centre(pixels: npt.NDArray[np.uint8], side: int, resample: str) -> npt.NDArray[np.uint8]:
    """The centre square of a picture whose shorter side is scaled to ``side``.

    Only the square is computed, from the pixels that the filter sees there: the same values as resizing all of the
    picture and cropping, at a cost that does not grow with how long the picture is. Rows come first, in 8 bits: newer
    releases of Pillow choose the order by cost, and the values clipped in between depend on it.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        side: Of the square, in pixels.
        resample: Pillow's filter, ``"BICUBIC"`` or ``"BILINEAR"``.

    Returns:
        (side, side) or (side, side, 3) uint8, read-only.
    """
    from PIL import Image

    kind = Image.Resampling[resample]
    height, width = pixels.shape[:2]
    rows, (top, bottom) = _window(height, min(height, width), side)
    columns, (left, right) = _window(width, min(height, width), side)
    seen = Image.fromarray(pixels[rows, columns])
    narrow = seen.resize((side, seen.height), kind, box=(left, 0, right, seen.height))
    return np.asarray(narrow.resize((side, side), kind, box=(0, top, side, bottom)))


def _window(length: int, shorter: int, side: int) -> tuple[slice, tuple[float, float]]:
    """What the filter sees of one axis, and where the square begins and ends in that."""
    scaled = int(side * length / shorter)
    scale = length / scaled
    offset = round((scaled - side) / 2)
    begin, end = offset * scale, (offset + side) * scale
    margin = 2 * max(scale, 1) + 1  # half the width of the bicubic filter, the wider one, and a pixel for rounding
    first = max(int(begin - margin), 0)
    return slice(first, min(int(end + margin) + 1, length)), (begin - first, end - first)

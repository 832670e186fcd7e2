"""Pre-processing of networks that were trained with Pillow's resize: RF-DETR.

Pillow averages over all pixels under a new one (a triangle filter as wide as the scale, in fixed point); OpenCV looks
at the nearest four. A network that was trained on one sees other pixels with the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from inference_models_core.types.geometry import Geometry
from inference_models_core.types.preprocessing import ResizeMode

from inference_models_vision.preprocessing.engine import CpuEngine
from inference_models_vision.preprocessing.spatial import fit
from inference_models_vision.preprocessing.tensors import TensorWriter

if TYPE_CHECKING:
    import numpy.typing as npt
    from inference_models_core.types.preprocessing import ColorOrder, PreprocessingDeclaration

    from inference_models_vision.preprocessing.spatial import Size

_WHOLE = 255.0


class PillowEngine(CpuEngine):
    """Stretches pictures to the network's input with Pillow; may be used from several threads.

    Where the data set was resized before training, and not by stretching, pictures are first fitted to that size as
    :class:`CpuEngine` does it. Geometries then speak of the picture in between: its paddings are whole pixels there,
    and a network that answers in fractions of its input answers in fractions of it just as well.
    """

    def __init__(self, declaration: PreprocessingDeclaration, *, dataset_size: Size | None = None) -> None:
        """Prepares the tables.

        Args:
            declaration: What to do. Pixels are divided by 255 wherever it normalises or names no divisor.
            dataset_size: (height, width) to which the data set was resized before training.
        """
        between = None if declaration.resize_mode is ResizeMode.STRETCH else dataset_size
        self._between = between
        self._first = TensorWriter(attrs.evolve(declaration, divisor=None, mean=None, std=None, dtype="uint8"))
        super().__init__(_scaled(declaration if between else attrs.evolve(declaration, resize_mode=ResizeMode.STRETCH)))

    def fit(self, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:
        """The way to the size in between, or to the network's."""
        return fit(self.declaration, picture, box, self._between or target)

    def input_size(self, geometry: Geometry, target: Size) -> Size:  # noqa: ARG002
        """The network's."""
        return target

    def write(
        self, cell: npt.NDArray[Any], pixels: npt.NDArray[np.uint8], order: ColorOrder, geometry: Geometry
    ) -> None:
        """Writes one adjusted region into its part (3, height, width) of the tensor."""
        if self._between is not None:
            planes = self._first.empty(1, self._between)[0]
            self._first.write(planes, pixels, order, geometry)
            pixels, order = np.ascontiguousarray(planes.transpose(1, 2, 0)), self.declaration.color_order
        size = (cell.shape[1], cell.shape[2])
        unmoved = Geometry(picture_size=size, region_size=size, network_size=size)
        self._writer.write(cell, resized(pixels, size), order, unmoved)


def resized(pixels: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """Pillow's bilinear resize.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        size: (height, width).

    Returns:
        (height, width) or (height, width, 3) uint8, read-only.
    """
    from PIL import Image

    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _scaled(declaration: PreprocessingDeclaration) -> PreprocessingDeclaration:
    """With the divisor that these networks always have; another one counts only without normalisation."""
    if declaration.mean is None and declaration.divisor is not None:
        return declaration
    return attrs.evolve(declaration, divisor=_WHOLE)

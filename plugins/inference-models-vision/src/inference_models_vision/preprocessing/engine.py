"""Pictures in, batches of input tensors out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.types.images import Preprocessed, PreprocessedGroup

from inference_models_vision.preprocessing.adjustments import adjust
from inference_models_vision.preprocessing.spatial import crop_box, fit, target_size
from inference_models_vision.preprocessing.tensors import TensorWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.preprocessing import ColorOrder, PreprocessingDeclaration

    from inference_models_vision.images.loading import Picture
    from inference_models_vision.preprocessing.spatial import Size


class CpuEngine:
    """Carries out a pre-processing declaration with OpenCV and numpy; may be used from several threads.

    Attributes:
        declaration: What it does.
    """

    def __init__(self, declaration: PreprocessingDeclaration) -> None:
        self.declaration = declaration
        self._writer = TensorWriter(declaration)

    def __call__(
        self,
        pictures: Sequence[Picture],
        *,
        image_size: int | tuple[int, int] | None = None,
        disable_static_crop: bool = False,
        disable_grayscale: bool = False,
        disable_contrast_enhancement: bool = False,
    ) -> Preprocessed:
        """Pre-processes the pictures of one call.

        Args:
            pictures: At least one.
            image_size: (height, width) of the network's input, or one number for a square, where it takes others
                than its own.
            disable_static_crop: Use the whole picture.
            disable_grayscale: Keep the colours.
            disable_contrast_enhancement: Leave the contrast.

        Returns:
            Batches of one network size each, with the way back for each picture.

        Raises:
            InputError: If a size is not possible.
        """
        declaration = self.declaration
        target = target_size(declaration, image_size)
        crop = None if disable_static_crop else declaration.static_crop
        geometries = [
            self.fit(picture.source.size, crop_box(crop, picture.source.size), target) for picture in pictures
        ]
        grayscale = declaration.grayscale and not disable_grayscale
        contrast = None if disable_contrast_enhancement else declaration.contrast
        groups = []
        for indices in _by_network_size(geometries):
            tensor = self._writer.empty(len(indices), self.input_size(geometries[indices[0]], target))
            for cell, i in zip(tensor, indices, strict=True):
                pixels, order = _region(pictures[i].pixels, geometries[i]), pictures[i].order
                adjusted = adjust(pixels, order, grayscale=grayscale, contrast=contrast)
                self.write(cell, adjusted, order, geometries[i])
            groups.append(
                PreprocessedGroup(tensor=tensor, indices=indices, geometries=tuple(geometries[i] for i in indices))
            )
        return Preprocessed(groups=tuple(groups), sources=tuple(picture.source for picture in pictures))

    def fit(self, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:
        """The way of one picture; see :func:`inference_models_vision.preprocessing.spatial.fit`."""
        return fit(self.declaration, picture, box, target)

    def input_size(self, geometry: Geometry, target: Size) -> Size:  # noqa: ARG002 - for engines in two steps
        """(height, width) of the tensor for pictures of one network size."""
        return geometry.network_size

    def write(
        self, cell: npt.NDArray[Any], pixels: npt.NDArray[np.uint8], order: ColorOrder, geometry: Geometry
    ) -> None:
        """Writes one adjusted region into its part (3, height, width) of the tensor."""
        self._writer.write(cell, pixels, order, geometry)


def _by_network_size(geometries: Sequence[Geometry]) -> list[tuple[int, ...]]:
    """Places of the pictures that share a network size, in the order of their first picture."""
    places: dict[tuple[int, int], list[int]] = {}
    for i, geometry in enumerate(geometries):
        places.setdefault(geometry.network_size, []).append(i)
    return [tuple(indices) for indices in places.values()]


def _region(pixels: npt.NDArray[np.uint8], geometry: Geometry) -> npt.NDArray[np.uint8]:
    height, width = geometry.region_size
    top, left = geometry.offset_y, geometry.offset_x
    return pixels[top : top + height, left : left + width]

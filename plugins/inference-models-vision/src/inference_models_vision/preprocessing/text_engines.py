"""Pre-processing of networks that read text: the size of the input depends on the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.errors import InputError
from inference_models_core.types.geometry import Geometry

from inference_models_vision.configuration.pp_ocr import MAX_LINE_WIDTH
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.preprocessing.engine import CpuEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    from inference_models_core.types.images import Preprocessed, PreprocessedGroup
    from inference_models_core.types.preprocessing import ColorOrder, PreprocessingDeclaration

    from inference_models_vision.configuration.pp_ocr import SideLimit
    from inference_models_vision.images.loading import Picture
    from inference_models_vision.preprocessing.spatial import Size

SIDE_STEP = 32
"""Sides of the input are multiples of this."""
LINES_PER_BATCH = 8


class _OwnSizeEngine(CpuEngine):
    def __call__(
        self, pictures: Sequence[Picture], *, image_size: int | tuple[int, int] | None = None, **options: Any
    ) -> Preprocessed:
        """Pre-processes the pictures of one call; see the base class.

        Raises:
            InputError: If ``image_size`` is given, or a picture would become too large.
        """
        if image_size is not None:
            raise InputError("image_size: each picture has its own size here, which follows from its sides")
        return super().__call__(pictures, **options)


class SideLimitEngine(_OwnSizeEngine):
    """Stretches pictures so that one side keeps within a limit, and both are multiples of 32."""

    def __init__(
        self,
        declaration: PreprocessingDeclaration,
        *,
        limit: SideLimit,
        fixed: tuple[int | None, int | None] = (None, None),
        max_pixels: int = MAX_IMAGE_PIXELS,
    ) -> None:
        """Prepares the tables.

        Args:
            declaration: What becomes of the pixels.
            limit: How large pictures become.
            fixed: Height and width of the input where the graph takes only that.
            max_pixels: Largest input, in pixels: long pictures become far larger than they are.
        """
        super().__init__(declaration)
        self._limit, self._fixed, self._max_pixels = limit, fixed, max_pixels

    def fit(self, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:  # noqa: ARG002
        """The way of one picture."""
        height, width = limited_size(picture, self._limit)
        size = self._fixed[0] or height, self._fixed[1] or width
        if math.prod(size) > self._max_pixels:
            raise InputError(
                f"a picture of {picture[1]}x{picture[0]} pixels becomes one of {size[1]}x{size[0]} for this network, "
                f"and {self._max_pixels} pixels is the most",
                hint="cut long pictures into parts",
            )
        return Geometry(
            picture_size=picture,
            region_size=picture,
            network_size=size,
            scale_x=size[1] / picture[1],
            scale_y=size[0] / picture[0],
        )


class LineEngine(_OwnSizeEngine):
    """Scales lines of text to one height and fills them up on the right, with what becomes of medium grey.

    A line's width is rounded up to a multiple of 32, so that lines of similar width run as one batch, and so that
    what is read in a line does not depend on the lines beside it.
    """

    def __init__(self, declaration: PreprocessingDeclaration, *, fixed_width: int | None = None) -> None:
        """Prepares the tables.

        Args:
            declaration: What becomes of the pixels; its size is the height and the least width.
            fixed_width: The width of the input where the graph takes only that.
        """
        super().__init__(declaration)
        self._fixed_width = fixed_width

    def __call__(self, pictures: Sequence[Picture], **options: Any) -> Preprocessed:
        """Pre-processes the lines of one call, in batches of at most 8: what they become is large."""
        whole = super().__call__(pictures, **options)
        return attrs.evolve(whole, groups=tuple(part for group in whole.groups for part in _parts(group)))

    def fit(self, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:  # noqa: ARG002
        """The way of one line."""
        height, least = self.declaration.size
        width = math.ceil(height * picture[1] / picture[0])
        network = self._fixed_width or min(_rounded_up(width) if width > least else least, MAX_LINE_WIDTH)
        width = min(width, network)
        return Geometry(
            picture_size=picture,
            region_size=picture,
            network_size=(height, network),
            scale_x=width / picture[1],
            scale_y=height / picture[0],
            pad_right=network - width,
        )

    def write(
        self, cell: npt.NDArray[Any], pixels: npt.NDArray[np.uint8], order: ColorOrder, geometry: Geometry
    ) -> None:
        """Writes one line into its part (3, height, width) of the tensor."""
        super().write(cell, pixels, order, geometry)
        cell[:, :, geometry.network_size[1] - geometry.pad_right :] = 0  # between two levels: no pixel becomes that


def limited_size(picture: Size, limit: SideLimit) -> Size:
    """(height, width) of the input for a picture of (height, width).

    The ratio of the sides is kept but for rounding to multiples of 32.
    """
    side = min(picture) if limit.shortest else max(picture)
    within = side >= limit.pixels if limit.shortest else side <= limit.pixels
    ratio = 1.0 if within else limit.pixels / side
    height, width = (max(round(side * ratio / SIDE_STEP) * SIDE_STEP, SIDE_STEP) for side in picture)
    return height, width


def _rounded_up(width: int) -> int:
    return math.ceil(width / SIDE_STEP) * SIDE_STEP


def _parts(group: PreprocessedGroup) -> Iterator[PreprocessedGroup]:
    for start in range(0, len(group.indices), LINES_PER_BATCH):
        part = slice(start, start + LINES_PER_BATCH)
        yield attrs.evolve(
            group, tensor=group.tensor[part], indices=group.indices[part], geometries=group.geometries[part]
        )

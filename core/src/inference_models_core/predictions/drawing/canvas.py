"""What drawing happens on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions.drawing.picture import Picture

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

_LINE_WIDTH_PER_PIXEL = 1 / 380
_FONT_SIZE_PER_PIXEL = 1 / 50
_SMALLEST_FONT = 11


class Canvas:
    """A copy of a picture, with the sizes that suit it.

    Attributes:
        pixels: (H, W, 3) uint8, RGB; drawing writes into it.
        labels: Whether to write texts.
        opacity: How much masks and maps cover, 0 to 1.
        line_width: Of boxes and skeletons, in pixels.
        font_size: Of labels, in pixels.
        font: Path or name of a TrueType font, or ``None`` for the default.
        occupied: Windows (left, top, right, bottom) that labels take already.
    """

    def __init__(
        self,
        picture: npt.NDArray[np.uint8],
        *,
        labels: bool = True,
        opacity: float = 0.4,
        line_width: int | None = None,
        font_size: int | None = None,
        font: str | os.PathLike[str] | None = None,
    ) -> None:
        if not 0 <= opacity <= 1:
            raise InvalidRequestError(f"opacity lies between 0 and 1; given: {opacity}.")
        if min(1 if line_width is None else line_width, 1 if font_size is None else font_size) < 1:
            raise InvalidRequestError("line_width and font_size are at least 1 pixel.")
        self.pixels = np.array(picture, dtype=np.uint8, order="C")
        side = math.sqrt(self.height * self.width)
        self.labels = labels
        self.opacity = opacity
        self.line_width = line_width or max(1, round(side * _LINE_WIDTH_PER_PIXEL))
        self.font_size = font_size or max(_SMALLEST_FONT, round(side * _FONT_SIZE_PER_PIXEL))
        self.font = font
        self.occupied: list[tuple[int, int, int, int]] = []

    @property
    def height(self) -> int:
        """Height in pixels."""
        return len(self.pixels)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    def picture(self) -> Picture:
        """What was drawn so far."""
        return Picture(self.pixels)

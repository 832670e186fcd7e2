"""Which picture a prediction was made on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.predictions.arrays import size_pair

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from inference_models_core.types.preprocessing import ColorOrder


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageSource:
    """A reference to the caller's picture; never a copy of it.

    Attributes:
        reference: What the caller passed: a path, bytes, a PIL image, an array, a tensor.
        size: (height, width) in pixels, after the EXIF orientation of encoded pictures and PIL images.
        color_order: Channel order of an array or tensor; ``None`` means BGR for numpy and RGB for tensors.
        fetched: The encoded picture where the reference is a URL, so that it is not fetched again.
    """

    reference: Any
    size: tuple[int, int] = attrs.field(converter=size_pair)
    color_order: ColorOrder | None = None
    fetched: bytes | None = None

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.size[0]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.size[1]

    @property
    def path(self) -> str | None:
        """The path or URL as given, where the picture was given as one."""
        return os.fsdecode(self.reference) if isinstance(self.reference, (str, os.PathLike)) else None

    def load(self) -> npt.NDArray[np.uint8]:
        """Reads the picture as (H, W, 3) uint8, RGB; may share memory with the caller's array.

        Raises:
            InputError: The picture is a URL of which nothing was kept, or not a picture.
            ImageDecodeError: The file or the bytes cannot be read as a picture.
        """
        from inference_models_core.predictions.pixels import rgb_pixels

        return rgb_pixels(self.reference if self.fetched is None else self.fetched, self.color_order)

    def to_dict(self) -> dict[str, Any]:
        """``height``, ``width`` and, where there is one, ``path``."""
        size = {"height": self.height, "width": self.width}
        return size if self.path is None else {**size, "path": self.path}

    def __repr__(self) -> str:
        what = self.path or type(self.reference).__name__
        return f"ImageSource({what}, {self.width}x{self.height})"

"""The drawn picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image


@attrs.frozen(eq=False, repr=False)
class Picture:
    """A picture with a prediction drawn on it; notebooks show it as it is.

    Attributes:
        array: (H, W, 3) uint8, RGB.
    """

    array: npt.NDArray[np.uint8]

    @property
    def pil(self) -> Image:
        """As a PIL image."""
        from PIL import Image

        return Image.fromarray(self.array)

    def save(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Writes the picture to a file.

        Args:
            path: Where to; the suffix decides the format.
            **options: Passed to :meth:`PIL.Image.Image.save`, such as ``quality``.

        Returns:
            The path.

        Raises:
            OSError: The file cannot be written.
            ValueError: The suffix names no known format.
        """
        target = Path(path)
        self.pil.save(target, **options)
        return target

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.pil.save(buffer, format="PNG")
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"Picture({self.array.shape[1]}x{self.array.shape[0]})"

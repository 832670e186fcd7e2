"""Greyscale and contrast, on the pixels of the picture before it is resized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.types.preprocessing import ColorOrder

from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from inference_models_core.types.preprocessing import Contrast


def adjust(
    pixels: npt.NDArray[np.uint8], order: ColorOrder, *, grayscale: bool, contrast: Contrast | None
) -> npt.NDArray[np.uint8]:
    """Applies greyscale, then contrast.

    Args:
        pixels: (H, W) or (H, W, 3) uint8; not written to.
        order: Channel order.
        grayscale: Whether to replace colours by their luminance.
        contrast: Contrast adjustment.

    Returns:
        (H, W), meaning three equal channels, or (H, W, 3); the given array if there is nothing to do.
    """
    if grayscale and pixels.ndim == 3:
        to_gray = cv2.COLOR_BGR2GRAY if order is ColorOrder.BGR else cv2.COLOR_RGB2GRAY
        pixels = cv2.cvtColor(pixels, to_gray)  # type: ignore[assignment]  # uint8 in, uint8 out
    if contrast is None:
        return pixels
    from inference_models_vision.preprocessing.contrast import enhance

    return enhance(pixels, contrast)

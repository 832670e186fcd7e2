"""Where a picture goes in the network's input: sizes, scales and paddings. Pure arithmetic, no pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import InputError
from inference_models_core.types.geometry import Geometry
from inference_models_core.types.preprocessing import ResizeMode, Rounding

if TYPE_CHECKING:
    from inference_models_core.types.preprocessing import DynamicSize, PreprocessingDeclaration, StaticCrop

Size = tuple[int, int]
"""(height, width) in pixels."""


def target_size(declaration: PreprocessingDeclaration, wanted: int | Size | None) -> Size:
    """The network's input size for one call.

    Args:
        declaration: The package's declaration.
        wanted: (height, width), or one number for a square; ``None`` for the declared size.

    Returns:
        The size, rounded up to what the network can take.

    Raises:
        InputError: If the network takes only its declared size and another was asked for, or the size is no size.
    """
    if wanted is None:
        return declaration.size
    size = _checked_size(wanted)
    if size == declaration.size:
        return declaration.size
    if declaration.dynamic_size is None:
        height, width = declaration.size
        raise InputError(
            f"image_size: this model takes only {height}x{width} (height x width), not {size[0]}x{size[1]}"
        )
    return _round_up(size[0], declaration.dynamic_size), _round_up(size[1], declaration.dynamic_size)


def _checked_size(wanted: Any) -> Size:
    sides = wanted if isinstance(wanted, (tuple, list)) else (wanted, wanted)
    if len(sides) == 2 and all(isinstance(side, int) and side > 0 for side in sides):
        return sides[0], sides[1]
    raise InputError(f"image_size is (height, width) or one number, in pixels; got {wanted!r}")


def _round_up(side: int, dynamic: DynamicSize) -> int:
    return math.ceil(side / dynamic.divisor) * dynamic.divisor


def crop_box(crop: StaticCrop | None, picture: Size) -> tuple[int, int, int, int]:
    """A static crop in pixels.

    Args:
        crop: Percent of the picture; ``None`` for all of it.
        picture: (height, width).

    Returns:
        left, top, right, bottom; fractions of pixels are cut off.

    Raises:
        InputError: If nothing is left of so small a picture.
    """
    height, width = picture
    if crop is None:
        return 0, 0, width, height
    left, right = int(crop.x_min / 100 * width), int(crop.x_max / 100 * width)
    top, bottom = int(crop.y_min / 100 * height), int(crop.y_max / 100 * height)
    if left >= right or top >= bottom:
        raise InputError(f"a picture of {width}x{height} pixels is too small for the package's static crop")
    return left, top, right, bottom


def fit(declaration: PreprocessingDeclaration, picture: Size, box: tuple[int, int, int, int], target: Size) -> Geometry:
    """Fits a picture to the network.

    Args:
        declaration: Gives resize mode and rounding.
        picture: (height, width) of the picture.
        box: left, top, right, bottom of its static crop.
        target: (height, width) of the network's input.

    Returns:
        The mapping. The resized picture has the network's size less the paddings.
    """
    left, top, right, bottom = box
    region = (bottom - top, right - left)
    network, resized, scale = _FITS[declaration.resize_mode](region, target, declaration.rounding)
    pads_y = _pads(network[0] - resized[0], declaration)
    pads_x = _pads(network[1] - resized[1], declaration)
    return Geometry(
        picture_size=picture,
        region_size=region,
        network_size=network,
        scale_x=scale[1],
        scale_y=scale[0],
        pad_left=pads_x[0],
        pad_top=pads_y[0],
        pad_right=pads_x[1],
        pad_bottom=pads_y[1],
        offset_x=left,
        offset_y=top,
    )


def _pads(total: int, declaration: PreprocessingDeclaration) -> tuple[int, int]:
    """Padding before and after; negative where that much is cut off."""
    ultralytics = declaration.rounding is Rounding.ULTRALYTICS and declaration.resize_mode is not ResizeMode.CENTER_CROP
    before = round(total / 2 - 0.1) if ultralytics else int(total / 2)
    return before, total - before


_Fit = tuple[Size, Size, tuple[float, float]]
"""Network size, size of the resized picture, scale (vertical, horizontal)."""


def _stretch(region: Size, target: Size, _: Rounding) -> _Fit:
    return target, target, _exact_scale(region, target)


def _letterbox(region: Size, target: Size, rounding: Rounding) -> _Fit:
    scale = min(target[0] / region[0], target[1] / region[1])
    if rounding is Rounding.ULTRALYTICS:
        resized = (max(round(region[0] * scale), 1), max(round(region[1] * scale), 1))
        return target, resized, _exact_scale(region, resized)
    resized = (max(int(region[0] * scale), 1), max(int(region[1] * scale), 1))
    # The platform's runtime goes back with the scale before truncation; so must whoever wants its boxes.
    return target, resized, (scale, scale)


def _center_crop(region: Size, target: Size, _: Rounding) -> _Fit:
    return target, region, (1.0, 1.0)


def _fit_longer_edge(region: Size, target: Size, _: Rounding) -> _Fit:
    """The tighter side is met exactly, the other keeps the proportions; there is no padding."""
    if target[0] / region[0] < target[1] / region[1]:
        size = (target[0], max(round(region[1] * target[0] / region[0]), 1))
    else:
        size = (max(round(region[0] * target[1] / region[1]), 1), target[1])
    return size, size, _exact_scale(region, size)


def _exact_scale(region: Size, resized: Size) -> tuple[float, float]:
    return resized[0] / region[0], resized[1] / region[1]


_FITS = {
    ResizeMode.STRETCH: _stretch,
    ResizeMode.LETTERBOX: _letterbox,
    ResizeMode.LETTERBOX_REFLECT_EDGES: _letterbox,  # what the platform's own runtime does with this mode
    ResizeMode.CENTER_CROP: _center_crop,
    ResizeMode.FIT_LONGER_EDGE: _fit_longer_edge,
}

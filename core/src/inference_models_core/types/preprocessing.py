"""The pre-processing declaration: what has to happen to a picture before a network sees it.

It is read from a package (``inference_config.json``) or from an export's own metadata and carried out by an engine:
the CPU engine in ``inference_models_vision``, or one a session brings itself.
"""

from __future__ import annotations

import enum

import attrs

from inference_models_core.types.value import Value


class ResizeMode(enum.Enum):
    """How a picture is fitted to the network's input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CENTER_CROP = "center-crop"
    FIT_LONGER_EDGE = "fit-longer-edge"
    LETTERBOX_REFLECT_EDGES = "letterbox-reflect-edges"


class Rounding(enum.Enum):
    """How fractions of pixels become sizes and paddings in a letterbox."""

    TRUNCATE = "truncate"
    """Platform packages: ``int(side * scale)``, ``int(padding / 2)`` on the left and top."""
    ULTRALYTICS = "ultralytics"
    """Bare Ultralytics exports: ``round(side * scale)``, ``round(padding / 2 - 0.1)`` on the left and top."""


class ColorOrder(enum.Enum):
    """Order of the colour channels."""

    RGB = "rgb"
    BGR = "bgr"


class Contrast(enum.Enum):
    """Contrast adjustment, named as package files name it; the numerics are scikit-image's."""

    ADAPTIVE_EQUALIZATION = "Adaptive Equalization"
    STRETCHING = "Contrast Stretching"
    HISTOGRAM_EQUALIZATION = "Histogram Equalization"


@attrs.frozen(kw_only=True, repr=False)
class StaticCrop(Value):
    """A fixed crop in whole percent of the picture, applied before everything else."""

    x_min: int
    x_max: int
    y_min: int
    y_max: int


@attrs.frozen(kw_only=True, repr=False)
class DynamicSize(Value):
    """Which other input sizes than the training size a network takes.

    Attributes:
        divisor: Sides must be multiples of this; 1 allows any size.
    """

    divisor: int = 1


@attrs.frozen(kw_only=True, repr=False)
class PreprocessingDeclaration(Value):
    """Everything that turns a picture into an input tensor, in this order.

    static crop -> greyscale -> contrast -> spatial fit -> channel order -> divide -> normalise -> cast.

    Attributes:
        size: (height, width) of the network's input in pixels.
        resize_mode: How a picture is fitted to it.
        rounding: Convention for the letterbox.
        padding_value: Grey level 0-255 of the letterbox's bars, before scaling.
        color_order: Channel order that the network expects.
        divisor: Pixel values are divided by this; ``None`` leaves them 0-255.
        mean: Subtracted per channel after the division.
        std: Divisor per channel after ``mean``.
        dtype: numpy name of the tensor's type; ``None``: ``float32``, or ``uint8`` where nothing scales the pixels.
        static_crop: Fixed crop.
        grayscale: Replace colours by their luminance, in three equal channels.
        contrast: Contrast adjustment.
        dynamic_size: Other sizes the network takes; ``None`` if only ``size``.
        channels: Channels of the input tensor.
    """

    size: tuple[int, int]
    resize_mode: ResizeMode = attrs.field(default=ResizeMode.STRETCH, converter=ResizeMode)
    rounding: Rounding = attrs.field(default=Rounding.TRUNCATE, converter=Rounding)
    padding_value: int = 0
    color_order: ColorOrder = attrs.field(default=ColorOrder.RGB, converter=ColorOrder)
    divisor: float | None = 255.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dtype: str | None = None
    static_crop: StaticCrop | None = None
    grayscale: bool = False
    contrast: Contrast | None = None
    dynamic_size: DynamicSize | None = None
    channels: int = 3

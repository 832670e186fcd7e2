"""``inference_config.json``: how pictures become the network's input and what becomes of its output.

The format is the one that Roboflow's platform writes. Unknown keys are ignored. One key is ours: ``rounding`` in
``network_input`` (``"truncate"`` or ``"ultralytics"``), for bare exports that were never on the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core import parsing
from inference_models_core.types.preprocessing import (
    ColorOrder,
    Contrast,
    DynamicSize,
    PreprocessingDeclaration,
    ResizeMode,
    Rounding,
    StaticCrop,
)
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

FILE_NAME = "inference_config.json"
_MAX_SIDE = 16_384
_POST_PROCESSING_TYPES = ("nms", "softmax", "sigmoid")


@attrs.frozen(kw_only=True, repr=False)
class NmsParameters(Value):
    """What a graph with non-maximum suppression inside was exported with.

    Attributes:
        max_detections: Rows of the output.
        confidence_threshold: Score below which the graph drops boxes.
        iou_threshold: Overlap above which the graph drops boxes.
        class_agnostic: Whether boxes of different classes suppress each other.
    """

    max_detections: int
    confidence_threshold: float
    iou_threshold: float
    class_agnostic: bool


@attrs.frozen(kw_only=True, repr=False)
class PostProcessing(Value):
    """What becomes of the outputs.

    Attributes:
        type: ``"nms"``, ``"softmax"`` or ``"sigmoid"``.
        fused: Whether the graph does it itself.
        nms: What the graph was exported with, if it says.
    """

    type: str
    fused: bool
    nms: NmsParameters | None = None


@attrs.frozen(kw_only=True, repr=False)
class InferenceConfig(Value):
    """The whole document.

    Attributes:
        preprocessing: How pictures become the input.
        auto_orient: Whether the pictures of the data set were turned upright by EXIF. Information: encoded pictures
            always are here.
        dataset_size: (height, width) to which the data set was resized before training, where it says.
        static_batch_size: Batch of a graph with a fixed one.
        max_batch_size: Largest batch of a dynamic graph.
        post_processing: What becomes of the outputs.
        removed_classes: Names that are taken out of the vocabulary.
        model_initialization: Arguments of the architecture, opaque.
    """

    preprocessing: PreprocessingDeclaration
    auto_orient: bool = False
    dataset_size: tuple[int, int] | None = None
    static_batch_size: int | None = None
    max_batch_size: int | None = None
    post_processing: PostProcessing | None = None
    removed_classes: tuple[str, ...] = ()
    model_initialization: Mapping[str, Any] = attrs.field(factory=dict)


def parse_inference_config(
    document: Any,
    where: str = FILE_NAME,
    *,
    resize_modes: Collection[ResizeMode] = tuple(ResizeMode),
    substitutions: Mapping[ResizeMode, tuple[ResizeMode, int]] | None = None,
) -> InferenceConfig:
    """Reads the document.

    Args:
        document: The parsed JSON.
        where: What to call it in errors, usually the file's name.
        resize_modes: Modes that the family can live with.
        substitutions: Mode -> the mode and padding value that the family uses in its place.

    Returns:
        Its content.

    Raises:
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    fields = parsing.as_object(document, where)
    network = fields.fields("network_input")
    adjustments = fields.fields("image_pre_processing", parsing.Fields({}, where))
    forward = fields.fields("forward_pass", parsing.Fields({}, where))
    initialization = fields.fields("model_initialization", None)
    return InferenceConfig(
        preprocessing=_declaration(network, adjustments, resize_modes, substitutions or {}),
        auto_orient=_enabled(adjustments, "auto-orient") is not None,
        dataset_size=network.read("dataset_version_resize_dimensions", _size, None),
        static_batch_size=forward.integer("static_batch_size", None, minimum=1),
        max_batch_size=forward.integer("max_dynamic_batch_size", None, minimum=1),
        post_processing=fields.read("post_processing", _post_processing, None),
        removed_classes=fields.items("class_names_operations", _removed_class, ()),
        model_initialization=initialization.mapping if initialization is not None else {},
    )


def _declaration(
    network: parsing.Fields,
    adjustments: parsing.Fields,
    resize_modes: Collection[ResizeMode],
    substitutions: Mapping[ResizeMode, tuple[ResizeMode, int]],
) -> PreprocessingDeclaration:
    mode = ResizeMode(network.text("resize_mode", choices=_values(ResizeMode)))
    padding = network.integer("padding_value", 0, minimum=0, maximum=255)
    mode, padding = substitutions.get(mode, (mode, padding))
    if mode not in resize_modes:
        parsing.malformed(
            f"{network.where}.resize_mode", f"one of {', '.join(_values(resize_modes))} for this family", mode.value
        )
    mean, std = network.read("normalization", _normalization, (None, None))
    return PreprocessingDeclaration(
        size=network.read("training_input_size", _size),
        resize_mode=mode,
        rounding=network.text("rounding", Rounding.TRUNCATE.value, choices=_values(Rounding)),
        padding_value=padding,
        color_order=network.text("color_mode", choices=_values(ColorOrder)),
        divisor=network.read("scaling_factor", _divisor, None),
        mean=mean,
        std=std,
        static_crop=_static_crop(_enabled(adjustments, "static-crop")),
        grayscale=_enabled(adjustments, "grayscale") is not None,
        contrast=_contrast(_enabled(adjustments, "contrast")),
        dynamic_size=_dynamic_size(network),
        channels=network.read("input_channels", _channels),
    )


def _values(modes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(mode.value for mode in modes)


def _enabled(adjustments: parsing.Fields, key: str) -> parsing.Fields | None:
    """The settings of an adjustment if it is there and switched on."""
    settings = adjustments.fields(key, None)
    return settings if settings is not None and settings.boolean("enabled") else None


def _static_crop(settings: parsing.Fields | None) -> StaticCrop | None:
    if settings is None:
        return None
    sides = {name: settings.integer(name, minimum=0, maximum=100) for name in ("x_min", "x_max", "y_min", "y_max")}
    crop = StaticCrop(**sides)
    if crop.x_min >= crop.x_max or crop.y_min >= crop.y_max:
        parsing.malformed(settings.where, "x_min < x_max and y_min < y_max in percent", str(sides))
    return crop


def _contrast(settings: parsing.Fields | None) -> Contrast | None:
    return None if settings is None else Contrast(settings.text("type", choices=_values(Contrast)))


def _dynamic_size(network: parsing.Fields) -> DynamicSize | None:
    supported = network.boolean("dynamic_spatial_size_supported")
    mode = network.fields("dynamic_spatial_size_mode", None)
    if not supported or mode is None:
        return None
    if mode.text("type", choices=("pad-to-be-divisible", "any-size")) == "any-size":
        return DynamicSize()
    return DynamicSize(divisor=mode.integer("value", minimum=1, maximum=_MAX_SIDE))


def _size(value: Any, where: str) -> tuple[int, int]:
    fields = parsing.as_object(value, where)
    return (
        fields.integer("height", minimum=1, maximum=_MAX_SIDE),
        fields.integer("width", minimum=1, maximum=_MAX_SIDE),
    )


def _divisor(value: Any, where: str) -> float:
    number = parsing.as_number(value, where)
    if number == 0:
        parsing.malformed(where, "a number other than 0", "0")
    return number


def _channels(value: Any, where: str) -> int:
    channels = parsing.as_integer(value, where)
    if channels != 3:
        parsing.malformed(where, "3 channels", str(channels))
    return channels


def _normalization(value: Any, where: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    rows = parsing.as_list(value, where, _three_numbers, length=2)
    if 0 in rows[1]:
        parsing.malformed(f"{where}[1]", "standard deviations other than 0", str(rows[1]))
    return rows[0], rows[1]


def _three_numbers(value: Any, where: str) -> tuple[float, ...]:
    return parsing.as_list(value, where, parsing.as_number, length=3)


def _post_processing(value: Any, where: str) -> PostProcessing:
    fields = parsing.as_object(value, where)
    return PostProcessing(
        type=fields.text("type", choices=_POST_PROCESSING_TYPES),
        fused=fields.boolean("fused"),
        nms=fields.read("nms_parameters", _nms_parameters, None),
    )


def _nms_parameters(value: Any, where: str) -> NmsParameters:
    fields = parsing.as_object(value, where)
    return NmsParameters(
        max_detections=fields.integer("max_detections", minimum=1),
        confidence_threshold=fields.number("confidence_threshold", minimum=0, maximum=1),
        iou_threshold=fields.number("iou_threshold", minimum=0, maximum=1),
        class_agnostic=bool(fields.integer("class_agnostic", minimum=0, maximum=1)),
    )


def _removed_class(value: Any, where: str) -> str:
    fields = parsing.as_object(value, where)
    fields.text("type", choices=("class_name_removal",))
    return fields.text("class_name")

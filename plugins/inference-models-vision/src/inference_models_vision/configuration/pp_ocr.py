"""``inference.yml``: what PaddleOCR writes beside an exported PP-OCR network.

Unknown keys and steps are ignored; what is not said has PaddleOCR's usual value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core import parsing
from inference_models_core.types.preprocessing import ColorOrder, PreprocessingDeclaration
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "inference.yml"
MAX_LINE_WIDTH = 3200
"""In pixels of the network; longer lines are squeezed."""
_MAX_SIDE = 16_384
_MAX_STEPS = 64
_MAX_CHARACTERS = 100_000
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_QUOTIENT = re.compile(r"([0-9]+\.?[0-9]*)\s*/\s*([0-9]+\.?[0-9]*)")
_LINE_SHAPE = (3, 48, 320)


@attrs.frozen(kw_only=True, repr=False)
class RegionSettings(Value):
    """How text is found in a map of probabilities.

    Attributes:
        threshold: Probability above which a pixel belongs to a text.
        box_threshold: Mean probability that is enough for a region.
        unclip_ratio: How far regions are grown: their area times this over their perimeter. Networks of this kind
            mark only the core of a text.
        max_candidates: How many outlines are looked at.
    """

    threshold: float = 0.3
    box_threshold: float = 0.6
    unclip_ratio: float = 1.5
    max_candidates: int = 1000


@attrs.frozen(kw_only=True, repr=False)
class SideLimit(Value):
    """How large a picture becomes for the network.

    Attributes:
        pixels: The limit.
        shortest: Whether the shorter side is at least this long; else the longer one at most.
    """

    pixels: int = 736
    shortest: bool = True


@attrs.frozen(kw_only=True, repr=False)
class DetectionConfig(Value):
    """The document of a network that finds text.

    Attributes:
        preprocessing: What becomes of pixels; its size stands for none, since every picture has its own.
        side_limit: How large pictures become.
        regions: How the network's answer is read.
    """

    preprocessing: PreprocessingDeclaration
    side_limit: SideLimit
    regions: RegionSettings


@attrs.frozen(kw_only=True, repr=False)
class RecognitionConfig(Value):
    """The document of a network that reads lines.

    Attributes:
        preprocessing: What becomes of pixels; its size is the height and the least width of a line.
        characters: What each of the network's classes stands for, but for the first, which stands for nothing.
    """

    preprocessing: PreprocessingDeclaration
    characters: tuple[str, ...]


def parse_detection_config(document: parsing.Fields) -> DetectionConfig:
    """Reads the document of a network that finds text.

    Raises:
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    steps = _steps(document)
    resize, post = _step(steps, "DetResizeForTest"), _section(document, "PostProcess")
    limit, regions = SideLimit(), RegionSettings()
    side = resize.integer("limit_side_len", limit.pixels, minimum=1, maximum=_MAX_SIDE)
    return DetectionConfig(
        preprocessing=_normalised(steps, (side, side)),
        side_limit=SideLimit(pixels=side, shortest=resize.text("limit_type", "min", choices=("min", "max")) == "min"),
        regions=RegionSettings(
            threshold=post.number("thresh", regions.threshold, minimum=0, maximum=1),
            box_threshold=post.number("box_thresh", regions.box_threshold, minimum=0, maximum=1),
            unclip_ratio=post.number("unclip_ratio", regions.unclip_ratio, minimum=0, maximum=100),
            max_candidates=post.integer("max_candidates", regions.max_candidates, minimum=1, maximum=parsing.MAX_ITEMS),
        ),
    )


def parse_recognition_config(document: parsing.Fields) -> RecognitionConfig:
    """Reads the document of a network that reads lines.

    Raises:
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    steps = _steps(document)
    _, height, width = _step(steps, "RecResizeImg").read("image_shape", _line_shape, _LINE_SHAPE)
    written = document.fields("PostProcess").items("character_dict", _character, maximum=_MAX_CHARACTERS)
    half = (0.5, 0.5, 0.5)
    return RecognitionConfig(
        preprocessing=PreprocessingDeclaration(
            size=(height, width), color_order=_color_order(steps), divisor=255.0, mean=half, std=half
        ),
        characters=(*written, " "),
    )


def _normalised(steps: Mapping[str, parsing.Fields], size: tuple[int, int]) -> PreprocessingDeclaration:
    step = _step(steps, "NormalizeImage")
    return PreprocessingDeclaration(
        size=size,
        color_order=_color_order(steps),
        divisor=1 / step.read("scale", _scale, 1 / 255),
        mean=step.read("mean", _three_numbers, _MEAN),
        std=step.read("std", _positive_numbers, _STD),
    )


def _section(document: parsing.Fields, key: str) -> parsing.Fields:
    return document.fields(key, parsing.Fields({}, f"{document.where}: {key}"))


def _steps(document: parsing.Fields) -> dict[str, parsing.Fields]:
    """The settings of each step; steps are mappings of one name to settings, or to nothing."""
    found: dict[str, parsing.Fields] = {}
    steps = _section(document, "PreProcess").items("transform_ops", parsing.as_object, (), maximum=_MAX_STEPS)
    for step in steps:
        found |= {name: step.fields(name) for name in step.mapping if name in step}
    return found


def _step(steps: Mapping[str, parsing.Fields], name: str) -> parsing.Fields:
    return steps.get(name, parsing.Fields({}, name))


def _color_order(steps: Mapping[str, parsing.Fields]) -> ColorOrder:
    return ColorOrder(_step(steps, "DecodeImage").text("img_mode", "BGR", choices=("BGR", "RGB")).lower())


def _scale(value: Any, where: str) -> float:
    """A factor, or a quotient of two numbers as text, which is how PaddleOCR writes 1/255."""
    match = _QUOTIENT.fullmatch(value.strip()) if isinstance(value, str) else None
    above, below = map(float, match.groups()) if match else (parsing.as_number(value, where), 1.0)
    if not (below > 0 and 1e-6 <= above / below <= 1e6):
        parsing.malformed(where, "a factor from 0.000001 to 1000000", parsing.describe(value))
    return above / below


def _three_numbers(value: Any, where: str) -> tuple[float, ...]:
    return parsing.as_list(value, where, parsing.as_number, length=3)


def _positive_numbers(value: Any, where: str) -> tuple[float, ...]:
    numbers = _three_numbers(value, where)
    if min(numbers) <= 0:
        parsing.malformed(where, "standard deviations above 0", str(numbers))
    return numbers


def _line_shape(value: Any, where: str) -> tuple[int, ...]:
    shape = parsing.as_list(
        value, where, lambda side, path: parsing.as_integer(side, path, minimum=1, maximum=MAX_LINE_WIDTH), length=3
    )
    if shape[0] != _LINE_SHAPE[0]:
        parsing.malformed(where, "3 channels", str(shape[0]))
    return shape


def _character(value: Any, where: str) -> str:
    """A character; digits without quotes come as numbers."""
    return str(value) if type(value) is int and 0 <= value <= 9 else parsing.as_text(value, where)

"""Where ``docs/differences.md`` says that we answer otherwise: what the reference's answer becomes, or how it is asked.

So the rest of such an answer is still compared. Each name stands for a phrase of that page; a test looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from parity.answers import Answer
from parity.matrix import Case
from parity.measures import BARS

PHRASES: Mapping[str, str] = {
    "key_points_in_picture": "key points outside of the picture",
    "declared_color_order": "colour order of the input",
    "masks_of_picture_size": "crop at the origin",
    "maps_of_picture_size": "crop at the origin",
    "classes_without_objectness": "objectness",
    "only_what_was_seen": "what a centre crop hides of a larger picture",
}


def key_points_in_picture(answer: Answer, case: Case, size: tuple[int, int]) -> Answer:  # noqa: ARG001
    """Key points outside of the picture lie on its edge."""
    limits = np.array(size[::-1])
    return {**answer, "key_points": np.clip(answer["key_points"], 0, limits)}


def masks_of_picture_size(answer: Answer, case: Case, size: tuple[int, int]) -> Answer:
    """A crop at the origin is a crop, too: masks have the size of the picture."""
    masks = answer["masks"]
    if case.get("static_crop") is None or masks.shape[1:] == size:
        return answer
    whole = np.zeros((len(masks), *size), bool)
    whole[:, : masks.shape[1], : masks.shape[2]] = masks
    return {**answer, "masks": whole}


def classes_without_objectness(answer: Answer, case: Case, size: tuple[int, int]) -> Answer:  # noqa: ARG001
    """The objectness is no class."""
    return {**answer, "class_id": answer["class_id"] - 1}


def maps_of_picture_size(answer: Answer, case: Case, size: tuple[int, int]) -> Answer:
    """A crop at the origin is a crop, too: maps have the size of the picture; background, or depth 0, around it."""
    if case.get("static_crop") is None:
        return answer
    return {name: _padded(values, size) for name, values in answer.items()}


def _padded(values: Any, size: tuple[int, int]) -> Any:
    whole = np.zeros(size, values.dtype)
    whole[: values.shape[0], : values.shape[1]] = values
    return whole


def only_what_was_seen(answer: Answer, case: Case, size: tuple[int, int]) -> Answer:
    """What a centre crop hides of a larger picture, and a map's pixel around it, is not compared."""
    frame = case.get("dataset_size", NETWORK)  # RF-DETR's packages without one stretch
    if case["resize_mode"] != "center-crop" or frame is None:
        return answer
    compared = np.zeros(size, bool)
    compared[tuple(_seen(*span) for span in zip(_region(case, size), frame, strict=True))] = True
    return {**answer, "compared": compared}


NETWORK = (96, 128)
_RIM = 8
"""Pixels of the network's input that a map's pixel at a stride of 4 may reach."""


def _region(case: Case, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(first, beyond) of what the static crop leaves, of rows and of columns."""
    height, width = size
    if case.get("static_crop") is None:
        return (0, height), (0, width)
    left, right, top, bottom = case["static_crop"]
    return (int(top / 100 * height), int(bottom / 100 * height)), (int(left / 100 * width), int(right / 100 * width))


def _seen(span: tuple[int, int], network: int) -> slice:
    first, beyond = span
    hidden = beyond - first - network
    if hidden <= 0:
        return slice(first, beyond)
    return slice(first + hidden // 2 + _RIM, first + hidden // 2 + network - _RIM)


ANSWERS: Mapping[str, Callable[[Answer, Case, tuple[int, int]], Answer]] = {
    "key_points_in_picture": key_points_in_picture,
    "masks_of_picture_size": masks_of_picture_size,
    "classes_without_objectness": classes_without_objectness,
    "maps_of_picture_size": maps_of_picture_size,
    "only_what_was_seen": only_what_was_seen,
}


def declared_color_order(arguments: dict[str, Any]) -> dict[str, Any]:
    """The reference takes arrays of no declared order as RF-DETR's other order; told that they are BGR, it does not."""
    return {"input_color_format": "bgr", **arguments}


ARGUMENTS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"declared_color_order": declared_color_order}


@attrs.frozen
class Explained:
    """A measure that may go beyond its bar, for a reason that the page gives.

    Attributes:
        measure: Which.
        limit: How far.
        phrase: What the page calls it.
        row: Beginning of the names of the rows that it holds for.
        setting: Name and value of the setting that it holds for.
    """

    measure: str
    limit: float
    phrase: str
    row: str = ""
    setting: tuple[str, Any] | None = None

    def holds(self, name: str, case: Case) -> bool:
        """Whether it holds for a case of a row."""
        return name.startswith(self.row) and (self.setting is None or case.get(self.setting[0]) == self.setting[1])


EXPLAINED = (
    *(
        Explained("mask IoU", 0.85, "prototype's pixel just outside of the box", row=f"{name} instance")
        for name in ("yolov5", "yolov7", "yolo26")
    ),
    Explained("tensor", 2.001 / 255, "adaptive equalization", setting=("contrast", "Adaptive Equalization")),
    Explained("score", 5e-4, "adaptive equalization", setting=("contrast", "Adaptive Equalization")),
    Explained("tensor", 12 / 255, "overshoot of the bicubic filter", row="clip"),
    Explained("vector", 2e-3, "overshoot of the bicubic filter", row="clip"),
    Explained("angle", 1e-3, "resized in 8 bits with Pillow's", row="l2cs-net"),
)


def explained(name: str, case: Case, measure: str, value: float) -> bool:
    """Whether a value beyond its bar has a reason that holds for this case of this row."""
    return any(one.measure == measure and _within(one, value) and one.holds(name, case) for one in EXPLAINED)


def _within(one: Explained, value: float) -> bool:
    return value >= one.limit if BARS[one.measure].least else value <= one.limit

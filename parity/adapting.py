"""Where ``docs/differences.md`` says that we answer otherwise: what the reference's answer becomes, or how it is asked.

So the rest of such an answer is still compared. Each name stands for a phrase of that page; a test looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parity.answers import Answer
from parity.matrix import Case

PHRASES: Mapping[str, str] = {
    "key_points_in_picture": "key points outside of the picture",
    "declared_color_order": "colour order of the input",
    "masks_of_picture_size": "crop at the origin",
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


ANSWERS: Mapping[str, Callable[[Answer, Case, tuple[int, int]], Answer]] = {
    "key_points_in_picture": key_points_in_picture,
    "masks_of_picture_size": masks_of_picture_size,
}


def declared_color_order(arguments: dict[str, Any]) -> dict[str, Any]:
    """The reference takes arrays of no declared order as RF-DETR's other order; told that they are BGR, it does not."""
    return {"input_color_format": "bgr", **arguments}


ARGUMENTS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"declared_color_order": declared_color_order}

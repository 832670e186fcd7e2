"""Predictions in the formats of the COCO evaluation (results format, cocodataset.org)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions.arrays import plain

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.predictions.detections import Detections
    from inference_models_core.predictions.masks import Masks

CategoryIds = Mapping[int, int] | Sequence[int] | None
"""Category id of the data set per class id of the model; ``None``: they are the same."""

_VISIBLE = 2
"""COCO's flag of a key point that is labelled and visible; 0 is one that is not labelled."""


def category_of(class_id: int, category_ids: CategoryIds) -> int:
    """The data set's category id of a class.

    Raises:
        InvalidRequestError: ``category_ids`` does not have the class.
    """
    if category_ids is None:
        return class_id
    try:
        return int(category_ids[class_id])
    except (KeyError, IndexError) as error:
        raise InvalidRequestError(f"category_ids says nothing about class id {class_id}.") from error


def box_results(detections: Detections, image_id: int | str, category_ids: CategoryIds) -> list[dict[str, Any]]:
    """One dict per box: ``image_id``, ``category_id``, ``bbox`` (left, top, width, height), ``score``."""
    boxes = detections.xyxy.copy()
    boxes[:, 2:] -= boxes[:, :2]
    columns = zip(detections.class_id.tolist(), plain(boxes), plain(detections.confidence), strict=True)
    return [
        {"image_id": image_id, "category_id": category_of(class_id, category_ids), "bbox": box, "score": score}
        for class_id, box, score in columns
    ]


def json_rle(masks: Masks) -> list[dict[str, Any]]:
    """Compressed run-length encodings with ``counts`` as text, for JSON."""
    return [{**encoding, "counts": encoding["counts"].decode("ascii")} for encoding in masks.rle()]


def key_point_triplets(xy: npt.NDArray[np.float32], confidence: npt.NDArray[np.float32]) -> list[list[float]]:
    """Key points as COCO writes them: x, y, visibility (2 where the confidence is above 0, else 0).

    Args:
        xy: (n, K, 2) pixels.
        confidence: (n, K).

    Returns:
        n lists of 3 * K numbers.
    """
    visibility = np.where(confidence > 0, np.float32(_VISIBLE), np.float32(0))
    count, slots = visibility.shape
    together = np.concatenate([xy, visibility[:, :, None]], axis=2)
    triplets: list[list[float]] = plain(together.reshape(count, 3 * slots))
    return triplets

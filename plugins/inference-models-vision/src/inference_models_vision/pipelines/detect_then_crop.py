"""A detector finds things, a second model looks at each of them closely."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from inference_models_core.errors import InvalidRequestError
from inference_models_core.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inference_models_core.predictions.detections import Detection, Detections
    from inference_models_core.types.tensors import Array


@attrs.frozen(kw_only=True, eq=False)
class CropPredictions:
    """One picture's result.

    Attributes:
        detections: What the detector found.
        crops: For each detection the second model's result on its crop, in the crop's own pixels.
        offsets: (n, 2) int64: for each crop the x and y of its upper left corner in the picture, in pixels.
    """

    detections: Detections
    crops: tuple[Any, ...]
    offsets: Array

    def __len__(self) -> int:
        return len(self.crops)

    def __iter__(self) -> Iterator[tuple[Detection, Any]]:
        return iter(zip(self.detections, self.crops, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "detections": self.detections.to_dict(),
            "crops": [crop.to_dict() for crop in self.crops],
            "offsets": self.offsets.tolist(),
        }


class DetectThenCrop(Model):
    """The pipeline ``detect-then-crop``: any detector, then any model that takes pictures."""

    def __init__(self, detector: Any, second: Any, margin: float) -> None:
        self._detector = detector
        self._second = second
        self._margin = margin

    @classmethod
    def with_models(cls, models: Sequence[Any], *, margin: float = 0.1) -> DetectThenCrop:
        """Builds the pipeline.

        Args:
            models: The detector and the model for its crops.
            margin: How much of a box's size is added on each side, so that the second model sees some surroundings.

        Raises:
            InvalidRequestError: If there are not two models, or the margin is negative.
        """
        if len(models) != 2:
            raise InvalidRequestError(f"detect-then-crop takes two models, not {len(models)}")
        if not 0 <= margin < math.inf:
            raise InvalidRequestError(f"margin is a fraction of the box's size, 0 or more, not {margin!r}")
        return cls(models[0], models[1], margin)

    def __call__(
        self,
        images: Any,
        *,
        detector_arguments: Mapping[str, Any] | None = None,
        crop_arguments: Mapping[str, Any] | None = None,
    ) -> list[CropPredictions]:
        """Predicts.

        Args:
            images: What the detector takes.
            detector_arguments: Keyword arguments for the detector's call.
            crop_arguments: Keyword arguments for the second model's call.

        Returns:
            One result per picture.
        """
        found: list[Detections] = self._detector(images, **(detector_arguments or {}))
        cut = [self._cut(detections) for detections in found]
        crops = [crop for _, of_picture in cut for crop in of_picture]
        results = iter(self._second(crops, **(crop_arguments or {})) if crops else ())
        return [
            CropPredictions(detections=detections, crops=tuple(next(results) for _ in of_picture), offsets=offsets)
            for detections, (offsets, of_picture) in zip(found, cut, strict=True)
        ]

    def _cut(self, detections: Detections) -> tuple[Array, list[Array]]:
        """Crops as contiguous BGR arrays, which is what models take an array for, and where they lie."""
        if detections.image is None or not len(detections):
            return np.zeros((0, 2), np.int64), []
        windows = crop_windows(detections.xyxy, detections.image.size, self._margin)
        picture = detections.image.load()[..., ::-1]
        return windows[:, :2], [np.ascontiguousarray(picture[y0:y1, x0:x1]) for x0, y0, x1, y1 in windows]


def crop_windows(xyxy: Array, size: tuple[int, int], margin: float) -> Array:
    """Whole-pixel windows around boxes.

    Args:
        xyxy: (n, 4) float boxes in pixels.
        size: (height, width) of the picture.
        margin: Fraction of the box's own width and height added on each side.

    Returns:
        (n, 4) int64, inside the picture and at least one pixel wide and high; they contain their boxes.
    """
    height, width = size
    low, high = xyxy[:, :2].astype(np.float64), xyxy[:, 2:].astype(np.float64)
    added = (high - low) * margin
    limits = np.array([width, height])
    start = np.clip(np.floor(low - added), 0, limits - 1)
    end = np.clip(np.ceil(high + added), start + 1, limits)
    return np.concatenate([start, end], axis=1).astype(np.int64)

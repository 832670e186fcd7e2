"""Key-point detection: boxes of known classes, each with named points."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.key_points import KeyPointDetections
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class KeyPointDetectionModel(ClassVocabulary, ImageModel[KeyPointDetections]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.KeyPointDetections`.

    Attributes:
        key_point_names: For each class id the names of its points, by slot.
        skeletons: For each class id pairs of slots that are joined by a line.
    """

    task: ClassVar[str] = "keypoint-detection"
    key_point_names: tuple[tuple[str, ...], ...] = ()
    skeletons: tuple[tuple[tuple[int, int], ...], ...] = ()

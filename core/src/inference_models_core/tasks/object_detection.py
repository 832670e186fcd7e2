"""Object detection: boxes of known classes."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class ObjectDetectionModel(ClassVocabulary, ImageModel[Detections]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.Detections`.

    Prediction calls take at least ``confidence`` (a number, ``"best"`` or ``"default"``).
    """

    task: ClassVar[str] = "object-detection"

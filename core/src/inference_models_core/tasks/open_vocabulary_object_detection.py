"""Open-vocabulary detection: boxes of classes that the caller names."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.base import ImageModel


class OpenVocabularyObjectDetectionModel(ImageModel[Detections]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.Detections`.

    The classes are an argument of the call, ``model(images, classes=["cat", "tabby cat"])``: a keyword-only argument
    ``classes: Sequence[str]`` of the stages that need it. Class ids index it, and it is the result's vocabulary.
    """

    task: ClassVar[str] = "open-vocabulary-object-detection"

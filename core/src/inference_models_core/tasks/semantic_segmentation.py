"""Semantic segmentation: a class for every pixel."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.semantic_segmentation import SemanticSegmentation
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class SemanticSegmentationModel(ClassVocabulary, ImageModel[SemanticSegmentation]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.SemanticSegmentation`.

    Maps have the size of the original picture.
    """

    task: ClassVar[str] = "semantic-segmentation"

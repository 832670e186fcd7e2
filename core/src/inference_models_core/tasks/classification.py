"""Classification: one class per picture."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.classification import Classification
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class ClassificationModel(ClassVocabulary, ImageModel[Classification]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.Classification`.

    One result per picture, with the score of every class.
    """

    task: ClassVar[str] = "classification"

"""Multi-label classification: any number of classes per picture."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.classification import MultiLabelClassification
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class MultiLabelClassificationModel(ClassVocabulary, ImageModel[MultiLabelClassification]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.MultiLabelClassification`.

    Classes at or above ``confidence`` are the picture's; every class keeps its score.
    """

    task: ClassVar[str] = "multi-label-classification"

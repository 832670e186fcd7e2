"""Reading text with the places where it stands."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.ocr import StructuredText
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class StructuredOcrModel(ClassVocabulary, ImageModel[StructuredText]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.StructuredText`.

    The classes of the boxes are kinds of text, such as block, line and word.
    """

    task: ClassVar[str] = "structured-ocr"

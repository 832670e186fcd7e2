"""Reading the text of a picture as a whole."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.ocr import Text
from inference_models_core.tasks.base import ImageModel


class TextOnlyOcrModel(ImageModel[Text]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.Text`.

    Lines are separated by newlines.
    """

    task: ClassVar[str] = "text-only-ocr"

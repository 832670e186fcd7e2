"""Instance segmentation: boxes of known classes, each with a mask."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.instance_detections import InstanceDetections
from inference_models_core.tasks.base import ClassVocabulary, ImageModel


class InstanceSegmentationModel(ClassVocabulary, ImageModel[InstanceDetections]):
    """Pictures in; for each an :class:`~inference_models_core.predictions.InstanceDetections`.

    Masks are stored as bits cropped to their boxes; dense arrays and RLE are made on demand.
    """

    task: ClassVar[str] = "instance-segmentation"

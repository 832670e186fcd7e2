"""Gaze detection: where faces look."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.gaze import GazeDetections
from inference_models_core.tasks.base import ImageModel


class GazeDetectionModel(ImageModel[GazeDetections]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.GazeDetections`.

    A model that takes face crops gives one box per picture: the whole of it.
    """

    task: ClassVar[str] = "gaze-detection"

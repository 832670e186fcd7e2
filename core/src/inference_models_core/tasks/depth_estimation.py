"""Depth estimation: a depth for every pixel."""

from __future__ import annotations

from typing import ClassVar

from inference_models_core.predictions.depth import DepthMap
from inference_models_core.tasks.base import ImageModel


class DepthEstimationModel(ImageModel[DepthMap]):
    """Pictures in; for each a :class:`~inference_models_core.predictions.DepthMap`.

    Maps have the size of the original picture.
    """

    task: ClassVar[str] = "depth-estimation"

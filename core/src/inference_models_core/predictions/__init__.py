"""What models answer: one result per picture for every task, on numpy.

Each type lives in a module of its own, loaded when its name is first used, so that object detection does not pay for
the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from inference_models_core.predictions.base import Prediction
    from inference_models_core.predictions.classification import (
        Classification,
        ClassScore,
        MultiLabelClassification,
    )
    from inference_models_core.predictions.depth import DepthMap
    from inference_models_core.predictions.detections import Detection, Detections
    from inference_models_core.predictions.drawing.picture import Picture
    from inference_models_core.predictions.embedding import Embedding
    from inference_models_core.predictions.gaze import GazeDetection, GazeDetections
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.predictions.instance_detections import InstanceDetection, InstanceDetections
    from inference_models_core.predictions.interactive_segmentation import InteractiveSegmentation, PromptedMask
    from inference_models_core.predictions.key_points import KeyPointDetection, KeyPointDetections
    from inference_models_core.predictions.masks import Masks
    from inference_models_core.predictions.ocr import StructuredText, Text, TextRegion
    from inference_models_core.predictions.points import Point, Points
    from inference_models_core.predictions.semantic_segmentation import ClassRegion, SemanticSegmentation

__all__ = [
    "ClassRegion",
    "ClassScore",
    "Classification",
    "DepthMap",
    "Detection",
    "Detections",
    "Embedding",
    "GazeDetection",
    "GazeDetections",
    "ImageSource",
    "InstanceDetection",
    "InstanceDetections",
    "InteractiveSegmentation",
    "KeyPointDetection",
    "KeyPointDetections",
    "Masks",
    "MultiLabelClassification",
    "Picture",
    "Point",
    "Points",
    "Prediction",
    "PromptedMask",
    "SemanticSegmentation",
    "StructuredText",
    "Text",
    "TextRegion",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "base": ("Prediction",),
        "classification": (
            "ClassScore",
            "Classification",
            "MultiLabelClassification",
        ),
        "depth": ("DepthMap",),
        "detections": (
            "Detection",
            "Detections",
        ),
        "drawing.picture": ("Picture",),
        "embedding": ("Embedding",),
        "gaze": (
            "GazeDetection",
            "GazeDetections",
        ),
        "image_source": ("ImageSource",),
        "instance_detections": (
            "InstanceDetection",
            "InstanceDetections",
        ),
        "interactive_segmentation": (
            "InteractiveSegmentation",
            "PromptedMask",
        ),
        "key_points": (
            "KeyPointDetection",
            "KeyPointDetections",
        ),
        "masks": ("Masks",),
        "ocr": (
            "StructuredText",
            "Text",
            "TextRegion",
        ),
        "points": (
            "Point",
            "Points",
        ),
        "semantic_segmentation": (
            "ClassRegion",
            "SemanticSegmentation",
        ),
    },
)

"""What models answer: one result per picture for every task, on numpy.

Each type lives in a module of its own, loaded when its name is first used, so that object detection does not pay for
the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_MODULES = {
    "ClassRegion": "semantic_segmentation",
    "ClassScore": "classification",
    "Classification": "classification",
    "DepthMap": "depth",
    "Detection": "detections",
    "Detections": "detections",
    "Embedding": "embedding",
    "GazeDetection": "gaze",
    "GazeDetections": "gaze",
    "ImageSource": "image_source",
    "InstanceDetection": "instance_detections",
    "InstanceDetections": "instance_detections",
    "InteractiveSegmentation": "interactive_segmentation",
    "KeyPointDetection": "key_points",
    "KeyPointDetections": "key_points",
    "Masks": "masks",
    "MultiLabelClassification": "classification",
    "Picture": "drawing.picture",
    "Point": "points",
    "Points": "points",
    "Prediction": "base",
    "PromptedMask": "interactive_segmentation",
    "SemanticSegmentation": "semantic_segmentation",
    "StructuredText": "ocr",
    "Text": "ocr",
    "TextRegion": "ocr",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

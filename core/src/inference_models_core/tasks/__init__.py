"""Task base classes: what a model of each task takes and returns.

Tasks are open strings; these are the ones with a shared contract. Deriving from a base is how a family says which
result type it returns. Each base lives in a module of its own, loaded when its name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference_models_core.tasks.base import ClassVocabulary, ImageModel
    from inference_models_core.tasks.classification import ClassificationModel
    from inference_models_core.tasks.depth_estimation import DepthEstimationModel
    from inference_models_core.tasks.embedding import EmbeddingModel
    from inference_models_core.tasks.gaze_detection import GazeDetectionModel
    from inference_models_core.tasks.instance_segmentation import InstanceSegmentationModel
    from inference_models_core.tasks.interactive_instance_segmentation import InteractiveSegmentationModel
    from inference_models_core.tasks.keypoint_detection import KeyPointDetectionModel
    from inference_models_core.tasks.multi_label_classification import MultiLabelClassificationModel
    from inference_models_core.tasks.object_detection import ObjectDetectionModel
    from inference_models_core.tasks.open_vocabulary_object_detection import OpenVocabularyObjectDetectionModel
    from inference_models_core.tasks.semantic_segmentation import SemanticSegmentationModel
    from inference_models_core.tasks.structured_ocr import StructuredOcrModel
    from inference_models_core.tasks.text_only_ocr import TextOnlyOcrModel
    from inference_models_core.tasks.vlm import VisionLanguageModel

__all__ = [
    "ClassVocabulary",
    "ClassificationModel",
    "DepthEstimationModel",
    "EmbeddingModel",
    "GazeDetectionModel",
    "ImageModel",
    "InstanceSegmentationModel",
    "InteractiveSegmentationModel",
    "KeyPointDetectionModel",
    "MultiLabelClassificationModel",
    "ObjectDetectionModel",
    "OpenVocabularyObjectDetectionModel",
    "SemanticSegmentationModel",
    "StructuredOcrModel",
    "TextOnlyOcrModel",
    "VisionLanguageModel",
]

_MODULES = {
    "ClassVocabulary": "base",
    "ClassificationModel": "classification",
    "DepthEstimationModel": "depth_estimation",
    "EmbeddingModel": "embedding",
    "GazeDetectionModel": "gaze_detection",
    "ImageModel": "base",
    "InstanceSegmentationModel": "instance_segmentation",
    "InteractiveSegmentationModel": "interactive_instance_segmentation",
    "KeyPointDetectionModel": "keypoint_detection",
    "MultiLabelClassificationModel": "multi_label_classification",
    "ObjectDetectionModel": "object_detection",
    "OpenVocabularyObjectDetectionModel": "open_vocabulary_object_detection",
    "SemanticSegmentationModel": "semantic_segmentation",
    "StructuredOcrModel": "structured_ocr",
    "TextOnlyOcrModel": "text_only_ocr",
    "VisionLanguageModel": "vlm",
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

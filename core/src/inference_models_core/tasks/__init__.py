"""Task base classes: what a model of each task takes and returns.

Tasks are open strings; these are the ones with a shared contract. Deriving from a base is how a family says which
result type it returns. Each base lives in a module of its own, loaded when its name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.lazy_exports import lazy_exports

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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "base": (
            "ClassVocabulary",
            "ImageModel",
        ),
        "classification": ("ClassificationModel",),
        "depth_estimation": ("DepthEstimationModel",),
        "embedding": ("EmbeddingModel",),
        "gaze_detection": ("GazeDetectionModel",),
        "instance_segmentation": ("InstanceSegmentationModel",),
        "interactive_instance_segmentation": ("InteractiveSegmentationModel",),
        "keypoint_detection": ("KeyPointDetectionModel",),
        "multi_label_classification": ("MultiLabelClassificationModel",),
        "object_detection": ("ObjectDetectionModel",),
        "open_vocabulary_object_detection": ("OpenVocabularyObjectDetectionModel",),
        "semantic_segmentation": ("SemanticSegmentationModel",),
        "structured_ocr": ("StructuredOcrModel",),
        "text_only_ocr": ("TextOnlyOcrModel",),
        "vlm": ("VisionLanguageModel",),
    },
)

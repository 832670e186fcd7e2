"""The registered families; data only."""

from __future__ import annotations

from typing import Any

from inference_models_core.types.models import ModelSpec

_SUPPRESSES_BOXES: Any = frozenset({"nms_fused"})

MODELS = (
    ModelSpec(
        architecture="yolov8",
        task="object-detection",
        implementation="inference_models_vision.families.yolov8.object_detection:YoloV8ObjectDetection",
        supports_features=_SUPPRESSES_BOXES,
        summary="YOLOv8 object detection, raw outputs or with non-maximum suppression in the graph",
    ),
)

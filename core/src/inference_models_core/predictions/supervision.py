"""Predictions as the types of the supervision library."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from inference_models_core.errors import MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.classification import Classification, MultiLabelClassification
    from inference_models_core.predictions.detections import Detections
    from inference_models_core.predictions.key_points import KeyPointDetections


def _library() -> Any:
    try:
        import supervision
    except ImportError as error:
        hint = 'pip install "inference-models-core[supervision]"'
        raise MissingDependencyError("supervision is not installed.", hint=hint) from error
    return supervision


def to_detections(detections: Detections, mask: npt.NDArray[np.bool_] | None = None) -> Any:
    """``supervision.Detections`` with ``data["class_name"]``; an empty result has no boxes but keeps its columns."""
    return _library().Detections(
        xyxy=detections.xyxy,
        mask=mask,
        confidence=detections.confidence,
        class_id=detections.class_id,
        tracker_id=detections.tracker_id,
        data={**detections.data, "class_name": detections.class_name},
    )


def to_key_points(detections: KeyPointDetections) -> Any:
    """``supervision.KeyPoints`` with ``data["class_name"]``; releases before 0.29 take no detection confidence."""
    library = _library()
    columns = {
        "xy": detections.key_points,
        "class_id": detections.class_id,
        "keypoint_confidence": detections.key_points_confidence,
        "detection_confidence": detections.confidence,
        "visible": detections.key_points_confidence > 0,
        "data": {**detections.data, "class_name": detections.class_name},
    }
    taken = inspect.signature(library.KeyPoints).parameters
    if "keypoint_confidence" not in taken:
        columns["confidence"] = columns.pop("keypoint_confidence")
    return library.KeyPoints(**{name: column for name, column in columns.items() if name in taken})


def to_classifications(class_id: npt.NDArray[np.int64], prediction: Classification | MultiLabelClassification) -> Any:
    """``supervision.Classifications`` of the given classes."""
    return _library().Classifications(class_id=class_id, confidence=prediction.confidence[class_id])

"""RF-DETR semantic segmentation, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from inference_models_vision import defaults
from inference_models_vision.families.rfdetr.family import INPUT_RULES
from inference_models_vision.families.semantic_segmentation import SemanticSegmentationFamily
from inference_models_vision.preprocessing.pillow_engine import PillowEngine

if TYPE_CHECKING:
    from inference_models_core.types.packages import RecommendedParameters

    from inference_models_vision.families.base import FamilyParts
    from inference_models_vision.families.packaged import InputRules


class RfDetrSemanticSegmentation(SemanticSegmentationFamily):
    """RF-DETR: logits (batch, classes, height / 4, width / 4), each trained for itself."""

    input_rules: ClassVar[InputRules] = INPUT_RULES
    default_confidence: ClassVar[float] = defaults.CONFIDENCE
    independent: ClassVar[bool] = True

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts, and pre-processes as the other tasks of RF-DETR do."""
        engine = PillowEngine(parts.engine.declaration, dataset_size=parts.config.dataset_size)
        super().__init__(parts._replace(engine=engine), recommended_parameters=recommended_parameters)

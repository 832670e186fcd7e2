"""Parts of metadata documents that several providers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.parsing import as_number, as_object, malformed
from inference_models_core.types.packages import ModelDependency, RecommendedParameters

if TYPE_CHECKING:
    from inference_models_core.parsing import Fields


def read_recommended_parameters(value: Any, where: str) -> RecommendedParameters:
    """Reads ``{"confidence": 0.4, "perClassConfidence": {"cat": 0.3}}``; the snake-case spelling is accepted too."""
    fields = as_object(value, where)
    per_class: Fields | None = fields.fields("perClassConfidence", None) or fields.fields("per_class_confidence", None)
    thresholds = per_class.mapping.items() if per_class else ()
    return RecommendedParameters(
        confidence=fields.number("confidence", None, minimum=0, maximum=1),
        per_class_confidence={
            name: as_number(number, f"{where}.perClassConfidence.{name}", minimum=0, maximum=1)
            for name, number in thresholds
        },
    )


def read_dependency(value: Any, where: str) -> ModelDependency:
    """Reads ``{"name": ..., "model_id": ..., "model_package_id": ...}``; camel case is accepted too."""
    fields = as_object(value, where)
    model_id = fields.text("modelId", None) or fields.text("model_id", None)
    if model_id is None:
        malformed(where, "a model id under modelId", "nothing")
    return ModelDependency(
        name=fields.text("name"),
        model_id=model_id,
        package_id=fields.text("modelPackageId", None) or fields.text("model_package_id", None),
    )

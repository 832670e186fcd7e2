"""The hooks of the vision plugin. Imports neither numpy nor OpenCV; what works is reached by text reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.types.health import HealthCheck
    from inference_models_core.types.models import ModelSpec, PipelineSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_models() -> tuple[ModelSpec, ...]:
    """General rows: each family runs on every tensor backend."""
    from inference_models_vision.catalog import MODELS

    return MODELS


@hookimpl
def register_pipelines() -> Iterator[PipelineSpec]:
    """Pipelines over any models."""
    from inference_models_core.types.models import PipelineSpec

    yield PipelineSpec(
        pipeline_id="detect-then-crop",
        implementation="inference_models_vision.pipelines.detect_then_crop:DetectThenCrop",
        summary="a detector, then a second model on a crop of each detection",
    )
    yield PipelineSpec(
        pipeline_id="pp-ocrv6",
        implementation="inference_models_vision.pipelines.pp_ocr:PpOcr",
        default_models=("pp-ocrv6-det/small", "pp-ocrv6-rec/small"),
        summary="the text of a picture: a detector of text, then a reader of its pieces",
    )


@hookimpl
def register_health_checks() -> Iterator[HealthCheck]:
    """What goes wrong with OpenCV installations, and whether text can be read."""
    from inference_models_core.types.health import HealthCheck

    yield HealthCheck(
        name="opencv-builds",
        summary="one build of OpenCV is installed, and only one",
        check="inference_models_vision.health:check_opencv_builds",
    )
    yield HealthCheck(
        name="ocr-packages",
        summary="what reading text with PP-OCR needs is installed",
        check="inference_models_vision.health:check_ocr_packages",
    )

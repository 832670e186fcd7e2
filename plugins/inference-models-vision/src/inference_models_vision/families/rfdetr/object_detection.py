"""RF-DETR object detection, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.object_detection import ObjectDetectionModel

from inference_models_vision.families.rfdetr.family import RfDetrFamily, RfDetrSettings, checked_limit, lowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array


class RfDetrObjectDetection(RfDetrFamily[Detections], ObjectDetectionModel):
    """RF-DETR: boxes (batch, queries, 4) in fractions, logits (batch, queries, classes)."""

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        max_detections: int | None = None,
    ) -> list[Detections]:
        """Turns network outputs into boxes.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a box must exceed: a number in [0, 1], ``"default"`` (0.4) or ``"best"``, what the
                model was tuned for.
            max_detections: Most boxes per picture; by default all, which are at most as many as there are queries.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        settings = RfDetrSettings(self.threshold(confidence), checked_limit(max_detections))
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: RfDetrSettings
    ) -> Detections:
        """Makes the result of one picture; see the base class."""
        found = self.found(outputs, lowest(settings.threshold), geometry).chosen(settings)
        return Detections(
            xyxy=geometry.boxes_to_picture(found.xyxy),
            class_id=found.class_ids,
            confidence=found.scores,
            class_names=self.class_names,
            image=source,
        )

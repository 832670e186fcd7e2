"""RF-DETR instance segmentation, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from inference_models_core.predictions.instance_detections import InstanceDetections
from inference_models_core.tasks.instance_segmentation import InstanceSegmentationModel

from inference_models_vision import defaults
from inference_models_vision.decoding.masks import plane_masks
from inference_models_vision.decoding.queries import rows_to_numpy
from inference_models_vision.families.rfdetr.family import RfDetrFamily, RfDetrSettings, checked_limit, lowest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array


class RfDetrInstanceSegmentation(RfDetrFamily[InstanceDetections], InstanceSegmentationModel):
    """RF-DETR: boxes, logits, and a plane of mask logits per query (batch, queries, height, width)."""

    graph_outputs: ClassVar[tuple[str, ...]] = ("dets", "labels", "masks")

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        max_detections: int | None = defaults.MAX_DETECTIONS,
    ) -> list[InstanceDetections]:
        """Turns network outputs into boxes with masks.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that an object must exceed: a number in [0, 1], ``"default"`` (0.4) or ``"best"``, what
                the model was tuned for.
            max_detections: Most objects per picture; ``None`` for all.

        Returns:
            One result per picture, in the caller's order; objects by descending score. Masks are not cut to boxes.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        settings = RfDetrSettings(self.threshold(confidence), checked_limit(max_detections))
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: RfDetrSettings
    ) -> InstanceDetections:
        """Makes the result of one picture; see the base class."""
        found = self.found(outputs, lowest(settings.threshold), geometry).chosen(settings)
        return InstanceDetections(
            xyxy=geometry.boxes_to_picture(found.xyxy),
            class_id=found.class_ids,
            confidence=found.scores,
            masks=plane_masks(rows_to_numpy(outputs[2], found.rows), geometry),
            class_names=self.class_names,
            image=source,
        )

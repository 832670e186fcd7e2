"""YOLO instance segmentation, on every tensor backend: boxes with coefficients, and prototypes of masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from inference_models_core.errors import InputError, ModelOutputError
from inference_models_core.predictions.instance_detections import InstanceDetections
from inference_models_core.tasks.instance_segmentation import InstanceSegmentationModel

from inference_models_vision.decoding.boxes import Boxes, BoxLayout
from inference_models_vision.decoding.confidence import check_share
from inference_models_vision.decoding.masks import prototype_masks
from inference_models_vision.families.yolo.family import YOLO26, NmsSettings, YoloFamily, YoloTraits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array


class MaskSettings(NamedTuple):
    """The arguments of one call, checked.

    Attributes:
        nms: Those about boxes.
        smoothing: Whether masks are resized as probabilities, not as logits.
        threshold: What a pixel of a resized mask has to exceed.
    """

    nms: NmsSettings
    smoothing: bool
    threshold: float


class YoloInstanceSegmentation(YoloFamily[InstanceDetections], InstanceSegmentationModel):
    """What these families share: each box has coefficients by which prototypes are added up to its mask.

    Attributes:
        smoothing: Whether masks are resized as probabilities, and need 0.5; else as logits, and need 0.
        class_names: The vocabulary, by class id.
    """

    smoothing: ClassVar[bool] = False

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
    ) -> list[InstanceDetections]:
        """Turns network outputs into boxes with masks.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a box must exceed: a number in [0, 1], ``"default"`` (``traits.confidence``, 0.4
                for most) or ``"best"``, what the model was tuned for. Where the graph gives final rows, the score
                itself is enough.
            iou_threshold: Overlap, in [0, 1], above which the worse of two boxes falls; 0.3 by default.
            max_detections: Most boxes per picture; 300 by default.
            class_agnostic_nms: Whether boxes of different classes suppress each other; not by default.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        nms = self.nms_settings(confidence, iou_threshold, max_detections, class_agnostic_nms)
        settings = MaskSettings(nms, self.smoothing, mask_threshold(None, self.smoothing))
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: MaskSettings
    ) -> InstanceDetections:
        """Makes the result of one picture; see the base class."""
        boxes, prototypes = self.boxes_and_prototypes(outputs, geometry, settings.nms)
        masks = prototype_masks(
            prototypes,
            boxes.extras,
            boxes.xyxy,
            geometry,
            threshold=settings.threshold,
            smoothing=settings.smoothing,
        )
        return InstanceDetections(
            xyxy=geometry.boxes_to_picture(boxes.xyxy),
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            masks=masks,
            class_names=self.class_names,
            image=source,
        )

    def boxes_and_prototypes(
        self,
        outputs: tuple[Array, ...],
        geometry: Geometry,  # noqa: ARG002 - for families whose boxes are fractions
        settings: NmsSettings,
    ) -> tuple[Boxes, Array]:
        """The boxes of one picture with their coefficients, and the prototypes (coefficients, height, width).

        Outputs are told apart by their axes: not every runtime keeps names or order, and some graphs give their raw
        heads, too.

        Raises:
            ModelOutputError: If there are no such outputs.
        """
        rows = next((output for output in outputs if len(output.shape) == 2), None)
        prototypes = next((output for output in outputs if len(output.shape) == 3), None)
        if rows is None or prototypes is None:
            raise ModelOutputError(
                "expected boxes with two axes and prototypes with three per picture; the graph gives outputs of the "
                f"shapes {[tuple(output.shape) for output in outputs]}",
                hint="the graph is of another family or task",
            )
        return self.boxes(rows, settings, extras=int(prototypes.shape[0])), prototypes


class YoloV5InstanceSegmentation(YoloInstanceSegmentation):
    """YOLOv5 and v7: (batch, boxes, 5 + classes + 32). The objectness decides; the best class's score is reported."""

    traits: ClassVar[YoloTraits] = YoloTraits(layout=BoxLayout(fields_first=False, objectness=True), end_to_end=False)


class YoloV8InstanceSegmentation(YoloInstanceSegmentation):
    """YOLOv8 and v11: (batch, 4 + classes + 32, boxes), or rows (batch, boxes, 38) with suppression in the graph."""

    smoothing: ClassVar[bool] = True

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
        masks_smoothing_enabled: bool = True,
        masks_binarization_threshold: float | None = None,
    ) -> list[InstanceDetections]:
        """Turns network outputs into boxes with masks.

        Args:
            outputs: As for :class:`YoloInstanceSegmentation`, as are all arguments up to ``class_agnostic_nms``.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a box must exceed.
            iou_threshold: Overlap above which the worse of two boxes falls.
            max_detections: Most boxes per picture.
            class_agnostic_nms: Whether boxes of different classes suppress each other.
            masks_smoothing_enabled: Whether masks are resized as probabilities (after a sigmoid), not as logits.
            masks_binarization_threshold: What a pixel has to exceed to belong to a mask: by default the probability
                0.5, without smoothing the logit 0.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        smoothing = bool(masks_smoothing_enabled)
        nms = self.nms_settings(confidence, iou_threshold, max_detections, class_agnostic_nms)
        settings = MaskSettings(nms, smoothing, mask_threshold(masks_binarization_threshold, smoothing))
        return self.decode_all(outputs, preprocessed, settings)


class Yolo26InstanceSegmentation(YoloInstanceSegmentation):
    """YOLO26: final rows (batch, boxes, 38)."""

    traits: ClassVar[YoloTraits] = YOLO26


def mask_threshold(value: Any, smoothing: bool) -> float:
    """What a pixel has to exceed: a probability where masks go through a sigmoid, else a logit.

    Args:
        value: What the caller says; ``None`` for the usual 0.5 or 0.
        smoothing: Whether they do.

    Raises:
        InputError: If it is no probability, or no finite number.
    """
    name = "masks_binarization_threshold"
    if value is None:
        return 0.5 if smoothing else 0.0
    if smoothing:
        return check_share(name, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{name} is a finite number, the logit that a pixel has to exceed; got {value!r}")
    return float(value)

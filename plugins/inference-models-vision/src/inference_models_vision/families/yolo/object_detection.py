"""YOLO object detection, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.object_detection import ObjectDetectionModel

from inference_models_vision.decoding.boxes import BoxLayout
from inference_models_vision.decoding.kernels import namespace
from inference_models_vision.families.base import take_outputs
from inference_models_vision.families.yolo.family import YOLO26, NmsSettings, YoloFamily, YoloTraits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.tensors import Array


class YoloObjectDetection(YoloFamily[Detections], ObjectDetectionModel):
    """YOLOv8, v9, v11 and v12: raw outputs (batch, 4 + classes, boxes), or with suppression inside the graph.

    Attributes:
        class_names: The vocabulary, by class id.
    """

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
    ) -> list[Detections]:
        """Turns network outputs into boxes.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a box must exceed: a number in [0, 1], ``"default"`` (``traits.confidence``, 0.4
                for most) or ``"best"``, what the model was tuned for. Where the graph has suppressed boxes itself,
                the score itself is enough.
            iou_threshold: Overlap, in [0, 1], above which the worse of two boxes falls; 0.3 by default.
            max_detections: Most boxes per picture; 300 by default.
            class_agnostic_nms: Whether boxes of different classes suppress each other; not by default.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        settings = self.nms_settings(confidence, iou_threshold, max_detections, class_agnostic_nms)
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: NmsSettings
    ) -> Detections:
        """Makes the result of one picture; see the base class."""
        boxes = self.boxes(self.merged(outputs), settings)
        return Detections(
            xyxy=geometry.boxes_to_picture(boxes.xyxy),
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            class_names=self.class_names,
            image=source,
        )

    def merged(self, outputs: tuple[Array, ...]) -> Array:
        """The one output that boxes are read from, put together where the graph gives several."""
        return outputs[0]


class YoloV5ObjectDetection(YoloObjectDetection):
    """YOLOv5: (batch, boxes, 5 + classes). The objectness decides; the score of the best class is reported."""

    traits: ClassVar[YoloTraits] = YoloTraits(layout=BoxLayout(fields_first=False, objectness=True))


class YoloV10ObjectDetection(YoloObjectDetection):
    """YOLOv10: final rows, taken in their own order."""

    traits: ClassVar[YoloTraits] = YoloTraits(end_to_end=True, strict=True)


class Yolo26ObjectDetection(YoloObjectDetection):
    """YOLO26: final rows."""

    traits: ClassVar[YoloTraits] = YOLO26


class YoloNasObjectDetection(YoloObjectDetection):
    """YOLO-NAS: corners (batch, boxes, 4) and scores (batch, boxes, classes)."""

    traits: ClassVar[YoloTraits] = YoloTraits(layout=BoxLayout(fields_first=False, corners=True), end_to_end=False)

    def merged(self, outputs: tuple[Array, ...]) -> Array:
        """Boxes and scores side by side."""
        return _side_by_side(*_of_same_boxes(outputs, 2))


class YoloLiteObjectDetection(YoloObjectDetection):
    """YOLO-lite: corners, objectness logits and class logits, or final rows."""

    traits: ClassVar[YoloTraits] = YoloTraits(layout=BoxLayout(fields_first=False, corners=True), confidence=0.25)

    def merged(self, outputs: tuple[Array, ...]) -> Array:
        """Corners, and the product of both probabilities per class."""
        if self._fused:
            return outputs[0]
        corners, objectness, classes = _of_same_boxes(outputs, 3)
        return _side_by_side(corners, _sigmoid(objectness) * _sigmoid(classes))


def _of_same_boxes(outputs: tuple[Array, ...], count: int) -> tuple[Array, ...]:
    """The first outputs of a graph, each (boxes, fields); the second may be (boxes, 1)."""
    taken = take_outputs(outputs, count)
    shapes = [tuple(output.shape) for output in taken]
    if any(len(shape) != 2 for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
        raise ModelOutputError(f"outputs of the shapes {shapes} per picture do not speak of the same boxes")
    if count > 2 and shapes[1][1] != 1:
        raise ModelOutputError(f"expected one objectness per box, the graph gives {shapes[1][1]}")
    return taken


def _side_by_side(*parts: Array) -> Array:
    xp = namespace(parts[0])
    return xp.concat(parts, axis=-1) if hasattr(xp, "concat") else xp.concatenate(parts, axis=-1)


def _sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + namespace(logits).tanh(0.5 * logits))

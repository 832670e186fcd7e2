"""YOLO key-point detection, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.key_points import KeyPointDetections
from inference_models_core.tasks.keypoint_detection import KeyPointDetectionModel

from inference_models_vision.configuration.key_points_metadata import numbered_key_points, package_key_points
from inference_models_vision.decoding.confidence import check_share
from inference_models_vision.decoding.key_points import FIELDS, key_points_of, used_slots
from inference_models_vision.families.base import FamilyParts, take_outputs
from inference_models_vision.families.yolo.family import YOLO26, NmsSettings, YoloFamily, YoloTraits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

_ROW_FIELDS = 6


class KeyPointSettings(NamedTuple):
    """The arguments of one call, checked.

    Attributes:
        nms: Those about boxes.
        threshold: Confidence that a key point needs.
    """

    nms: NmsSettings
    threshold: float


class YoloKeyPointDetection(YoloFamily[KeyPointDetections], KeyPointDetectionModel):
    """YOLOv8 and v11: (batch, 4 + classes + 3 slots, boxes), or with suppression inside the graph.

    Attributes:
        default_key_points_threshold: Confidence that a key point needs unless the caller says otherwise.
    """

    default_key_points_threshold: ClassVar[float] = 0.0

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts, and reads ``keypoints_metadata.json``."""
        super().__init__(parts, recommended_parameters=recommended_parameters)
        known = package_key_points(parts.directory, parts.package, class_names=self.class_names)
        self._slots = None if known is None else known.slots
        if known is not None:
            self.key_point_names, self.skeletons = known.names, known.skeletons

    def post_process(
        self,
        outputs: Sequence[tuple[Array, ...]],
        preprocessed: Preprocessed,
        *,
        confidence: float | str = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
        key_points_threshold: float | None = None,
    ) -> list[KeyPointDetections]:
        """Turns network outputs into boxes with key points.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.
            confidence: Score that a box must exceed: a number in [0, 1], ``"default"`` (``traits.confidence``, 0.4
                for most) or ``"best"``, what the model was tuned for. Where the graph has suppressed boxes itself,
                the score itself is enough.
            iou_threshold: Overlap, in [0, 1], above which the worse of two boxes falls; 0.3 by default.
            max_detections: Most boxes per picture; 300 by default.
            class_agnostic_nms: Whether boxes of different classes suppress each other; not by default.
            key_points_threshold: Confidence, in [0, 1], that a key point needs; those below are at (0, 0) with
                confidence 0. By default 0; YOLO26: 0.3.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of other classes or key points.
        """
        if key_points_threshold is None:
            key_points_threshold = self.default_key_points_threshold
        settings = KeyPointSettings(
            self.nms_settings(confidence, iou_threshold, max_detections, class_agnostic_nms),
            check_share("key_points_threshold", key_points_threshold),
        )
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: KeyPointSettings
    ) -> KeyPointDetections:
        """Makes the result of one picture; see the base class."""
        (output,) = take_outputs(outputs, 1)
        slots = self._slots_of(output)
        boxes = self.boxes(output, settings.nms, extras=FIELDS * slots)
        used = used_slots(boxes.class_ids, self.key_point_names, slots)
        key_points, scores = key_points_of(boxes.extras, used, geometry, threshold=settings.threshold)
        return KeyPointDetections(
            xyxy=geometry.boxes_to_picture(boxes.xyxy),
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            key_points=key_points,
            key_points_confidence=scores,
            key_point_names=self.key_point_names,
            skeletons=self.skeletons,
            class_names=self.class_names,
            image=source,
        )

    def _slots_of(self, output: Array) -> int:
        """Key points per box of one picture's output.

        Raises:
            ModelOutputError: If that is not what the package names, or cannot be told.
        """
        if not self.class_names and not self._fused:
            raise ModelOutputError(
                "the package has no class names, and its graph does not tell classes from key points",
                hint="name the classes, or export the graph with their names in its metadata",
            )
        boxes_of = _ROW_FIELDS if self._fused else self.traits.layout.first_class + len(self.class_names)
        axis = 0 if self.traits.layout.fields_first and not self._fused else 1
        left = output.shape[axis] - boxes_of if len(output.shape) == 2 else -1
        slots, rest = divmod(left, FIELDS)
        if left <= 0 or rest or self._slots not in (None, slots):
            wanted = f"3 for each of {self._slots} key points" if self._slots is not None else "3 for each key point"
            raise ModelOutputError(
                f"each box should have {boxes_of} fields for box and classes, and {wanted}; the graph gives an output "
                f"of shape {tuple(output.shape)} per picture",
                hint="class_names.txt or keypoints_metadata.json does not belong to this graph, or the graph is of "
                "another family",
            )
        if self._slots is None:  # a bare file: every class has all of them
            self.key_point_names = (numbered_key_points(slots),) * len(self.class_names)
            self._slots = slots
        return slots


class Yolo26KeyPointDetection(YoloKeyPointDetection):
    """YOLO26: final rows (batch, rows, 6 + 3 slots)."""

    traits: ClassVar[YoloTraits] = YOLO26
    default_key_points_threshold: ClassVar[float] = 0.3

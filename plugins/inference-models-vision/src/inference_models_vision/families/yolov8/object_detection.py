"""YOLOv8 object detection, on every tensor backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.errors import ModelOutputError
from inference_models_core.log import logger
from inference_models_core.predictions.detections import Detections
from inference_models_core.tasks.object_detection import ObjectDetectionModel
from inference_models_core.types.preprocessing import ResizeMode

from inference_models_vision import defaults
from inference_models_vision.configuration.package import package_class_names
from inference_models_vision.decoding.boxes import Boxes, candidates_above, rows_above, suppress
from inference_models_vision.decoding.confidence import check_count, check_share, resolve_confidence
from inference_models_vision.families.base import FamilyParts, PerPictureFamily, build_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from inference_models_core.predictions.image_source import ImageSource
    from inference_models_core.runner import Runner
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import ModelPackage, RecommendedParameters
    from inference_models_core.types.tensors import Array
    from typing_extensions import Self


FUSED = "nms_fused"
RESIZE_MODES = (
    ResizeMode.STRETCH,
    ResizeMode.LETTERBOX,
    ResizeMode.CENTER_CROP,
    ResizeMode.LETTERBOX_REFLECT_EDGES,
)
SUBSTITUTIONS = {ResizeMode.FIT_LONGER_EDGE: (ResizeMode.LETTERBOX, 127)}
"""What YOLO packages of the platform do with modes that a fixed input cannot have."""


BARE_INPUT = {
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "letterbox",
    "rounding": "ultralytics",
    "padding_value": 114,
    "input_channels": 3,
    "scaling_factor": 255,
}
"""What exporters of this family feed their networks; used for a bare file that does not say."""


class NmsSettings(NamedTuple):
    """The arguments of one call, checked.

    Attributes:
        threshold: Score threshold, one or per class.
        iou_threshold: Overlap above which the worse of two boxes falls.
        max_detections: Most boxes per picture; ``None`` for all.
        class_agnostic: Whether boxes of different classes suppress each other.
    """

    threshold: float | npt.NDArray[np.float32]
    iou_threshold: float
    max_detections: int | None
    class_agnostic: bool


class YoloV8ObjectDetection(PerPictureFamily[Detections], ObjectDetectionModel):
    """YOLOv8 object detection: raw outputs (batch, 4 + classes, boxes), or with suppression inside the graph.

    Attributes:
        class_names: The vocabulary, by class id.
    """

    def __init__(
        self,
        parts: FamilyParts,
        *,
        class_names: tuple[str, ...],
        recommended_parameters: RecommendedParameters | None = None,
    ) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        super().__init__(parts)
        self.class_names = class_names
        self.recommended_parameters = recommended_parameters
        post_processing = parts.config.post_processing
        self._fused = FUSED in parts.package.features if post_processing is None else post_processing.fused

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Path,
        *,
        package: ModelPackage,
        runners: Mapping[str, Runner],
        recommended_parameters: RecommendedParameters | None = None,
        max_image_pixels: int = defaults.MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> Self:
        """Builds the model of a package.

        Args:
            package_dir: The package's files: ``inference_config.json`` and ``class_names.txt``, unless the package's
                metadata has their content.
            package: Its metadata.
            runners: The runner of the graph ``"weights"``.
            recommended_parameters: What ``confidence="best"`` means.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the package's documents are missing, malformed, or contradict the graph.
        """
        parts = build_parts(
            package_dir,
            package=package,
            runners=runners,
            max_image_pixels=max_image_pixels,
            allow_url_input=allow_url_input,
            allow_private_url_hosts=allow_private_url_hosts,
            resize_modes=RESIZE_MODES,
            substitutions=SUBSTITUTIONS,
            bare_input=BARE_INPUT,
        )
        names = package_class_names(package_dir, package)
        return cls(parts, class_names=names or (), recommended_parameters=recommended_parameters)

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
            confidence: Score that a box must exceed: a number in [0, 1], ``"default"`` (0.4) or ``"best"``, what the
                model was tuned for. Where the graph has suppressed boxes itself, the score itself is enough.
            iou_threshold: Overlap, in [0, 1], above which the worse of two boxes falls; 0.3 by default.
            max_detections: Most boxes per picture; 300 by default.
            class_agnostic_nms: Whether boxes of different classes suppress each other; not by default.

        Returns:
            One result per picture, in the caller's order; boxes by descending score.

        Raises:
            InputError: If an argument is out of its range.
            ModelOutputError: If the outputs are not those of this family, or of another number of classes.
        """
        if not self.class_names and not self._fused:
            self.class_names = _numbered_classes(outputs[0][0])
        settings = self._settings(confidence, iou_threshold, max_detections, class_agnostic_nms)
        return self.decode_all(outputs, preprocessed, settings)

    def decode(
        self, outputs: tuple[Array, ...], geometry: Geometry, source: ImageSource, settings: NmsSettings
    ) -> Detections:
        """Makes the result of one picture; see the base class."""
        boxes = self._fused_boxes(outputs[0], settings) if self._fused else self._raw_boxes(outputs[0], settings)
        return Detections(
            xyxy=geometry.boxes_to_picture(boxes.xyxy),
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            class_names=self.class_names,
            image=source,
        )

    def _settings(
        self,
        confidence: float | str,
        iou_threshold: float | None,
        max_detections: int | None,
        class_agnostic_nms: bool | None,
    ) -> NmsSettings:
        if self._fused and (iou_threshold is not None or class_agnostic_nms is not None):
            logger().warning("iou_threshold and class_agnostic_nms have no effect: this graph suppresses boxes itself")
        limit = None if self._fused else defaults.MAX_DETECTIONS
        return NmsSettings(
            threshold=resolve_confidence(
                confidence,
                default=defaults.CONFIDENCE,
                recommended=self.recommended_parameters,
                class_names=self.class_names,
            ),
            iou_threshold=check_share(
                "iou_threshold", defaults.IOU_THRESHOLD if iou_threshold is None else iou_threshold
            ),
            max_detections=limit if max_detections is None else check_count("max_detections", max_detections),
            class_agnostic=defaults.CLASS_AGNOSTIC_NMS if class_agnostic_nms is None else bool(class_agnostic_nms),
        )

    def _raw_boxes(self, output: Array, settings: NmsSettings) -> Boxes:
        expected = 4 + len(self.class_names)
        if len(output.shape) != 2 or output.shape[0] != expected:
            raise ModelOutputError(
                f"the package names {len(self.class_names)} classes, so its graph should give {expected} rows (box and "
                f"classes) per picture; it gives an output of shape {tuple(output.shape)}",
                hint="class_names.txt does not belong to this graph, or the graph is of another family",
            )
        return suppress(
            candidates_above(output, settings.threshold),
            iou_threshold=settings.iou_threshold,
            max_detections=settings.max_detections or len(output),
            class_agnostic=settings.class_agnostic,
        )

    def _fused_boxes(self, output: Array, settings: NmsSettings) -> Boxes:
        if len(output.shape) != 2 or output.shape[1] < 6:
            raise ModelOutputError(
                "a graph that suppresses boxes itself should give rows of box, score and class per picture; it gives "
                f"an output of shape {tuple(output.shape)}"
            )
        boxes = rows_above(output, settings.threshold)
        largest = int(boxes.class_ids.max(initial=-1))
        if largest >= len(self.class_names) > 0:
            raise ModelOutputError(
                f"the package names {len(self.class_names)} classes, and its graph found a box of class {largest}",
                hint="class_names.txt does not belong to this graph",
            )
        return boxes if settings.max_detections is None else boxes.take(slice(settings.max_detections))


def _numbered_classes(output: Array) -> tuple[str, ...]:
    """Names for a bare file that has none: one for each class its graph tells apart."""
    count = max(output.shape[1] - 4, 0) if len(output.shape) == 3 else 0
    logger().warning("the model has no class names; its %d classes are called class_0, class_1, ...", count)
    return tuple(f"class_{i}" for i in range(count))

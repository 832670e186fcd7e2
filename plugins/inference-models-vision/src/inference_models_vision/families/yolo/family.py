"""What the YOLO families share: loading, the arguments of a call, and boxes out of their output layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import attrs
from inference_models_core.errors import ModelOutputError
from inference_models_core.log import logger
from inference_models_core.types.preprocessing import ResizeMode
from inference_models_core.types.value import Value

from inference_models_vision import defaults
from inference_models_vision.configuration.package import numbered_class_names, package_class_names
from inference_models_vision.decoding.boxes import Boxes, BoxLayout, candidates_above, rows_above, suppress
from inference_models_vision.decoding.confidence import check_count, check_share, resolve_confidence
from inference_models_vision.families.packaged import InputRules, PackagedFamily

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from inference_models_core.types.packages import RecommendedParameters
    from inference_models_core.types.tensors import Array

    from inference_models_vision.families.base import FamilyParts

Result = TypeVar("Result")

FUSED = "nms_fused"
_SUBSTITUTIONS = {ResizeMode.FIT_LONGER_EDGE: (ResizeMode.LETTERBOX, 127)}  # what the platform's packages do
_BARE_INPUT = {
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "letterbox",
    "rounding": "ultralytics",
    "padding_value": 114,
    "input_channels": 3,
    "scaling_factor": 255,
}
INPUT_RULES = InputRules(_SUBSTITUTIONS, _BARE_INPUT)
"""How YOLO packages are read; bare files that do not say are fed as the families' exporters do."""


@attrs.frozen(kw_only=True, repr=False)
class YoloTraits(Value):
    """What tells one generation from another.

    Attributes:
        layout: Of raw outputs.
        end_to_end: Whether every graph gives final rows (box, score, class); ``None``: those do that have
            suppression inside, as their packages say.
        strict: Whether the score of a final row has to exceed the threshold; else the threshold is enough.
        confidence: What ``confidence="default"`` means.
        limit: Most boxes per picture unless the caller says otherwise; ``None`` for all.
    """

    layout: BoxLayout = attrs.field(factory=BoxLayout)
    end_to_end: bool | None = None
    strict: bool = False
    confidence: float = defaults.CONFIDENCE
    limit: int | None = defaults.MAX_DETECTIONS


YOLO26 = YoloTraits(end_to_end=True, confidence=0.25, limit=None)


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


class YoloFamily(PackagedFamily[Result]):
    """A family of boxes: raw outputs, or rows from a graph that suppresses boxes itself.

    Attributes:
        traits: What this generation does differently.
        class_names: The vocabulary, by class id.
    """

    traits: ClassVar[YoloTraits] = YoloTraits()
    input_rules: ClassVar[InputRules] = INPUT_RULES

    def __init__(self, parts: FamilyParts, *, recommended_parameters: RecommendedParameters | None = None) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        super().__init__(parts, recommended_parameters=recommended_parameters)
        self.class_names: tuple[str, ...] = package_class_names(parts.directory, parts.package) or ()
        self._fused = self._is_fused(parts) if self.traits.end_to_end is None else self.traits.end_to_end

    @staticmethod
    def _is_fused(parts: FamilyParts) -> bool:
        post_processing = parts.config.post_processing
        return FUSED in parts.package.features if post_processing is None else post_processing.fused

    def nms_settings(
        self,
        confidence: float | str,
        iou_threshold: float | None,
        max_detections: int | None,
        class_agnostic_nms: bool | None,
    ) -> NmsSettings:
        """Checks the arguments of a call and fills in what it leaves open.

        Raises:
            InputError: If one is out of its range.
        """
        if self._fused and (iou_threshold is not None or class_agnostic_nms is not None):
            logger().warning("iou_threshold and class_agnostic_nms have no effect: this graph suppresses boxes itself")
        limit = None if self._fused and self.traits.end_to_end is None else self.traits.limit
        return NmsSettings(
            threshold=resolve_confidence(
                confidence,
                default=self.traits.confidence,
                recommended=self.recommended_parameters,
                class_names=self.class_names,
            ),
            iou_threshold=check_share(
                "iou_threshold", defaults.IOU_THRESHOLD if iou_threshold is None else iou_threshold
            ),
            max_detections=limit if max_detections is None else check_count("max_detections", max_detections),
            class_agnostic=defaults.CLASS_AGNOSTIC_NMS if class_agnostic_nms is None else bool(class_agnostic_nms),
        )

    def boxes(self, output: Array, settings: NmsSettings, *, extras: int = 0) -> Boxes:
        """The boxes of one picture.

        Args:
            output: (fields, n) or (n, fields) of a raw output, (n, 6 + extras) of one with final rows.
            settings: The arguments of the call.
            extras: How many fields each box has beyond box, score and classes.

        Raises:
            ModelOutputError: If the output is not of this family, or of another number of classes.
        """
        if self._fused:
            return self._fused_boxes(output, settings, extras)
        return self._raw_boxes(output, settings, extras)

    def _raw_boxes(self, output: Array, settings: NmsSettings, extras: int) -> Boxes:
        layout = self.traits.layout
        if not self.class_names:
            self.class_names = numbered_class_names(_fields(output, layout) - layout.first_class - extras)
        expected = layout.first_class + len(self.class_names) + extras
        if _fields(output, layout) != expected:
            raise ModelOutputError(
                f"the package names {len(self.class_names)} classes, so its graph should give {expected} "
                f"{'rows' if layout.fields_first else 'columns'} (box and classes) per picture; it gives an output of "
                f"shape {tuple(output.shape)}",
                hint="class_names.txt does not belong to this graph, or the graph is of another family",
            )
        return suppress(
            candidates_above(output, settings.threshold, layout, extras=extras),
            iou_threshold=settings.iou_threshold,
            max_detections=settings.max_detections or max(output.shape),
            class_agnostic=settings.class_agnostic,
        )

    def _fused_boxes(self, output: Array, settings: NmsSettings, extras: int) -> Boxes:
        if len(output.shape) != 2 or output.shape[1] < 6 + extras:
            raise ModelOutputError(
                "a graph that suppresses boxes itself should give rows of box, score and class per picture; it gives "
                f"an output of shape {tuple(output.shape)}"
            )
        boxes = rows_above(output, settings.threshold, strict=self.traits.strict)
        largest = int(boxes.class_ids.max(initial=-1))
        if largest >= len(self.class_names) > 0:
            raise ModelOutputError(
                f"the package names {len(self.class_names)} classes, and its graph found a box of class {largest}",
                hint="class_names.txt does not belong to this graph",
            )
        return boxes if settings.max_detections is None else boxes.take(slice(settings.max_detections))


def _fields(output: Array, layout: BoxLayout) -> int:
    """How many fields each box has; none in an output that holds no boxes."""
    if len(output.shape) != 2:
        return -1
    return int(output.shape[0 if layout.fields_first else 1])

"""Boxes with masks: the answer of instance segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.detections import Detection, Detections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.masks import Masks


@attrs.frozen(kw_only=True, eq=False)
class InstanceDetection(Detection):
    """One object with its mask: a row of :class:`InstanceDetections`.

    Attributes:
        masks: This object's mask alone, as :class:`~inference_models_core.predictions.masks.Masks` of length 1.
    """

    masks: Masks = attrs.field(repr=False)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool, made on demand."""
        return self.masks[0]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InstanceDetections(Detections):
    """Objects found in one picture, each with a box and a mask.

    Attributes:
        masks: n masks in pixels of the original picture.

    Raises:
        ModelOutputError: An array has a wrong shape or type, or the masks are of another picture size.
    """

    kind: ClassVar[str] = "instance-detections"
    instance_fields: ClassVar[tuple[str, ...]] = (*Detections.instance_fields, "masks")

    masks: Masks

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if len(self.masks) != len(self):
            raise ModelOutputError(f"{len(self.masks)} masks do not fit {len(self)} boxes.")
        if self.image is not None and self.masks.image_size != self.image.size:
            raise ModelOutputError(f"Masks of size {self.masks.image_size} do not fit a picture of {self.image.size}.")

    def __iter__(self) -> Iterator[InstanceDetection]:
        return (InstanceDetection(masks=self.masks[i : i + 1], **row) for i, row in enumerate(self._rows()))

    def to_supervision(self) -> Any:
        """A ``supervision.Detections`` with dense masks, ``data["class_name"]``, extra columns and tracker ids.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        from inference_models_core.predictions.supervision import to_detections

        return to_detections(self, mask=self.masks.dense())

    def to_coco(
        self, *, image_id: int | str = 0, category_ids: Mapping[int, int] | Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """As for detections, with ``segmentation``: compressed run lengths whose ``counts`` are text for JSON."""
        from inference_models_core.predictions.coco import json_rle

        boxes = super().to_coco(image_id=image_id, category_ids=category_ids)
        return [{**box, "segmentation": rle} for box, rle in zip(boxes, json_rle(self.masks), strict=True)]

    def _plain_columns(self) -> dict[str, list[Any]]:
        from inference_models_core.predictions.coco import json_rle

        return {**super()._plain_columns(), "mask": json_rle(self.masks)}

    def to_columns(self) -> dict[str, Any]:
        """As for detections, with ``mask_area`` in pixels."""
        return {**super().to_columns(), "mask_area": self.masks.area}

    def draw(self, canvas: Canvas) -> None:
        """Draws masks and boxes, each with its name and confidence."""
        from inference_models_core.predictions.drawing.instances import draw_boxes, draw_masks

        draw_masks(canvas, self.masks, self.class_id)
        draw_boxes(canvas, self)

"""Interactive segmentation: masks for points and boxes that the caller gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from inference_models_core.model import Model

if TYPE_CHECKING:
    from inference_models_core.predictions.interactive_segmentation import InteractiveSegmentation


class InteractiveSegmentationModel(Model):
    """Pictures and prompts in; for each an :class:`~inference_models_core.predictions.InteractiveSegmentation`."""

    task: ClassVar[str] = "interactive-instance-segmentation"

    def segment_images(
        self,
        images: Any,
        *,
        point_coordinates: Any = None,
        point_labels: Any = None,
        boxes: Any = None,
        multi_mask_output: bool = True,
    ) -> list[InteractiveSegmentation]:
        """Cuts out what the prompts point at.

        Args:
            images: A path, bytes, PIL image, numpy HWC array, torch CHW or NCHW tensor, or a list of them.
            point_coordinates: Per picture (prompts, points, 2) floats, x then y, in pixels of the picture.
            point_labels: Per picture (prompts, points) integers: 1 for a point on the object, 0 for one beside it.
            boxes: Per picture (prompts, 4) floats, x1 y1 x2 y2, in pixels of the picture.
            multi_mask_output: Whether to propose several masks per prompt.

        Returns:
            One result per picture, also for a single picture.

        Raises:
            InputError: If something is not a picture, or the prompts do not fit the pictures.
        """
        raise NotImplementedError

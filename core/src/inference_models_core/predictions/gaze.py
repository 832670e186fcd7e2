"""Where people look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.predictions.arrays import float32_array, plain, require_shape
from inference_models_core.predictions.detections import Detection, Detections

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas


@attrs.frozen(kw_only=True, eq=False)
class GazeDetection(Detection):
    """One face and its gaze: a row of :class:`GazeDetections`.

    Attributes:
        yaw: Radians, positive to the left side of the picture.
        pitch: Radians, positive upwards.
    """

    yaw: float
    pitch: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class GazeDetections(Detections):
    """Faces of one picture and the direction in which each looks.

    A model that takes a face crop gives one box: the whole picture.

    Attributes:
        yaw: (n,) float32 radians, positive to the left side of the picture.
        pitch: (n,) float32 radians, positive upwards; with both at 0 the face looks into the camera.

    Raises:
        ModelOutputError: An array has a wrong shape or type.
    """

    kind: ClassVar[str] = "gaze-detections"
    instance_fields: ClassVar[tuple[str, ...]] = (*Detections.instance_fields, "yaw", "pitch")

    yaw: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    pitch: npt.NDArray[np.float32] = attrs.field(converter=float32_array)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        require_shape(self, "yaw", self.yaw, (len(self),))
        require_shape(self, "pitch", self.pitch, (len(self),))

    def __iter__(self) -> Iterator[GazeDetection]:
        angles = zip(self.yaw.tolist(), self.pitch.tolist(), self._rows(), strict=True)
        return (GazeDetection(yaw=yaw, pitch=pitch, **row) for yaw, pitch, row in angles)

    def _plain_columns(self) -> dict[str, list[Any]]:
        return {**super()._plain_columns(), "yaw": plain(self.yaw), "pitch": plain(self.pitch)}

    def to_columns(self) -> dict[str, Any]:
        """As for detections, with ``yaw`` and ``pitch`` in radians."""
        return {**super().to_columns(), "yaw": self.yaw, "pitch": self.pitch}

    def draw(self, canvas: Canvas) -> None:
        """Draws boxes and an arrow in the direction of each gaze."""
        from inference_models_core.predictions.drawing.instances import draw_boxes
        from inference_models_core.predictions.drawing.skeletons import draw_gaze

        draw_boxes(canvas, self)
        draw_gaze(canvas, self)

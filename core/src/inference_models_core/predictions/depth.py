"""A depth for every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from inference_models_core.predictions.arrays import encoded, float32_array, require_shape
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DepthMap(Prediction):
    """The depth of every pixel of one picture.

    Attributes:
        depth: (H, W) float32 as the model gives it, at the size of the original picture.
        unit: ``"metre"`` for metric models; ``"relative"`` where only the order of values within one picture means
            something. Whether larger is nearer is the model's convention.

    Raises:
        ModelOutputError: The array has a wrong shape or type, or is not of the picture's size.
    """

    kind: ClassVar[str] = "depth-map"

    depth: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    unit: str = "relative"

    def __attrs_post_init__(self) -> None:
        require_shape(self, "depth", self.depth, (None, None) if self.image is None else self.image.size)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest finite value; zeros where there is none."""
        finite = self.depth[np.isfinite(self.depth)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image``, ``unit``, ``min``, ``max`` and ``depth``: ``dtype``, ``shape`` and ``base64`` bytes."""
        low, high = self.range
        return {**self._header(), "unit": self.unit, "min": low, "max": high, "depth": encoded(self.depth)}

    def to_columns(self) -> dict[str, Any]:
        """One row: ``unit``, ``min``, ``max``, ``mean`` of the finite values."""
        low, high = self.range
        finite = self.depth[np.isfinite(self.depth)]
        mean = float(finite.mean(dtype=np.float64)) if finite.size else 0.0
        return {"unit": [self.unit], "min": [low], "max": [high], "mean": [mean]}

    def draw(self, canvas: Canvas) -> None:
        """Replaces the picture by a map of colours, dark for the smallest value, with a scale."""
        from inference_models_core.predictions.drawing.maps import draw_depth

        draw_depth(canvas, self)

    def summary(self) -> str:
        """The range of values."""
        low, high = self.range
        return f"{low:.3g} to {high:.3g}, {self.unit}"

"""Vectors whose directions say what is alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions.arrays import float32_array, plain, require_shape
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Embedding(Prediction):
    """The vector of one picture or one text.

    Attributes:
        vector: (D,) float32 as the model gives it, not normalised.

    Raises:
        ModelOutputError: The array has a wrong shape or type.
    """

    kind: ClassVar[str] = "embedding"

    vector: npt.NDArray[np.float32] = attrs.field(converter=float32_array)

    def __attrs_post_init__(self) -> None:
        require_shape(self, "vector", self.vector, (None,))

    def __len__(self) -> int:
        return len(self.vector)

    def similarity(self, other: Embedding) -> float:
        """The cosine of the angle between two vectors, -1 to 1; 0 where one of them is zero.

        Raises:
            InvalidRequestError: The vectors differ in length.
        """
        if len(self) != len(other):
            raise InvalidRequestError(f"Embeddings of {len(self)} and {len(other)} dimensions cannot be compared.")
        first, second = self.vector.astype(np.float64), other.vector.astype(np.float64)
        norms = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float(first @ second) / norms if norms else 0.0

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image`` and ``vector``."""
        return {**self._header(), "vector": plain(self.vector)}

    def to_columns(self) -> dict[str, Any]:
        """One row: ``vector``."""
        return {"vector": [self.vector]}

    def draw(self, canvas: Canvas) -> None:
        """Writes the number of dimensions into a corner."""
        from inference_models_core.predictions.drawing.panels import draw_text

        draw_text(canvas, f"embedding of {len(self)} dimensions")

    def summary(self) -> str:
        """The number of dimensions."""
        return f"{len(self)} dimensions"

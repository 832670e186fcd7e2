"""Places without extent: what a pointing model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.predictions.arrays import (
    as_index,
    float32_array,
    int64_array,
    names_of,
    plain,
    require_shape,
    text_tuple,
)
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from inference_models_core.predictions.drawing.canvas import Canvas


@attrs.frozen(kw_only=True)
class Point:
    """One place: a row of :class:`Points`.

    Attributes:
        x: Pixels from the left of the original picture.
        y: Pixels from its top.
        class_id: Index of the class.
        class_name: Its name.
        confidence: 0 to 1.
    """

    x: float
    y: float
    class_id: int
    class_name: str
    confidence: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Points(Prediction):
    """Places in one picture, each with a class.

    ``len(result)`` is their number; iterating gives one :class:`Point` each; integers, slices and boolean arrays
    select a result of the same type.

    Attributes:
        xy: (n, 2) float32, x and y in pixels of the original picture, not rounded.
        class_id: (n,) int64, index into ``class_names``.
        confidence: (n,) float32, 0 to 1.
        class_names: The vocabulary.

    Raises:
        ModelOutputError: An array has a wrong shape or type.
    """

    kind: ClassVar[str] = "points"

    xy: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_id: npt.NDArray[np.int64] = attrs.field(converter=int64_array)
    confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_names: tuple[str, ...] = attrs.field(default=(), converter=text_tuple)

    def __attrs_post_init__(self) -> None:
        require_shape(self, "xy", self.xy, (None, 2))
        require_shape(self, "class_id", self.class_id, (len(self),))
        require_shape(self, "confidence", self.confidence, (len(self),))

    @property
    def class_name(self) -> npt.NDArray[np.str_]:
        """(n,) name of each point's class."""
        return names_of(self.class_id, self.class_names)

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator[Point]:
        columns = {name: plain(column) for name, column in self.to_columns().items()}
        return (Point(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))

    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[Any]) -> Self:
        chosen = as_index(index, len(self))
        return attrs.evolve(
            self, xy=self.xy[chosen], class_id=self.class_id[chosen], confidence=self.confidence[chosen]
        )

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image`` and ``predictions``, one dict per point."""
        return {**self._header(), "predictions": [attrs.asdict(point) for point in self]}

    def to_columns(self) -> dict[str, Any]:
        """One row per point."""
        return {
            "x": self.xy[:, 0],
            "y": self.xy[:, 1],
            "class_id": self.class_id,
            "class_name": self.class_name,
            "confidence": self.confidence,
        }

    def draw(self, canvas: Canvas) -> None:
        """Draws a dot with its name for each point."""
        from inference_models_core.predictions.drawing.instances import draw_points

        draw_points(canvas, self)

    def summary(self) -> str:
        """The number of points."""
        return f"{len(self)} points"

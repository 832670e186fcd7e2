"""Boxes: the answer of object detection, with a closed or an open vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.predictions.arrays import (
    as_index,
    float32_array,
    int64_array,
    names_of,
    optional_int64_array,
    plain,
    require_shape,
    text_tuple,
)
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from inference_models_core.predictions.drawing.canvas import Canvas


@attrs.frozen(kw_only=True, eq=False)
class Detection:
    """One object: a row of :class:`Detections`.

    Attributes:
        xyxy: (4,) float32, left, top, right, bottom in pixels of the original picture.
        class_id: Index of the class.
        class_name: Name of the class.
        confidence: 0 to 1.
        tracker_id: Identity over the frames of a video, where a tracker gave one.
        data: This object's value of every extra column.
    """

    xyxy: npt.NDArray[np.float32]
    class_id: int
    class_name: str
    confidence: float
    tracker_id: int | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Detections(Prediction):
    """Objects found in one picture.

    ``len(result)`` is their number; iterating gives one :class:`Detection` each; ``result[i]``, ``result[2:5]``,
    ``result[result.confidence > 0.5]`` and ``result[[3, 0]]`` give a result of the same type on the same picture.

    Attributes:
        xyxy: (n, 4) float32: left, top, right, bottom in pixels of the original picture, not rounded.
        class_id: (n,) int64, index into ``class_names``.
        confidence: (n,) float32, 0 to 1.
        class_names: The model's vocabulary; the names of the boxes are :attr:`class_name`.
        tracker_id: (n,) int64 where a tracker gave identities, else ``None``.
        data: Extra columns: arrays whose first axis is n (of dtype object for values of varying size).

    Raises:
        ModelOutputError: An array has a wrong shape or type.
    """

    kind: ClassVar[str] = "detections"
    instance_fields: ClassVar[tuple[str, ...]] = ("xyxy", "class_id", "confidence", "tracker_id")
    """Fields whose first axis is the instance: what indexing selects from. Subclasses extend it."""

    xyxy: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_id: npt.NDArray[np.int64] = attrs.field(converter=int64_array)
    confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_names: tuple[str, ...] = attrs.field(default=(), converter=text_tuple)
    tracker_id: npt.NDArray[np.int64] | None = attrs.field(default=None, converter=optional_int64_array)
    data: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        count = self.xyxy.shape[0] if self.xyxy.ndim else 0
        require_shape(self, "xyxy", self.xyxy, (count, 4))
        require_shape(self, "class_id", self.class_id, (count,))
        require_shape(self, "confidence", self.confidence, (count,))
        require_shape(self, "tracker_id", self.tracker_id, (count,))
        for name, column in self.data.items():
            require_shape(self, f"data[{name!r}]", column, (count, *column.shape[1:]))

    @property
    def class_name(self) -> npt.NDArray[np.str_]:
        """(n,) name of each box's class; ``"class_<id>"`` where the vocabulary has none."""
        return names_of(self.class_id, self.class_names)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __iter__(self) -> Iterator[Detection]:
        return (Detection(**row) for row in self._rows())

    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[Any]) -> Self:
        chosen = as_index(index, len(self))
        columns = {name: getattr(self, name) for name in self.instance_fields}
        changes: dict[str, Any] = {name: column[chosen] for name, column in columns.items() if column is not None}
        changes["data"] = {name: column[chosen] for name, column in self.data.items()}
        return attrs.evolve(self, **changes)

    def _rows(self) -> Iterator[dict[str, Any]]:
        names = self.class_name.tolist()
        for i, (class_id, confidence) in enumerate(zip(self.class_id.tolist(), self.confidence.tolist(), strict=True)):
            yield {
                "xyxy": self.xyxy[i],
                "class_id": class_id,
                "class_name": names[i],
                "confidence": confidence,
                "tracker_id": None if self.tracker_id is None else int(self.tracker_id[i]),
                "data": {name: column[i] for name, column in self.data.items()},
            }

    def to_supervision(self) -> Any:
        """A ``supervision.Detections`` with ``data["class_name"]``, extra columns and tracker ids.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        from inference_models_core.predictions.supervision import to_detections

        return to_detections(self)

    def to_coco(
        self, *, image_id: int | str = 0, category_ids: Mapping[int, int] | Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """Results in the format of the COCO evaluation: one dict per object.

        Args:
            image_id: The picture's id in the data set; 0 where there is only the one.
            category_ids: Category id per class id; by default the class id itself.

        Returns:
            Dicts with ``image_id``, ``category_id``, ``bbox`` (left, top, width, height) and ``score``.

        Raises:
            InvalidRequestError: ``category_ids`` lacks a class id.
        """
        from inference_models_core.predictions.coco import box_results

        return box_results(self, image_id, category_ids)

    def to_dict(self) -> dict[str, Any]:
        """The prediction as plain values: ``type``, ``image`` and ``predictions``, one dict per object."""
        columns = self._plain_columns()
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return {**self._header(), "predictions": rows}

    def _plain_columns(self) -> dict[str, list[Any]]:
        columns = {
            "xyxy": plain(self.xyxy),
            "class_id": plain(self.class_id),
            "class_name": self.class_name.tolist(),
            "confidence": plain(self.confidence),
        }
        if self.tracker_id is not None:
            columns["tracker_id"] = plain(self.tracker_id)
        return {**columns, **{name: plain(column) for name, column in self.data.items() if name not in columns}}

    def to_columns(self) -> dict[str, Any]:
        """One row per object: ``x_min``, ``y_min``, ``x_max``, ``y_max``, class, confidence, ids, extra columns."""
        corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), self.xyxy.T, strict=True))
        ids = {} if self.tracker_id is None else {"tracker_id": self.tracker_id}
        known = {
            **corners,
            "class_id": self.class_id,
            "class_name": self.class_name,
            "confidence": self.confidence,
            **ids,
        }
        extra = {name: list(column) for name, column in self.data.items() if name not in known}
        return {**known, **extra}

    def draw(self, canvas: Canvas) -> None:
        """Draws boxes, each with its name and confidence."""
        from inference_models_core.predictions.drawing.instances import draw_boxes

        draw_boxes(canvas, self)

    def labels(self) -> list[str]:
        """What a plot writes at each box."""
        scores = zip(self.class_name.tolist(), self.confidence.tolist(), strict=True)
        texts = [f"{name} {confidence:.2f}" for name, confidence in scores]
        if self.tracker_id is None:
            return texts
        return [f"#{tracker} {text}" for tracker, text in zip(self.tracker_id.tolist(), texts, strict=True)]

    def summary(self) -> str:
        """How many of each class, most frequent first."""
        from collections import Counter

        counts = [f"{count} {name}" for name, count in Counter(self.class_name.tolist()).most_common()]
        shown = counts if len(counts) <= 5 else [*counts[:5], f"{len(counts) - 5} more classes"]
        return f"{len(self)}: {', '.join(shown)}" if counts else "0"

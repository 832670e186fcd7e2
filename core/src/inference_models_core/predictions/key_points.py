"""Boxes with key points: the answer of pose and key-point detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.predictions.arrays import (
    float32_array,
    optional_float32_array,
    plain,
    require_shape,
)
from inference_models_core.predictions.detections import Detection, Detections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas

Edge = tuple[int, int]
"""Two key points that a skeleton joins, by index."""


def _name_tuples(value: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names) for names in value)


def _edge_tuples(value: Iterable[Iterable[Edge]]) -> tuple[tuple[Edge, ...], ...]:
    return tuple(tuple((int(start), int(end)) for start, end in edges) for edges in value)


@attrs.frozen(kw_only=True, eq=False)
class KeyPointDetection(Detection):
    """One object with its key points: a row of :class:`KeyPointDetections`.

    Attributes:
        key_points: (K, 2) float32, x and y in pixels of the original picture.
        key_points_confidence: (K,) float32, 0 to 1.
        key_point_names: Names of the key points of this object's class, as far as known.
    """

    key_points: npt.NDArray[np.float32]
    key_points_confidence: npt.NDArray[np.float32]
    key_point_names: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class KeyPointDetections(Detections):
    """Objects found in one picture, each with a box and K key points.

    K is the number of slots of the network, the largest number over its classes; a class with fewer leaves the last
    ones unused, at confidence 0. ``confidence`` stays the object's.

    Attributes:
        key_points: (n, K, 2) float32, x and y in pixels of the original picture, not rounded.
        key_points_confidence: (n, K) float32, 0 to 1; 0 where the point was not found.
        covariance: (n, K, 2, 2) float32 in square pixels, where the model gives one; NaN for key points without one.
        key_point_names: Names of the key points per class id.
        skeletons: Per class id, pairs of key points to join.

    Raises:
        ModelOutputError: An array has a wrong shape or type.
    """

    kind: ClassVar[str] = "key-point-detections"
    instance_fields: ClassVar[tuple[str, ...]] = (
        *Detections.instance_fields,
        "key_points",
        "key_points_confidence",
        "covariance",
    )

    key_points: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    key_points_confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    covariance: npt.NDArray[np.float32] | None = attrs.field(default=None, converter=optional_float32_array)
    key_point_names: tuple[tuple[str, ...], ...] = attrs.field(default=(), converter=_name_tuples)
    skeletons: tuple[tuple[Edge, ...], ...] = attrs.field(default=(), converter=_edge_tuples)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        require_shape(self, "key_points", self.key_points, (len(self), None, 2))
        slots = self.key_points.shape[1]
        require_shape(self, "key_points_confidence", self.key_points_confidence, (len(self), slots))
        require_shape(self, "covariance", self.covariance, (len(self), slots, 2, 2))

    def __iter__(self) -> Iterator[KeyPointDetection]:
        for i, row in enumerate(self._rows()):
            yield KeyPointDetection(
                key_points=self.key_points[i],
                key_points_confidence=self.key_points_confidence[i],
                key_point_names=self.names_for(row["class_id"]),
                **row,
            )

    def names_for(self, class_id: int) -> tuple[str, ...]:
        """Names of a class's key points; empty where nothing is known."""
        return self.key_point_names[class_id] if 0 <= class_id < len(self.key_point_names) else ()

    def skeleton_for(self, class_id: int) -> tuple[Edge, ...]:
        """Pairs of a class's key points to join, of those the network has; empty where nothing is known."""
        edges = self.skeletons[class_id] if 0 <= class_id < len(self.skeletons) else ()
        slots = self.key_points.shape[1]
        return tuple(edge for edge in edges if min(edge) >= 0 and max(edge) < slots)

    def to_supervision(self) -> Any:
        """A ``supervision.KeyPoints``; points of confidence 0 are marked as not visible.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        from inference_models_core.predictions.supervision import to_key_points

        return to_key_points(self)

    def to_coco(
        self, *, image_id: int | str = 0, category_ids: Mapping[int, int] | Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """As for detections, with ``keypoints``: x, y and visibility (2 or 0) of every key point in a row."""
        from inference_models_core.predictions.coco import key_point_triplets

        boxes = super().to_coco(image_id=image_id, category_ids=category_ids)
        triplets = key_point_triplets(self.key_points, self.key_points_confidence)
        return [{**box, "keypoints": points} for box, points in zip(boxes, triplets, strict=True)]

    def _plain_columns(self) -> dict[str, list[Any]]:
        scores = plain(self.key_points_confidence)
        rows = zip(self.class_id.tolist(), plain(self.key_points), scores, strict=True)
        points = [
            [
                {"name": name, "x": x, "y": y, "confidence": score}
                for name, (x, y), score in zip(self._all_names(class_id), xy, confidence, strict=True)
            ]
            for class_id, xy, confidence in rows
        ]
        return {**super()._plain_columns(), "key_points": points}

    def _all_names(self, class_id: int) -> list[str]:
        names = self.names_for(class_id)
        return [names[i] if i < len(names) else f"point_{i}" for i in range(self.key_points.shape[1])]

    def to_columns(self) -> dict[str, Any]:
        """As for detections, with ``key_points_found``: the number of points of confidence above 0."""
        return {**super().to_columns(), "key_points_found": (self.key_points_confidence > 0).sum(axis=1)}

    def draw(self, canvas: Canvas) -> None:
        """Draws boxes, skeletons and key points, each object with its name and confidence."""
        from inference_models_core.predictions.drawing.instances import draw_boxes
        from inference_models_core.predictions.drawing.skeletons import draw_skeletons

        draw_boxes(canvas, self)
        draw_skeletons(canvas, self)

"""A class for every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.arrays import (
    float32_array,
    name_of,
    names_of,
    plain,
    require_shape,
    text_tuple,
)
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.masks import Masks


def _integer_array(value: Any) -> npt.NDArray[np.integer[Any]]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ModelOutputError(f"A segmentation map holds class ids, not {array.dtype}.")
    return array


@attrs.frozen(kw_only=True, eq=False)
class ClassRegion:
    """All pixels of one class.

    Attributes:
        class_id: Index of the class.
        class_name: Its name.
        area: Number of pixels.
        confidence: Mean over the pixels.
        mask: (H, W) bool.
    """

    class_id: int
    class_name: str
    area: int
    confidence: float
    mask: npt.NDArray[np.bool_] = attrs.field(repr=False)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SemanticSegmentation(Prediction):
    """The class of every pixel of one picture.

    ``len(result)`` is the number of classes present; iterating gives a :class:`ClassRegion` of each, by id.

    Attributes:
        segmentation_map: (H, W) class ids, of whatever integer type the model family made.
        confidence: (H, W) float32, 0 to 1.
        class_names: The model's vocabulary.
        background_id: The class that stands for "nothing", where there is one: not drawn.

    Raises:
        ModelOutputError: An array has a wrong shape or type, or is not of the picture's size.
    """

    kind: ClassVar[str] = "semantic-segmentation"

    segmentation_map: npt.NDArray[np.integer[Any]] = attrs.field(converter=_integer_array)
    confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_names: tuple[str, ...] = attrs.field(default=(), converter=text_tuple)
    background_id: int | None = None

    def __attrs_post_init__(self) -> None:
        size = (None, None) if self.image is None else self.image.size
        require_shape(self, "segmentation_map", self.segmentation_map, size)
        require_shape(self, "confidence", self.confidence, self.segmentation_map.shape)

    @property
    def class_id(self) -> npt.NDArray[np.int64]:
        """(m,) the classes present, ascending."""
        return np.unique(self.segmentation_map).astype(np.int64)

    @property
    def class_name(self) -> npt.NDArray[np.str_]:
        """(m,) their names."""
        return names_of(self.class_id, self.class_names)

    def masks(self) -> Masks:
        """One mask per class present, in the order of :attr:`class_id`."""
        from inference_models_core.predictions.masks import Masks

        planes = self.segmentation_map == self.class_id.reshape(-1, 1, 1)
        return Masks.from_dense(planes)

    def __len__(self) -> int:
        return len(self.class_id)

    def __iter__(self) -> Iterator[ClassRegion]:
        for class_id in self.class_id.tolist():
            mask = self.segmentation_map == class_id
            yield ClassRegion(
                class_id=class_id,
                class_name=name_of(class_id, self.class_names),
                area=int(np.count_nonzero(mask)),
                confidence=float(self.confidence[mask].mean(dtype=np.float64)),
                mask=mask,
            )

    def to_coco(
        self, *, image_id: int | str = 0, category_ids: Mapping[int, int] | Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """Results in the format of COCO's stuff evaluation: one dict per class present.

        Args:
            image_id: The picture's id in the data set; 0 where there is only the one.
            category_ids: Category id per class id; by default the class id itself.

        Returns:
            Dicts with ``image_id``, ``category_id`` and ``segmentation``, compressed run lengths as text.

        Raises:
            InvalidRequestError: ``category_ids`` lacks a class id.
        """
        from inference_models_core.predictions.coco import category_of, json_rle

        return [
            {"image_id": image_id, "category_id": category_of(class_id, category_ids), "segmentation": rle}
            for class_id, rle in zip(self.class_id.tolist(), json_rle(self.masks()), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image`` and ``predictions``: per class present its area, mean confidence and mask.

        The masks restore the map; of the confidences only the mean per class is written.
        """
        from inference_models_core.predictions.coco import json_rle

        columns = {name: plain(column) for name, column in self.to_columns().items()}
        columns["mask"] = json_rle(self.masks())
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return {**self._header(), "predictions": rows}

    def to_columns(self) -> dict[str, Any]:
        """One row per class present: ids, names, ``area`` in pixels, mean ``confidence``."""
        ids, inverse = np.unique(self.segmentation_map, return_inverse=True)
        areas = np.bincount(inverse.ravel(), minlength=len(ids))
        sums = np.bincount(inverse.ravel(), weights=self.confidence.ravel(), minlength=len(ids))
        means = (sums / areas).astype(np.float32)
        return {"class_id": self.class_id, "class_name": self.class_name, "area": areas, "confidence": means}

    def draw(self, canvas: Canvas) -> None:
        """Covers each class with its colour and adds a legend."""
        from inference_models_core.predictions.drawing.maps import draw_segmentation

        draw_segmentation(canvas, self)

    def summary(self) -> str:
        """The classes present with their share of the picture."""
        columns, pixels = self.to_columns(), max(1, self.segmentation_map.size)
        pairs = zip(columns["class_name"].tolist(), columns["area"].tolist(), strict=True)
        shares = [f"{name} {area / pixels:.0%}" for name, area in sorted(pairs, key=lambda pair: -pair[1])]
        return ", ".join(shares[:5]) + (f", {len(shares) - 5} more classes" if len(shares) > 5 else "")

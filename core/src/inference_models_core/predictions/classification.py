"""What a picture shows as a whole: one class of many, or any number of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from inference_models_core.errors import ModelOutputError
from inference_models_core.predictions.arrays import (
    float32_array,
    int64_array,
    name_of,
    names_of,
    plain,
    require_shape,
    text_tuple,
)
from inference_models_core.predictions.base import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas

_SHOWN = 5


@attrs.frozen(kw_only=True)
class ClassScore:
    """One class with its score.

    Attributes:
        class_id: Index of the class.
        class_name: Its name.
        confidence: 0 to 1.
    """

    class_id: int
    class_name: str
    confidence: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Scored(Prediction):
    """A score for every class of the vocabulary."""

    confidence: npt.NDArray[np.float32] = attrs.field(converter=float32_array)
    class_names: tuple[str, ...] = attrs.field(default=(), converter=text_tuple)

    def __attrs_post_init__(self) -> None:
        require_shape(self, "confidence", self.confidence, (None,))

    def top(self, k: int = _SHOWN) -> tuple[ClassScore, ...]:
        """The ``k`` classes of highest confidence, best first; of equals the lower id first."""
        order = np.argsort(-self.confidence, kind="stable")[:k]
        return tuple(self._score(class_id) for class_id in order.tolist())

    def _score(self, class_id: int) -> ClassScore:
        confidence = plain(self.confidence[class_id])
        return ClassScore(class_id=class_id, class_name=name_of(class_id, self.class_names), confidence=confidence)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Classification(_Scored):
    """The class of one picture, with the scores of all classes.

    ``len(result)`` is the number of classes, C; iterating gives a :class:`ClassScore` of each, best first.

    Attributes:
        confidence: (C,) float32, the full distribution, 0 to 1.
        class_names: The model's vocabulary.

    Raises:
        ModelOutputError: There are no scores, or their array has a wrong shape or type.
    """

    kind: ClassVar[str] = "classification"

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not len(self.confidence):
            raise ModelOutputError("A classification needs the score of at least one class.")

    @property
    def class_id(self) -> int:
        """The class of highest confidence."""
        return int(self.confidence.argmax())

    @property
    def class_name(self) -> str:
        """Its name."""
        return name_of(self.class_id, self.class_names)

    def __len__(self) -> int:
        return len(self.confidence)

    def __iter__(self) -> Iterator[ClassScore]:
        return iter(self.top(len(self)))

    def to_supervision(self) -> Any:
        """A ``supervision.Classifications`` of all classes in the order of their ids.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        from inference_models_core.predictions.supervision import to_classifications

        return to_classifications(np.arange(len(self)), self)

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image``, the best class, and ``predictions``: all classes, best first."""
        scores = [attrs.asdict(score) for score in self]
        return {**self._header(), **scores[0], "predictions": scores}

    def to_columns(self) -> dict[str, Any]:
        """One row per class, best first."""
        order = np.argsort(-self.confidence, kind="stable")
        names = names_of(order, self.class_names)
        return {"class_id": order, "class_name": names, "confidence": self.confidence[order]}

    def draw(self, canvas: Canvas) -> None:
        """Writes the five best classes into a corner."""
        from inference_models_core.predictions.drawing.panels import draw_scores

        draw_scores(canvas, self.top())

    def summary(self) -> str:
        """The best class and its confidence."""
        best = self.top(1)[0]
        return f"{best.class_name} {best.confidence:.2f}, of {len(self)} classes"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class MultiLabelClassification(_Scored):
    """The labels of one picture, with the scores of all classes.

    ``len(result)`` is the number of labels, m; iterating gives a :class:`ClassScore` of each.

    Attributes:
        class_id: (m,) int64, the labels: classes that passed their threshold.
        confidence: (C,) float32, every class's own score, 0 to 1; they do not sum to 1.
        class_names: The model's vocabulary.

    Raises:
        ModelOutputError: An array has a wrong shape or type, or a label has no score.
    """

    kind: ClassVar[str] = "multi-label-classification"

    class_id: npt.NDArray[np.int64] = attrs.field(converter=int64_array)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        require_shape(self, "class_id", self.class_id, (None,))
        if ((self.class_id < 0) | (self.class_id >= len(self.confidence))).any():
            raise ModelOutputError(f"A label is outside the {len(self.confidence)} classes that have scores.")

    @property
    def class_name(self) -> npt.NDArray[np.str_]:
        """(m,) names of the labels."""
        return names_of(self.class_id, self.class_names)

    def __len__(self) -> int:
        return len(self.class_id)

    def __iter__(self) -> Iterator[ClassScore]:
        return (self._score(class_id) for class_id in self.class_id.tolist())

    def to_supervision(self) -> Any:
        """A ``supervision.Classifications`` of the labels.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        from inference_models_core.predictions.supervision import to_classifications

        return to_classifications(self.class_id, self)

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image``, ``predictions``: the labels, and ``confidence``: the score of every class by id."""
        scores = [attrs.asdict(score) for score in self]
        return {**self._header(), "predictions": scores, "confidence": plain(self.confidence)}

    def to_columns(self) -> dict[str, Any]:
        """One row per label."""
        confidence = self.confidence[self.class_id]
        return {"class_id": self.class_id, "class_name": self.class_name, "confidence": confidence}

    def draw(self, canvas: Canvas) -> None:
        """Writes the labels into a corner."""
        from inference_models_core.predictions.drawing.panels import draw_scores

        draw_scores(canvas, tuple(self))

    def summary(self) -> str:
        """The labels and their confidences."""
        labels = ", ".join(f"{score.class_name} {score.confidence:.2f}" for score in self)
        return f"{len(self)}: {labels}" if labels else "0"

"""Text: read from a picture, or written about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from inference_models_core.predictions.arrays import require_shape
from inference_models_core.predictions.base import Prediction
from inference_models_core.predictions.detections import Detection, Detections

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas

_SUMMARY_LENGTH = 60


def _text_array(value: Any) -> npt.NDArray[np.str_]:
    return np.asarray(value, dtype=np.str_)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SUMMARY_LENGTH else f"{line[: _SUMMARY_LENGTH - 1]}…")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Text(Prediction):
    """One text for one picture: what a text reader or a vision-language model answers.

    Attributes:
        text: The text, lines separated by newlines.
    """

    kind: ClassVar[str] = "text"

    text: str

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """``type``, ``image`` and ``text``."""
        return {**self._header(), "text": self.text}

    def to_columns(self) -> dict[str, Any]:
        """One row: ``text``."""
        return {"text": [self.text]}

    def draw(self, canvas: Canvas) -> None:
        """Writes the text into a corner."""
        from inference_models_core.predictions.drawing.panels import draw_text

        draw_text(canvas, self.text)

    def summary(self) -> str:
        """The beginning of the text."""
        return _shortened(self.text)


@attrs.frozen(kw_only=True, eq=False)
class TextRegion(Detection):
    """One piece of text: a row of :class:`StructuredText`.

    Attributes:
        text: What is written there.
    """

    text: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StructuredText(Detections):
    """The text of one picture and where its pieces stand.

    The class of a box says what kind of piece it is, such as block, line or word; pieces may lie in one another.

    Attributes:
        text: The whole text in reading order, lines separated by newlines.
        texts: (n,) str, the text of each box.

    Raises:
        ModelOutputError: An array has a wrong shape or type.
    """

    kind: ClassVar[str] = "structured-text"
    instance_fields: ClassVar[tuple[str, ...]] = (*Detections.instance_fields, "texts")

    text: str
    texts: npt.NDArray[np.str_] = attrs.field(converter=_text_array)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        require_shape(self, "texts", self.texts, (len(self),))

    def __str__(self) -> str:
        return self.text

    def __iter__(self) -> Iterator[TextRegion]:
        for text, row in zip(self.texts.tolist(), self._rows(), strict=True):
            yield TextRegion(text=text, **row)

    def to_dict(self) -> dict[str, Any]:
        """As for detections, with ``text`` of the whole picture and of each box."""
        return {**super().to_dict(), "text": self.text}

    def _plain_columns(self) -> dict[str, list[Any]]:
        return {**super()._plain_columns(), "text": self.texts.tolist()}

    def to_columns(self) -> dict[str, Any]:
        """As for detections, with ``text`` of each box."""
        return {**super().to_columns(), "text": self.texts}

    def labels(self) -> list[str]:
        """The text of each box."""
        texts: list[str] = self.texts.tolist()
        return texts

    def summary(self) -> str:
        """The beginning of the text and the number of boxes."""
        return f"{_shortened(self.text)}, {len(self)} boxes"

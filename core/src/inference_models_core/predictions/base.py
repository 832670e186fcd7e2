"""What all predictions have in common."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from inference_models_core.errors import InputError, InvalidRequestError

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.drawing.canvas import Canvas
    from inference_models_core.predictions.drawing.picture import Picture
    from inference_models_core.predictions.image_source import ImageSource


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Prediction(abc.ABC):
    """The answer of a model for one picture; arrays are numpy, whatever backend computed them.

    A plugin with a new kind of answer subclasses this and writes :meth:`to_dict`, :meth:`to_columns`,
    :meth:`draw` and :meth:`summary`; export, tables and plots then work for it.

    Attributes:
        kind: Stable name of the type of answer; the ``"type"`` of :meth:`to_dict`.
        image: The picture; ``None`` where there is none (a text's embedding) or it was not kept.
    """

    kind: ClassVar[str] = "prediction"

    image: ImageSource | None = None

    @abc.abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The prediction as plain Python values, ready for JSON; never contains the picture."""

    @abc.abstractmethod
    def to_columns(self) -> dict[str, Any]:
        """Columns of one length each, for tables: one row per instance."""

    @abc.abstractmethod
    def draw(self, canvas: Canvas) -> None:
        """Draws the prediction on a copy of its picture."""

    @abc.abstractmethod
    def summary(self) -> str:
        """A few words for people, such as ``"2 cat, 1 dog"``."""

    def to_json(self, **options: Any) -> str:
        """:meth:`to_dict` as JSON text.

        Args:
            **options: Passed to :func:`json.dumps`.
        """
        import json

        return json.dumps(self.to_dict(), **{"ensure_ascii": False, **options})

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` of :meth:`to_columns`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from inference_models_core.predictions.tables import data_frame

        return data_frame(self.to_columns())

    def plot(
        self,
        image: Any = None,
        *,
        labels: bool = True,
        opacity: float = 0.4,
        line_width: int | None = None,
        font_size: int | None = None,
        font: str | os.PathLike[str] | None = None,
    ) -> Picture:
        """Draws the prediction on a copy of its picture.

        Args:
            image: A picture to draw on instead of the one predicted on (path, bytes, PIL image, array, tensor); of
                the same size.
            labels: Whether to write names and confidences.
            opacity: How much masks and maps cover the picture, 0 to 1.
            line_width: Of boxes and skeletons, in pixels; by default from the size of the picture.
            font_size: Of labels, in pixels; by default from the size of the picture.
            font: Path or name of a TrueType font; by default Pillow's own, or one of the system's where a label has
                letters that Pillow's does not have.

        Returns:
            The drawn picture, to save, show or use as an array.

        Raises:
            InvalidRequestError: There is no picture to draw on, or an option is out of range.
            InputError: The picture cannot be read, or has another size than the one predicted on.
        """
        from inference_models_core.predictions.drawing.canvas import Canvas

        canvas = Canvas(
            self._pixels(image),
            labels=labels,
            opacity=opacity,
            line_width=line_width,
            font_size=font_size,
            font=font,
        )
        self.draw(canvas)
        return canvas.picture()

    def _pixels(self, image: Any) -> npt.NDArray[np.uint8]:
        from inference_models_core.predictions.pixels import rgb_pixels

        if image is None and self.image is None:
            raise InvalidRequestError("This prediction keeps no picture.", hint="Pass one: plot(image=...).")
        pixels = rgb_pixels(image) if image is not None else self.image.load()  # type: ignore[union-attr]
        if self.image is not None and pixels.shape[:2] != self.image.size:
            height, width = pixels.shape[:2]
            raise InputError(
                f"The picture has {width}x{height} pixels, the prediction was made on "
                f"{self.image.width}x{self.image.height}."
            )
        return pixels

    def _header(self) -> dict[str, Any]:
        return {"type": self.kind, "image": None if self.image is None else self.image.to_dict()}

    def __repr__(self) -> str:
        where = "" if self.image is None else f"; picture {self.image.width}x{self.image.height}"
        return f"{type(self).__name__}({self.summary()}{where})"

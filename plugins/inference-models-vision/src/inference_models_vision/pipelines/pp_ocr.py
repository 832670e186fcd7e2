"""The text of a picture: a detector finds where it stands, a reader reads each piece, and both make one text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import InvalidRequestError
from inference_models_core.model import Model
from inference_models_core.predictions.ocr import StructuredText

from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt
    from inference_models_core.predictions.detections import Detections

_PER_CALL = 8
"""Pieces read at a time: the scores of all characters for all steps of all pieces of a page are gigabytes."""
_UPRIGHT = 1.5
"""Pieces this much higher than wide are taken to be turned."""
_OVERLAP = 0.5
"""Share of its height with which a piece has to reach into a line to belong to it."""


class PpOcr(Model):
    """The pipeline ``pp-ocrv6``: a detector of text, then a reader of its pieces.

    The detector's boxes may be turned: what stands in ``data["polygon"]``, (n, 4, 2), is cut out, else the boxes.
    """

    def __init__(self, detector: Any, reader: Any) -> None:
        self._detector = detector
        self._reader = reader

    @classmethod
    def with_models(cls, models: Sequence[Any]) -> PpOcr:
        """Builds the pipeline.

        Args:
            models: The detector, and the reader.

        Raises:
            InvalidRequestError: If there are not two models.
        """
        if len(models) != 2:
            raise InvalidRequestError(f"pp-ocrv6 takes two models, a detector and a reader, not {len(models)}")
        return cls(*models)

    def __call__(
        self,
        images: Any,
        *,
        detector_arguments: Mapping[str, Any] | None = None,
        reader_arguments: Mapping[str, Any] | None = None,
    ) -> list[StructuredText]:
        """Reads pictures.

        Args:
            images: What the detector takes.
            detector_arguments: Keyword arguments for the detector's call.
            reader_arguments: Keyword arguments for the reader's call.

        Returns:
            One result per picture: the pieces in reading order, in ``data["line"]`` (n,) int64 the line of each, and
            the whole text: pieces of a line separated by spaces, lines by newlines. Lines run over the whole width of
            the picture, also where its text has columns.
        """
        found: list[Detections] = self._detector(images, **(detector_arguments or {}))
        lines = [reading_order(detections.xyxy) for detections in found]
        ordered = [
            detections[np.array([i for line in rows for i in line], np.int64)]
            for detections, rows in zip(found, lines, strict=True)
        ]
        pieces = [piece for detections in ordered for piece in _pieces(detections)]
        texts = iter(self._read(pieces, reader_arguments or {}))
        return [
            _result(detections, [len(line) for line in rows], [next(texts) for _ in range(len(detections))])
            for detections, rows in zip(ordered, lines, strict=True)
        ]

    def _read(self, pieces: Sequence[npt.NDArray[np.uint8]], arguments: Mapping[str, Any]) -> list[str]:
        """Texts in the order of the pieces, which are read with others of similar shape, so that few are filled up."""
        by_shape = sorted(range(len(pieces)), key=lambda i: pieces[i].shape[1] / pieces[i].shape[0])
        texts = [""] * len(pieces)
        for start in range(0, len(pieces), _PER_CALL):
            chosen = by_shape[start : start + _PER_CALL]
            for i, result in zip(chosen, self._reader([pieces[i] for i in chosen], **arguments), strict=True):
                texts[i] = result.text
        return texts


def reading_order(xyxy: npt.NDArray[np.float32]) -> list[list[int]]:
    """Lines from above downwards, each from left to right.

    Args:
        xyxy: (n, 4) boxes.

    Returns:
        For each line the places of its boxes. A box whose upper edge lies at least half of its height above the
        lowest edge of the line so far belongs to it.
    """
    lines: list[list[int]] = []
    lowest = 0.0
    for i in np.argsort(xyxy[:, 1], kind="stable").tolist():
        _, top, _, bottom = xyxy[i].tolist()
        if lines and top < lowest - _OVERLAP * (bottom - top):
            lines[-1].append(i)
            lowest = max(lowest, bottom)
        else:
            lines.append([i])
            lowest = bottom
    return [sorted(line, key=lambda i: float(xyxy[i, 0])) for line in lines]


def cut_out(picture: npt.NDArray[np.uint8], quad: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """What stands in a quad, as an upright rectangle.

    Args:
        picture: (H, W, 3) uint8.
        quad: (4, 2) upper left, upper right, lower right and lower left corner.

    Returns:
        (h, w, 3) uint8 with the longer ones of the quad's sides, turned by 90 degrees counter-clockwise where it is
        much higher than wide.
    """
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    width, height = (max(int(sides[[i, i + 2]].max()), 1) for i in (0, 1))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    piece = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(np.rot90(piece)) if height / width >= _UPRIGHT else np.asarray(piece, np.uint8)


def _pieces(detections: Detections) -> Iterator[npt.NDArray[np.uint8]]:
    """Pieces as BGR arrays, which is what models take an array for."""
    if detections.image is None or not len(detections):
        return
    picture = np.ascontiguousarray(detections.image.load()[..., ::-1])
    quads = detections.data.get("polygon")
    for quad in detections.xyxy[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] if quads is None else quads:
        yield cut_out(picture, quad)


def _result(detections: Detections, lengths: Sequence[int], texts: Sequence[str]) -> StructuredText:
    line = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum([0, *lengths]).tolist()
    lines = [_joined(texts[start : start + n]) for start, n in zip(starts, lengths, strict=False)]
    return StructuredText(
        xyxy=detections.xyxy,
        class_id=detections.class_id,
        confidence=detections.confidence,
        class_names=detections.class_names,
        tracker_id=detections.tracker_id,
        data={**detections.data, "line": line},
        image=detections.image,
        text="\n".join(lines),
        texts=texts,
    )


def _joined(texts: Iterable[str]) -> str:
    return " ".join(filter(None, map(str.strip, texts)))

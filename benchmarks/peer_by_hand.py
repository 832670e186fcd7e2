"""Scripts with onnxruntime and OpenCV as a peer, as well as they get; `handwritten.py` is the fresh process."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from graphs import SIZE, yolov8n_size_graph
from handwritten import Boxes, Detector
from peer_cases import CONFIDENCE, IOU, candidates
from peer_worker import Work
from pictures import frame

DETECTOR = Detector(str(yolov8n_size_graph()), confidence=CONFIDENCE, iou=IOU)
Picture = np.ndarray


def pre_process(mode: str, _: str, height: int, width: int) -> Work:
    """A picture to a tensor, after a run; without adjustments before the resize."""
    prepare, picture = MODES[mode], frame(height, width)
    blob = prepare(picture)
    return Work(
        before=lambda: DETECTOR.run(blob),
        measured=lambda _: prepare(picture),
        found=lambda made: made[0, :, ::8, ::8].tolist(),
    )


def post_process(count: int) -> Work:
    """A detector's output to boxes, after a run."""
    output = candidates(count)
    blob, placement = DETECTOR.pre_process(frame())

    def run() -> np.ndarray:
        DETECTOR.run(blob)
        return output.copy()

    return Work(run, lambda given: DETECTOR.post_process(given, placement, frame().shape[:2]), _lists)


def call() -> Work:
    """A picture to boxes."""
    picture = frame()
    return Work(lambda: None, lambda _: DETECTOR(picture), _lists)


def _lists(boxes: Boxes) -> list[list[float]]:
    return [array.tolist() for array in boxes]


def _letterbox(picture: Picture) -> Picture:
    return DETECTOR.pre_process(picture)[0]


def _grey_letterbox(picture: Picture) -> Picture:
    return DETECTOR.pre_process(picture, 127)[0]


def _stretch(picture: Picture) -> Picture:
    return _blob(cv2.resize(picture, (SIZE, SIZE)))


def _center_crop(picture: Picture) -> Picture:
    top, left = ((length - SIZE) // 2 for length in picture.shape[:2])
    return _blob(picture[top : top + SIZE, left : left + SIZE])


def _blob(canvas: Picture) -> Picture:
    return cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)


MODES: dict[str, Callable[[Picture], Picture]] = {
    "letterbox": _letterbox,
    "stretch": _stretch,
    "center-crop": _center_crop,
    "letterbox-reflect-edges": _letterbox,  # as the reference reads it
    "fit-longer-edge": _grey_letterbox,  # as the reference reads it where a network takes one size
}

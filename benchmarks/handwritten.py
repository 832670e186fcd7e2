"""The rival: YOLOv8 detection by hand, onnxruntime and OpenCV directly, nothing of this repository.

Written as well as such scripts get: no Python loop over boxes, no copy of the whole output. As a script it predicts
once and prints the boxes: `python benchmarks/handwritten.py MODEL.onnx PICTURE.jpg`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAXIMUM, PADDING = 300, 114


class Boxes(NamedTuple):
    """What was found in one picture.

    Attributes:
        xyxy: float32 [boxes, 4], pixels of the picture.
        confidence: float32 [boxes].
        class_id: int64 [boxes].
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]


class Placement(NamedTuple):
    """Where the picture lies in the network's input."""

    scale: float
    left: int
    top: int


class Detector:
    """One ONNX file of a YOLOv8 detector."""

    def __init__(self, path: str, *, confidence: float = 0.25, iou: float = 0.7) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (graph_input,) = self.session.get_inputs()
        self.name = graph_input.name
        self.height, self.width = graph_input.shape[2:]
        self.confidence, self.iou = confidence, iou

    def __call__(self, image: NDArray[np.uint8]) -> Boxes:
        """Finds the objects in a BGR picture, uint8 [height, width, 3]."""
        blob, placement = self.pre_process(image)
        return self.post_process(self.run(blob), placement, image.shape[:2])

    def pre_process(self, image: NDArray[np.uint8], padding: int = PADDING) -> tuple[NDArray[np.float32], Placement]:
        """Letterbox: resize, paste on a canvas of one grey, RGB in 0..1 as [1, 3, height, width]."""
        height, width = image.shape[:2]
        scale = min(self.height / height, self.width / width)
        inner = (round(width * scale), round(height * scale))
        left, top = (self.width - inner[0]) // 2, (self.height - inner[1]) // 2
        canvas = np.full((self.height, self.width, 3), padding, np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner)
        return cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True), Placement(scale, left, top)

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's output, float32 [1, 4 + classes, places]."""
        return self.session.run(None, {self.name: blob})[0]

    def post_process(self, output: NDArray[np.float32], placement: Placement, size: tuple[int, int]) -> Boxes:
        """Threshold, class-wise suppression, back to the pixels of the picture."""
        scores = output[0, 4:]
        best = scores.max(axis=0)
        places = np.flatnonzero(best > self.confidence)
        confidence, class_id = best[places], scores[:, places].argmax(axis=0)
        xywh = output[0, :4, places]
        xywh[:, :2] -= xywh[:, 2:] / 2
        kept = np.asarray(cv2.dnn.NMSBoxesBatched(xywh, confidence, class_id, self.confidence, self.iou), np.int64)
        kept = kept[np.argsort(-confidence[kept], kind="stable")][:MAXIMUM]
        xyxy = np.concatenate([xywh[kept, :2], xywh[kept, :2] + xywh[kept, 2:]], axis=1)
        xyxy = (xyxy - [placement.left, placement.top] * 2) / placement.scale
        limits = np.array([size[1], size[0]] * 2)
        return Boxes(np.clip(xyxy, 0, limits).astype(np.float32), confidence[kept], class_id[kept])


if __name__ == "__main__":
    model_path, picture_path = sys.argv[1:]
    found = Detector(model_path)(cv2.imread(picture_path))
    print(json.dumps([array.tolist() for array in found]))

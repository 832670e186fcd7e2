"""The plainest way from a picture to boxes: what training measures itself with. Needs no PyTorch.

`evaluate.py --onnx` uses it as the reference that the library's own pipeline is held against.
"""

from __future__ import annotations

import cv2
import numpy as np
from average_precision import Boxes

#: Side of the network's square input in pixels, and the grey around pictures that are not square.
IMAGE_SIZE = 320
PADDING_VALUE = 114
CANDIDATE_SCORE, NMS_IOU = 0.001, 0.6


def letterbox(
    image: np.ndarray, *, fill: float = 1.0, place: tuple[float, float] = (0.5, 0.5)
) -> tuple[np.ndarray, float, int, int]:
    """Fit a BGR picture into the network's square, sizes and pads truncated.

    Args:
        image: uint8 [height, width, 3], BGR.
        fill: Part of the square's side that the longer side takes.
        place: Part of the free space to the left and above.

    Returns:
        The RGB square, the scale (not truncated), the left and the top padding.
    """
    height, width = image.shape[:2]
    scale = fill * IMAGE_SIZE / max(height, width)
    inner_width, inner_height = int(width * scale), int(height * scale)
    left, top = int((IMAGE_SIZE - inner_width) * place[0]), int((IMAGE_SIZE - inner_height) * place[1])
    square = np.full((IMAGE_SIZE, IMAGE_SIZE, 3), PADDING_VALUE, np.uint8)
    resized = cv2.resize(image, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    square[top : top + inner_height, left : left + inner_width] = resized[..., ::-1]
    return square, scale, left, top


def decode(output: np.ndarray) -> Boxes:
    """One picture's `output0` [4 + classes, anchors] after class-wise NMS."""
    scores, classes = output[4:].max(axis=0), output[4:].argmax(axis=0)
    keep = np.flatnonzero(scores > CANDIDATE_SCORE)
    centre, size = output[:2, keep].T, output[2:4, keep].T
    corner = centre - size / 2
    kept = cv2.dnn.NMSBoxesBatched(
        np.concatenate([corner, size], axis=1).tolist(), scores[keep].tolist(), classes[keep].tolist(), 0.0, NMS_IOU
    )
    kept = np.asarray(kept, np.int64).reshape(-1)
    xyxy = np.concatenate([corner, corner + size], axis=1)
    return Boxes(xyxy=xyxy[kept], classes=classes[keep][kept], scores=scores[keep][kept])

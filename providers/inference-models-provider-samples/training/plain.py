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
    image: np.ndarray,
    *,
    size: int = IMAGE_SIZE,
    fill: float = 1.0,
    place: tuple[float, float] = (0.5, 0.5),
    padding: int = PADDING_VALUE,
    interpolation: int = cv2.INTER_LINEAR,
) -> tuple[np.ndarray, float, int, int]:
    """Fit a picture into the network's square, sizes and pads truncated.

    Args:
        image: uint8 [height, width, 3], BGR, or [height, width].
        size: Side of the square.
        fill: Part of the square's side that the longer side takes.
        place: Part of the free space to the left and above.
        padding: What fills the rest.
        interpolation: OpenCV's number of it.

    Returns:
        The square (RGB), the scale (not truncated), the left and the top padding.
    """
    height, width = image.shape[:2]
    scale = fill * size / max(height, width)
    inner_width, inner_height = max(1, int(width * scale)), max(1, int(height * scale))
    left, top = int((size - inner_width) * place[0]), int((size - inner_height) * place[1])
    square = np.full((size, size, *image.shape[2:]), padding, np.uint8)
    resized = cv2.resize(image, (inner_width, inner_height), interpolation=interpolation)
    square[top : top + inner_height, left : left + inner_width] = resized[..., ::-1] if image.ndim == 3 else resized
    return square, scale, left, top


def decode(output: np.ndarray, classes: int | None = None) -> tuple[Boxes, np.ndarray]:
    """One picture's `output0` [4 + classes + extras, anchors] after class-wise NMS.

    Returns:
        The boxes in network pixels, and what the output says of each beyond that, [n, extras].
    """
    fields = output[4:] if classes is None else output[4 : 4 + classes]
    scores, ids = fields.max(axis=0), fields.argmax(axis=0)
    keep = np.flatnonzero(scores > CANDIDATE_SCORE)
    centre, size = output[:2, keep].T, output[2:4, keep].T
    corner = centre - size / 2
    kept = cv2.dnn.NMSBoxesBatched(
        np.concatenate([corner, size], axis=1).tolist(), scores[keep].tolist(), ids[keep].tolist(), 0.0, NMS_IOU
    )
    kept = np.asarray(kept, np.int64).reshape(-1)
    xyxy = np.concatenate([corner, corner + size], axis=1)[kept]
    extras = output[4 + len(fields) :, keep[kept]].T
    return Boxes(xyxy=xyxy, classes=ids[keep][kept], scores=scores[keep][kept]), extras

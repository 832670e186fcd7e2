"""The plain way that training measures itself with."""

from __future__ import annotations

import numpy as np
import pytest
from plain import IMAGE_SIZE, PADDING_VALUE, decode, letterbox


@pytest.mark.parametrize(
    ("width", "height", "inner", "pads"),
    [
        (640, 480, (320, 240), (0, 40)),
        (334, 500, (213, 320), (53, 0)),  # 213.76 wide: truncated; 53.5 to the left: truncated
        (320, 320, (320, 320), (0, 0)),
    ],
)
def test_letterbox_truncates_sizes_and_pads(width, height, inner, pads):
    image = np.full((height, width, 3), (10, 20, 30), np.uint8)
    square, scale, left, top = letterbox(image)
    assert square.shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    assert scale == IMAGE_SIZE / max(width, height)
    assert (left, top) == pads
    content = square[top : top + inner[1], left : left + inner[0]]
    assert (content == (30, 20, 10)).all(), "RGB, and only the picture inside"
    assert (square == PADDING_VALUE).all(axis=2).sum() == IMAGE_SIZE**2 - inner[0] * inner[1]


def test_decode_keeps_the_best_of_each_class():
    columns = [  # centre x, centre y, width, height, score of class 0, of class 1
        [50, 50, 20, 20, 0.9, 0.0],
        [51, 50, 20, 20, 0.8, 0.0],  # the same object again
        [50, 50, 20, 20, 0.0, 0.7],  # another class in the same place stays
        [150, 50, 20, 20, 0.6, 0.0],
        [250, 50, 20, 20, 0.0005, 0.0],  # below every threshold
    ]
    found, extras = decode(np.array(columns, np.float32).T)
    assert extras.shape == (3, 0)
    order = np.argsort(-found.scores)
    assert found.classes[order].tolist() == [0, 1, 0]
    assert found.scores[order] == pytest.approx([0.9, 0.7, 0.6])
    assert found.xyxy[order[0]].tolist() == [40, 40, 60, 60]


def test_decode_hands_over_what_comes_behind_the_classes():
    output = np.array([[50, 50, 20, 20, 0.2, 0.0, 7, 8], [150, 50, 20, 20, 0.0, 0.6, 9, 10]], np.float32).T
    found, extras = decode(output, classes=2)
    assert found.classes.tolist() == [1, 0]
    assert extras.tolist() == [[9, 10], [7, 8]]

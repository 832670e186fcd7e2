"""Candidates out of raw and of suppressed outputs, on numpy and on torch."""

import numpy as np
import pytest
from inference_models_vision.decoding.boxes import Boxes, BoxLayout, candidates_above, rows_above, suppress


def raw(columns, classes=3):
    """Columns (cx, cy, w, h, {class: score}) as an output (4 + classes, n)."""
    output = np.zeros((4 + classes, len(columns)), np.float32)
    for i, (*box, scores) in enumerate(columns):
        output[:4, i] = box
        for class_id, score in scores.items():
            output[4 + class_id, i] = score
    return output


OUTPUT = raw(
    [
        (50, 40, 20, 10, {0: 0.3, 1: 0.9, 2: 0.5}),
        (10, 10, 4, 4, {2: 0.4}),
        (10, 10, 4, 4, {2: 0.41}),
        (20, 10, 4, 4, {0: 0.2}),
        (20, 10, 4, 4, {0: 0.6, 1: 0.6}),
    ]
)


@pytest.fixture(params=["numpy", "torch"])
def convert(request):
    """A numpy array to one of the library."""
    return np.asarray if request.param == "numpy" else pytest.importorskip("torch").from_numpy


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_the_best_class_above_the_threshold(convert, dtype):
    boxes = candidates_above(convert(OUTPUT.astype(dtype)), float(np.float32(0.4)))
    assert boxes.class_ids.tolist() == [1, 2, 0]
    np.testing.assert_allclose(boxes.scores, [0.9, 0.41, 0.6], atol=1e-3)
    np.testing.assert_allclose(boxes.xyxy, [[40, 35, 60, 45], [8, 8, 12, 12], [18, 8, 22, 12]])
    assert boxes.xyxy.dtype == boxes.scores.dtype == np.float32
    assert boxes.class_ids.dtype == np.int64


def test_the_threshold_itself_is_not_enough():
    output = raw([(0, 0, 1, 1, {0: 0.5}), (0, 0, 1, 1, {0: np.nextafter(np.float32(0.5), np.float32(1))})])
    assert len(candidates_above(output, 0.5).scores) == 1


def test_thresholds_per_class(convert):
    boxes = candidates_above(convert(OUTPUT), np.array([0.7, 0.95, 0.1], np.float32))
    assert boxes.class_ids.tolist() == [2, 2]


def test_nothing_found():
    for boxes in (
        candidates_above(OUTPUT, 0.99),
        candidates_above(np.zeros((7, 0), np.float32), 0.1),
        rows_above(np.zeros((0, 6), np.float32), 0.1),
    ):
        assert boxes.xyxy.shape == (0, 4)
        assert boxes.scores.shape == boxes.class_ids.shape == (0,)
        assert suppress(boxes, iou_threshold=0.5, max_detections=5, class_agnostic=False).xyxy.shape == (0, 4)


def test_nan_and_infinity():
    nan, inf = float("nan"), float("inf")
    output = raw(
        [
            (nan, 0, 1, 1, {0: 0.9}),
            (0, 0, 1, 1, {0: 0.9, 1: nan}),
            (inf, 5, inf, 1, {0: 0.9}),
            (50, 50, inf, inf, {0: 0.8}),
            (50, 50, 10, 10, {0: 0.7}),
            (inf, 50, 10, 10, {1: 0.6}),
        ]
    )
    boxes = candidates_above(output, 0.4)
    assert boxes.scores.tolist() == pytest.approx([0.8, 0.7, 0.6])
    kept = suppress(boxes, iou_threshold=0.3, max_detections=10, class_agnostic=True)
    assert kept.scores.tolist() == pytest.approx([0.8, 0.7, 0.6])
    assert kept.xyxy[0].tolist() == [-inf, -inf, inf, inf]


ROWS = np.array(
    [
        [0, 0, 10, 10, 0.5, 1],
        [0, 0, 10, 10, 0.4, 0],
        [1, 1, 2, 2, 0.9, 2],
        [0, 0, 0, 0, 0.0, 0],
        [0, 0, 9, 9, 0.8, -1],
        [0, 0, 9, float("nan"), 0.8, 0],
        [0, 0, 9, 9, 0.8, float("nan")],
        [0, 0, 9, 9, float("nan"), 0],
    ],
    np.float32,
)


def test_rows_keep_their_order_and_the_threshold_is_enough(convert):
    boxes = rows_above(convert(ROWS), float(np.float32(0.4)))
    assert boxes.scores.tolist() == pytest.approx([0.5, 0.4, 0.9])
    assert boxes.class_ids.tolist() == [1, 0, 2]
    per_class = rows_above(convert(ROWS), np.array([0.4, 0.6, 0.9], np.float32))
    assert per_class.class_ids.tolist() == [0, 2]


def test_rows_may_have_more_columns():
    wide = np.hstack([ROWS, np.full((len(ROWS), 32), 7, np.float32)])
    np.testing.assert_array_equal(rows_above(wide, 0.5).xyxy, rows_above(ROWS, 0.5).xyxy)


def test_suppression_within_and_across_classes():
    boxes = Boxes(
        np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10]], np.float32),
        np.array([0.7, 0.8, 0.9], np.float32),
        np.array([0, 0, 1]),
        np.array([[1], [2], [3]], np.float32),
    )
    within = suppress(boxes, iou_threshold=0.5, max_detections=10, class_agnostic=False)
    assert within.scores.tolist() == pytest.approx([0.9, 0.8])
    assert within.extras.tolist() == [[3], [2]]
    across = suppress(boxes, iou_threshold=0.5, max_detections=10, class_agnostic=True)
    assert across.scores.tolist() == pytest.approx([0.9])
    best = suppress(boxes, iou_threshold=0.99, max_detections=1, class_agnostic=False)
    assert best.scores.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("layout", [BoxLayout(), BoxLayout(objectness=True), BoxLayout(fields_first=False)])
def test_an_infinite_score_is_none(convert, layout):
    inf = float("inf")
    boxes = [
        (50, 50, 20, 10, {0: 0.9}),
        (50, 50, 20, 10, {0: inf}),
        (5, 5, 4, 4, {1: inf, 2: 0.7}),
        (9, 9, 4, 4, {2: -inf}),
    ]
    output = raw(boxes)
    if layout.objectness:  # the first says how likely there is anything, the last that there is nothing or everything
        output = np.insert(output, 4, [0.8, 0.8, 0.8, inf], axis=0)
    if not layout.fields_first:
        output = np.ascontiguousarray(output.T)
    found = candidates_above(convert(output), 0.1, layout)
    assert found.scores.tolist() == [np.float32(0.9)]


def test_an_infinite_score_of_a_final_row_is_none(convert):
    rows = np.array([[0, 0, 9, 9, np.inf, 1], [0, 0, 9, 9, 0.5, 1], [0, 0, 9, 9, 0.4, np.inf]], np.float32)
    assert rows_above(convert(rows), 0.1).scores.tolist() == [0.5]

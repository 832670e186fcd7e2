"""Non-maximum suppression against the plain double loop, and against torchvision where it is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_vision.decoding import nms as module
from inference_models_vision.decoding.kernels import kernels
from inference_models_vision.decoding.nms import nms


def brute_force(boxes, scores, class_ids, threshold, limit):
    """By descending score; a box falls if it overlaps a kept one of its class by more than the threshold."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])  # stable
    kept = []
    for i in order:
        if not any(
            (class_ids is None or class_ids[i] == class_ids[j]) and exceeds(boxes[i], boxes[j], threshold) for j in kept
        ):
            kept.append(i)
    return kept[:limit]


def exceeds(a, b, threshold):
    """IoU > threshold, in float32 as the fast version: its rounding at the very threshold is its own."""
    f = np.float32
    width = max(f(min(a[2], b[2])) - f(max(a[0], b[0])), f(0))
    height = max(f(min(a[3], b[3])) - f(max(a[1], b[1])), f(0))
    area_a = f(f(a[2]) - f(a[0])) * f(f(a[3]) - f(a[1])) * f(threshold)
    area_b = f(f(b[2]) - f(b[0])) * f(f(b[3]) - f(b[1])) * f(threshold)
    return width * height * f(1 + threshold) > area_a + area_b


def random_boxes(rng, count, classes, extent=640, negative=False):
    centers = rng.uniform(-extent if negative else 0, extent, (count, 2))
    sizes = rng.uniform(5, 200, (count, 2))
    boxes = np.hstack([centers - sizes / 2, centers + sizes / 2]).astype(np.float32)
    return boxes, rng.uniform(0, 1, count).astype(np.float32), rng.integers(0, classes, count)


def check(boxes, scores, class_ids, threshold, limit=300):
    found = nms(boxes, scores, class_ids, iou_threshold=threshold, limit=limit)
    assert found.tolist() == brute_force(boxes, scores, class_ids, threshold, limit)


coordinate = st.integers(-20, 40) | st.floats(-50, 700, width=32)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.tuples(coordinate, coordinate, st.integers(0, 30), st.integers(0, 30)),
            st.sampled_from([0.1, 0.25, 0.5, 0.5, 0.75, 0.9]),
            st.integers(0, 2),
        ),
        max_size=30,
    ),
    st.sampled_from([0.0, 0.3, 1 / 3, 0.5, 0.7, 1.0]),
    st.booleans(),
    st.integers(1, 40),
)
def test_as_brute_force(rows, threshold, agnostic, limit):
    corners = [(x, y, x + w, y + h) for (x, y, w, h), _, _ in rows]
    boxes = np.array(corners, np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in rows], np.float32)
    class_ids = None if agnostic else np.array([class_id for _, _, class_id in rows], np.int64)
    check(boxes, scores, class_ids, threshold, limit)


@pytest.mark.parametrize("count", [0, 1, 2, module._BLOCK - 1, module._BLOCK, module._BLOCK + 1, 400])
@pytest.mark.parametrize("classes", [1, 3, 80])
def test_over_blocks(count, classes):
    boxes, scores, class_ids = random_boxes(np.random.default_rng(count), count, classes)
    check(boxes, scores, class_ids, 0.3)
    check(boxes, scores, None, 0.5, limit=50)


def test_classes_do_not_meet_at_negative_coordinates():
    """Where classes are moved apart by an offset, as torchvision does, they do."""
    boxes, scores, class_ids = random_boxes(np.random.default_rng(1), 300, 4, extent=2000, negative=True)
    check(boxes, scores, class_ids, 0.1)


def test_chains():
    """The middle one falls, so that the third, which only the middle one overlaps, stays."""
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert nms(boxes, scores, None, iou_threshold=0.3, limit=10).tolist() == [0, 2]


def test_equal_scores_keep_their_order():
    boxes = np.tile(np.array([[0, 0, 10, 10]], np.float32), (5, 1)) + np.arange(5, dtype=np.float32)[:, None] * 100
    assert nms(boxes, np.full(5, 0.5, np.float32), None, iou_threshold=0.5, limit=10).tolist() == [0, 1, 2, 3, 4]


def test_exactly_at_the_threshold_stays():
    boxes = np.array([[0, 0, 2, 1], [1, 0, 3, 1], [0, 0, 2, 1]], np.float32)  # overlaps of 1/3 and 1
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert nms(boxes[:2], scores[:2], None, iou_threshold=0.34, limit=10).tolist() == [0, 1]
    assert nms(boxes[:2], scores[:2], None, iou_threshold=0.33, limit=10).tolist() == [0]
    assert nms(boxes, scores, None, iou_threshold=1.0, limit=10).tolist() == [0, 1, 2]


def test_boxes_without_area_stay():
    boxes = np.array([[5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]], np.float32)
    assert nms(boxes, np.array([0.9, 0.8, 0.7], np.float32), None, iou_threshold=0.0, limit=9).tolist() == [0, 1, 2]


def test_many_candidates_stop_at_the_limit(monkeypatch):
    boxes, scores, class_ids = random_boxes(np.random.default_rng(2), 8400, 80, extent=60_000)
    compared = []
    real = module._kept_within
    monkeypatch.setattr(module, "_kept_within", lambda block, *rest: compared.append(len(block)) or real(block, *rest))
    assert len(nms(boxes, scores, class_ids, iou_threshold=0.3, limit=300)) == 300
    assert sum(compared) < 1000


@pytest.mark.parametrize("agnostic", [False, True])
def test_as_torchvision(agnostic):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    for seed in range(20):
        boxes, scores, class_ids = random_boxes(np.random.default_rng(seed), 500, 5)
        groups = np.zeros_like(class_ids) if agnostic else class_ids
        wanted = ops.batched_nms(torch.tensor(boxes), torch.tensor(scores), torch.tensor(groups), 0.3)
        found = nms(boxes, scores, None if agnostic else class_ids, iou_threshold=0.3, limit=10_000)
        assert found.tolist() == wanted.tolist()


def test_topk_is_stable():
    values, places = kernels("numpy").topk(np.array([1.0, 3.0, 3.0, 2.0]), 3)
    assert values.tolist() == [3.0, 3.0, 2.0]
    assert places.tolist() == [1, 2, 3]

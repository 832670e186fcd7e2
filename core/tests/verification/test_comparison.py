"""Figures that are 0 for equal answers and say in pixels and shares how far others are apart."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core.negotiation.tolerance import FIGURES
from inference_models_core.predictions import (
    Classification,
    DepthMap,
    Detections,
    Embedding,
    GazeDetections,
    InstanceDetections,
    KeyPointDetections,
    Masks,
    MultiLabelClassification,
    SemanticSegmentation,
    StructuredText,
)
from inference_models_core.predictions.comparison import FARTHEST, compare, compare_all, matched

BOXES = np.array([[10, 10, 50, 40], [60, 10, 90, 80], [10.5, 10.5, 50, 40]], np.float32)
FOUND = {"xyxy": BOXES, "class_id": [0, 1, 0], "confidence": [0.9, 0.5, 0.3], "class_names": ("cat", "dog")}
PLANES = np.zeros((3, 60, 100), bool)
for plane, (left, top, right, bottom) in zip(PLANES, BOXES.astype(int), strict=True):
    plane[top:bottom, left:right] = True
POINTS = {"key_points": np.stack([BOXES.reshape(3, 2, 2)]).reshape(3, 2, 2), "key_points_confidence": np.ones((3, 2))}
MAP = np.arange(12).reshape(3, 4) % 3


@attrs.frozen
class Own:
    name: str
    sizes: tuple[float, ...]


ANSWERS = {
    "detections": Detections(**FOUND),
    "masks": InstanceDetections(**FOUND, masks=Masks.from_dense(PLANES)),
    "key points": KeyPointDetections(**FOUND, **POINTS),
    "gaze": GazeDetections(**FOUND, yaw=[0, 0.1, 0.2], pitch=[0, 0, 0]),
    "texts": StructuredText(**FOUND, text="abc", texts=["a", "b", "c"]),
    "nothing": Detections(xyxy=np.zeros((0, 4)), class_id=[], confidence=[]),
    "classification": Classification(confidence=[0.1, 0.7, 0.2]),
    "labels": MultiLabelClassification(confidence=[0.1, 0.7, 0.2], class_id=[1]),
    "embedding": Embedding(vector=[1.0, 2.0, 3.0]),
    "map": SemanticSegmentation(segmentation_map=MAP, confidence=np.full((3, 4), 0.5)),
    "depth": DepthMap(depth=np.linspace(1, 5, 12).reshape(3, 4)),
    "own": Own("a", (1.0, 2.0)),
    "number": 3.5,
    "text": "roses",
}


def deltas(first, second, **options):
    return compare_all([first], [second], **options).deltas


@pytest.mark.parametrize("name", ANSWERS)
def test_equal_answers_have_no_delta(name):
    answer = ANSWERS[name]
    found = compare_all([answer, answer], [answer, answer])
    assert found.unlike == 0
    assert found.things == 2 * (len(answer) if hasattr(answer, "xyxy") else 1)
    assert set(found.deltas.values()) == {0.0}
    assert set(found.deltas) <= set(FIGURES)


@pytest.mark.parametrize("name", ANSWERS)
def test_another_type_is_unlike(name):
    assert deltas(ANSWERS[name], None)["labels"] == 1.0


def changed(name, /, **changes):
    return ANSWERS[name], attrs.evolve(ANSWERS[name], **changes)


CHANGES = {
    "boxes": (changed("detections", xyxy=BOXES + np.float32(0.25)), 0.25),
    "scores": (changed("detections", confidence=[0.9, 0.5, 0.35]), 0.05),
    "masks": (changed("masks", masks=Masks.from_dense(np.roll(PLANES, 1, axis=2))), 1 - 29 / 31),
    "key_points": (changed("key points", key_points=POINTS["key_points"] + np.float32([3, 4])), 5.0),
    "angles": (changed("gaze", yaw=[0, 0.1, 0.5]), 0.3),
    "vectors": (changed("embedding", vector=[1.0, 2.0, -3.0]), 1 + 4 / 14),
    "pixels": (changed("map", segmentation_map=np.where(MAP == 2, 1, MAP)), 1 / 3),
    "depths": (changed("depth", depth=ANSWERS["depth"].depth + np.float32(1)), 0.25),
    "values": (changed("own", sizes=(1.0, 2.5)), 0.5),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_figure_says_how_far_apart(name):
    (first, second), expected = CHANGES[name]
    found = deltas(first, second)
    assert found.pop(name) == pytest.approx(expected, abs=1e-6)
    assert set(found.values()) == {0.0}


UNLIKE = {
    "other class": (changed("detections", class_id=[0, 0, 0]), 2 / 4),
    "one less": ((ANSWERS["detections"], ANSWERS["detections"][:2]), 1 / 3),
    "other text": (changed("texts", texts=["a", "x", "c"]), 1 / 3),
    "other best class": (changed("classification", confidence=[0.7, 0.1, 0.2]), 1.0),
    "more classes": (changed("classification", confidence=[0.1, 0.7, 0.1, 0.1]), 1.0),
    "other labels": (changed("labels", class_id=[1, 2]), 1 / 2),
    "longer vector": (changed("embedding", vector=[1.0, 2.0]), 1.0),
    "other size": (changed("map", segmentation_map=MAP.T, confidence=np.full((4, 3), 0.5)), 1.0),
    "other name": (changed("own", name="b"), 1.0),
    "other field": (("roses", "violets"), 1.0),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_what_has_no_equal_is_counted(name):
    (first, second), share = UNLIKE[name]
    assert deltas(first, second)["labels"] == pytest.approx(share)


def test_a_tie_between_classes_is_no_difference():
    assert deltas(Classification(confidence=[0.5, 0.5]), Classification(confidence=[0.4999, 0.5]))["labels"] == 0


def test_scores_at_the_threshold_do_not_count_and_others_do():
    all_, without_last = ANSWERS["detections"], ANSWERS["detections"][:2]
    assert deltas(all_, without_last, threshold=0.29)["labels"] == 0
    assert deltas(without_last, all_, threshold=0.29)["labels"] == 0
    assert deltas(all_, without_last, threshold=0.25)["labels"] == pytest.approx(1 / 3)
    labels = ANSWERS["labels"], attrs.evolve(ANSWERS["labels"], class_id=[1, 2])
    assert deltas(*labels, threshold=0.19)["labels"] == 0


def test_numbers_that_are_none():
    nan = attrs.evolve(ANSWERS["detections"], xyxy=np.full((3, 4), np.nan))
    assert deltas(ANSWERS["embedding"], attrs.evolve(ANSWERS["embedding"], vector=[np.nan] * 3))["vectors"] == FARTHEST
    assert deltas(ANSWERS["detections"], nan)["labels"] == 1.0
    assert deltas(nan, nan)["boxes"] == 0.0
    wrong = DepthMap(depth=np.where(MAP == 0, np.inf, 1.0))
    assert deltas(ANSWERS["depth"], wrong)["depths"] == pytest.approx(FARTHEST / 4)


def test_objects_are_matched_one_to_one_and_by_score_where_boxes_lie_on_one_another():
    doubled = Detections(xyxy=BOXES[[0, 0]], class_id=[0, 0], confidence=[0.9, 0.2])
    swapped = Detections(xyxy=BOXES[[0, 0]], class_id=[0, 0], confidence=[0.21, 0.9])
    rows, columns = matched(doubled, swapped)
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 1, 1: 0}


def test_boxes_too_thin_to_overlap_are_matched_by_their_edges():
    line = Detections(xyxy=[[5.0, 5.0, 5.0, 50.0]], class_id=[0], confidence=[0.9])
    moved = attrs.evolve(line, xyxy=line.xyxy + np.float32(1.5))
    assert deltas(line, moved) == {"labels": 0.0, "boxes": 1.5, "scores": 0.0}


def test_the_largest_of_all_pictures_counts():
    one, other = ANSWERS["detections"], attrs.evolve(ANSWERS["detections"], xyxy=BOXES + np.float32(0.5))
    found = compare_all([one, one, one], [one, other, one[:0]])
    assert (found.things, found.unlike) == (9, 3)
    assert found.deltas["boxes"] == 0.5
    assert compare_all([one], [one, one]).deltas == {"labels": 1.0}


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 30))
def test_matching_is_one_to_one_and_within_classes(seed, many, others):
    chance = np.random.default_rng(seed)

    def side(count):
        boxes = chance.uniform(0, 20, (count, 2))
        xyxy = np.concatenate([boxes, boxes + chance.uniform(0, 20, (count, 2))], axis=1)
        return Detections(xyxy=xyxy, class_id=chance.integers(0, 2, count), confidence=chance.uniform(0, 1, count))

    first, second = side(many), side(others)
    rows, columns = matched(first, second)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist()))
    assert (first.class_id[rows] == second.class_id[columns]).all()
    assert compare(first, second).things == many + others - len(rows)

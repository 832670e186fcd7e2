"""Each generation's output layout, against a plain reading of it row by row."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from inference_models_core.errors import ModelOutputError
from inference_models_vision.families.yolo.object_detection import (
    Yolo26ObjectDetection,
    YoloLiteObjectDetection,
    YoloNasObjectDetection,
    YoloObjectDetection,
    YoloV5ObjectDetection,
    YoloV10ObjectDetection,
)

PICTURE = np.zeros((64, 64, 3), np.uint8)  # the network's own size: nothing is moved
CLASSES = 3
GENERATIONS = {
    "yolov8": (YoloObjectDetection, [(4 + CLASSES, 50)]),
    "yolov5": (YoloV5ObjectDetection, [(50, 5 + CLASSES)]),
    "yolov10": (YoloV10ObjectDetection, [(30, 6)]),
    "yolo26": (Yolo26ObjectDetection, [(30, 6)]),
    "yolonas": (YoloNasObjectDetection, [(50, 4), (50, CLASSES)]),
    "yololite": (YoloLiteObjectDetection, [(50, 4), (50, 1), (50, CLASSES)]),
}


def raw(family):
    """Scores spread out and boxes that do not touch each other."""
    random = np.random.default_rng(4)
    places = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2)[:50] * 8 + 4.0
    sizes = random.uniform(3, 7, (50, 2))
    scores = random.uniform(0.05, 0.95, (50, CLASSES))
    objectness = random.uniform(0.05, 0.95, (50, 1))
    corners = np.hstack([places - sizes / 2, places + sizes / 2])
    outputs = {
        "yolov8": [np.hstack([places, sizes, scores]).T],
        "yolov5": [np.hstack([places, sizes, objectness, scores])],
        "yolonas": [corners, scores],
        "yololite": [corners, _logit(objectness), _logit(scores)],
    }[family]
    decisive = {"yolov5": objectness[:, 0], "yololite": objectness[:, 0] * scores.max(axis=1)}
    reported = decisive["yololite"] if family == "yololite" else scores.max(axis=1)
    return (
        [output.astype(np.float32) for output in outputs],
        (corners, reported, scores.argmax(axis=1), decisive.get(family, scores.max(axis=1))),
    )


def _logit(share):
    return np.log(share / (1 - share))


@pytest.fixture
def load(make_package, document, runner_of):
    def load(family, *outputs, fused=False, **options):
        config = {**document(), "post_processing": {"type": "nms", "fused": fused}}
        folder, package = make_package(config, "a\nb\nc\n")
        runners = {"weights": runner_of(*outputs)}
        return GENERATIONS[family][0].from_pretrained(folder, package=package, runners=runners, **options)

    return load


@pytest.mark.parametrize("convert", ["numpy", "torch"])
@pytest.mark.parametrize("family", ["yolov8", "yolov5", "yolonas", "yololite"])
def test_raw_outputs(load, family, convert):
    outputs, (corners, scores, class_ids, decisive) = raw(family)
    model = load(family, *outputs)
    preprocessed = model.pre_process(PICTURE)
    batch = tuple(output[None] for output in outputs)
    if convert == "torch":
        torch = pytest.importorskip("torch")
        batch = tuple(torch.from_numpy(output) for output in batch)
    (result,) = model.post_process([batch], preprocessed, confidence=0.5)
    expected = np.flatnonzero(decisive > 0.5)
    expected = expected[np.argsort(-scores[expected])]
    assert 5 < len(expected) < 50
    np.testing.assert_allclose(result.xyxy, corners[expected], atol=1e-4)
    np.testing.assert_allclose(result.confidence, scores[expected], atol=1e-6)
    assert result.class_id.tolist() == class_ids[expected].tolist()


@pytest.mark.parametrize("family", ["yolov8", "yolov5", "yolonas", "yololite"])
def test_thresholds_per_class(load, family):
    from inference_models_core.types.packages import RecommendedParameters

    outputs, (_, _, class_ids, decisive) = raw(family)
    limits = {"a": 0.2, "b": 0.9, "c": 0.5}
    model = load(family, *outputs, recommended_parameters=RecommendedParameters(per_class_confidence=limits))
    (result,) = model(PICTURE, confidence="best")
    expected = decisive > np.array([*limits.values()])[class_ids]
    assert sorted(result.class_id.tolist()) == sorted(class_ids[expected].tolist())


ROWS = np.array([[1, 2, 11, 12, 0.25, 2], [3, 4, 13, 14, 0.5, 0], [1, 2, 11, 13, 0.75, 2]], np.float32)


@pytest.mark.parametrize(
    ("family", "at_threshold", "by_default"),
    [("yolov10", [0.75], [0.5, 0.75]), ("yolo26", [0.5, 0.75], [0.25, 0.5, 0.75]), ("yololite", [0.5, 0.75], None)],
)
def test_final_rows_keep_their_order(load, family, at_threshold, by_default):
    model = load(family, ROWS, fused=True)
    assert model(PICTURE, confidence=0.5)[0].confidence.tolist() == at_threshold
    (result,) = model(PICTURE)
    assert result.confidence.tolist() == (by_default or [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(result.xyxy, ROWS[-len(result) :, :4])  # nothing is suppressed


def test_the_most_boxes_of_final_rows(load):
    rows = np.tile(ROWS[2], (400, 1))
    assert len(load("yolov10", rows)(PICTURE)[0]) == 300
    assert len(load("yolo26", rows)(PICTURE)[0]) == 400
    assert len(load("yolo26", rows)(PICTURE, max_detections=7)[0]) == 7


@pytest.mark.parametrize("family", ["yolonas", "yololite"])
def test_a_graph_with_too_few_outputs(load, family):
    with pytest.raises(ModelOutputError, match=r"reads \d outputs, the graph gives 1"):
        load(family, raw(family)[0][0])(PICTURE)


@pytest.mark.parametrize("family", GENERATIONS)
def test_whatever_a_graph_gives(load, family):
    """A prediction with finite numbers, or a typed error."""
    random = np.random.default_rng(9)
    _, shapes = GENERATIONS[family]
    model = load(family, *(np.zeros(shape, np.float32) for shape in shapes))
    preprocessed = model.pre_process(PICTURE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(200):
            outputs = tuple(_spoiled(random, shape, number) for shape in shapes)
            try:
                (result,) = model.post_process([outputs], preprocessed, confidence=0.0)
            except ModelOutputError:
                continue
            assert np.isfinite(result.xyxy).all()
            assert not np.isnan(result.confidence).any()
            assert ((result.class_id >= 0) & (result.class_id < CLASSES)).all()


def _spoiled(random, shape, number):
    shape = list(shape)
    if number % 4 == 1:
        shape[random.integers(2)] = random.choice([0, 1, 5, 7, 1000])
    if number % 16 == 2:
        shape = shape[: random.integers(3)]
    output = random.normal(0, 10.0 ** random.integers(-3, 30), shape).astype(np.float32)
    output[random.random(shape) < 0.1] = random.choice([np.nan, np.inf, -np.inf, 3e38, 0])
    return output[None]

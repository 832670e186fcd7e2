"""Our average precision against pycocotools, which we did not write."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from average_precision import Boxes, average_precision, best_confidence

CLASSES = 4


def boxes(xyxy, classes, scores):
    return Boxes(
        xyxy=np.asarray(xyxy, float).reshape(-1, 4), classes=np.asarray(classes, int), scores=np.asarray(scores, float)
    )


def random_pictures(seed, pictures=25):
    """True boxes, and detections that are moved, renamed, doubled, missing or invented."""
    rng = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(pictures):
        count = int(rng.integers(0, 9))
        low = rng.uniform(0, 300, (count, 2))
        true = np.concatenate([low, low + rng.uniform(8, 120, (count, 2))], axis=1)
        classes = rng.integers(0, CLASSES, count)
        truths.append(boxes(true, classes, np.ones(count)))
        picked = rng.integers(0, count, count + 3) if count else np.zeros(0, int)
        found = true[picked] + rng.normal(0, 5, (len(picked), 4))
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        renamed = np.where(rng.random(len(picked)) < 0.2, rng.integers(0, CLASSES, len(picked)), classes[picked])
        detections.append(boxes(found, renamed, rng.random(len(picked))))
    return detections, truths


def coco_precision(detections, truths, threshold):
    """AP of each class as COCOeval measures it."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    entries = [
        {"image_id": picture, "category_id": int(class_id), "bbox": [x0, y0, x1 - x0, y1 - y0], "score": float(score)}
        for part in (truths, detections)
        for picture, found in enumerate(part)
        for (x0, y0, x1, y1), class_id, score in zip(found.xyxy.tolist(), found.classes, found.scores, strict=True)
    ]
    objects = sum(len(found.classes) for found in truths)
    annotations = [
        {**entry, "id": index + 1, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3]}
        for index, entry in enumerate(entries[:objects])
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": index} for index in range(len(truths))],
            "categories": [{"id": index, "name": str(index)} for index in range(CLASSES)],
            "annotations": annotations,
        }
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(entries[objects:]), "bbox")
        evaluation.params.iouThrs = np.array([threshold])
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][0, :, :, 0, -1].mean(axis=0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_equals_pycocotools(seed, threshold):
    detections, truths = random_pictures(seed)
    ours = average_precision(detections, truths, classes=CLASSES, threshold=threshold)
    assert ours == pytest.approx(coco_precision(detections, truths, threshold), abs=1e-6)


def test_a_second_detection_of_an_object_is_an_error():
    truth = [boxes([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], [1, 1])]
    found = [boxes([[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]], [0, 0, 0], [0.9, 0.8, 0.7])]
    precision = average_precision(found, truth, classes=1, threshold=0.5)[0]
    assert precision == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_a_class_without_objects_has_no_precision():
    found = [boxes([[0, 0, 10, 10]], [0], [0.9])]
    assert np.isnan(average_precision(found, [boxes([], [], [])], classes=1, threshold=0.5)[0])


def test_best_confidence_separates_hits_from_errors():
    truth = [boxes([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 1], [1, 1])]
    found = [boxes([[0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]], [0, 1, 0], [0.9, 0.6, 0.3])]
    confidence, f1 = best_confidence(found, truth, classes=2)
    assert (confidence, f1) == (0.6, 1.0)

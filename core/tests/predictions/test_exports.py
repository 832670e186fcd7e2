"""What other libraries make of our results."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
import supervision as sv
from inference_models_core.errors import InvalidRequestError
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def ground_truth(build, annotations):
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 5, "height": build.HEIGHT, "width": build.WIDTH}],
        "categories": [
            {"id": i, "name": str(i), "keypoints": ["nose", "tail"], "skeleton": []} for i in (0, 2, 7, 1, 3, 8)
        ],
        "annotations": annotations,
        "info": {},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    return truth


def loaded(build, results, annotations=()):
    with contextlib.redirect_stdout(io.StringIO()):
        return ground_truth(build, list(annotations)).loadRes(json.loads(json.dumps(results)))


def average_precision(build, results, annotations, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = ground_truth(build, annotations)
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.params.kpt_oks_sigmas = np.array([0.1, 0.1])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


def test_boxes_load_in_pycocotools(build):
    result = build.detections(3)
    annotations = loaded(build, result.to_coco(image_id=5)).loadAnns(ids=[1, 2, 3])
    assert annotations[0]["bbox"] == [20.25, 30.5, 60.5, 59.625]
    assert [a["category_id"] for a in annotations] == [0, 2, 7]
    assert [a["image_id"] for a in annotations] == [5, 5, 5]
    np.testing.assert_array_equal(np.float32([a["score"] for a in annotations]), result.confidence)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
def test_masks_load_in_pycocotools(build):
    result = build.instances(3)
    read = loaded(build, result.to_coco(image_id=5))
    for i, annotation in enumerate(read.loadAnns(ids=[1, 2, 3])):
        np.testing.assert_array_equal(read.annToMask(annotation).astype(bool), result.masks[i])


@pytest.mark.parametrize(
    ("kind", "maker"), [("bbox", "detections"), ("segm", "instances"), ("keypoints", "key_points")]
)
def test_evaluating_a_result_against_itself_is_perfect(build, kind, maker):
    result = getattr(build, maker)(2)
    results = result.to_coco(image_id=5)
    truth = [
        {**entry, "id": i, "iscrowd": 0, "area": 2500.0, "num_keypoints": 2} for i, entry in enumerate(results, start=1)
    ]
    assert average_precision(build, results, truth, kind) == pytest.approx(1)
    wrong = [{**entry, "category_id": 8} for entry in results]
    assert average_precision(build, wrong, truth, kind) < 0.1


def test_key_point_triplets(build):
    points = [entry["keypoints"] for entry in build.key_points(3).to_coco(image_id=5)]
    assert points[0] == [30, 40, 2, 50, 60, 2]
    assert points[1] == [120, 20, 2, 150, 40, 0]


@pytest.mark.parametrize("categories", [{0: 1, 2: 3, 7: 8}, [1, 2, 3, 4, 5, 6, 7, 8]])
def test_category_ids_are_mapped(build, categories):
    entries = build.detections(3).to_coco(image_id="a", category_ids=categories)
    assert [entry["category_id"] for entry in entries] == [1, 3, 8]


@pytest.mark.parametrize("categories", [{0: 1}, [1, 2]])
def test_missing_category_is_a_typed_error(build, categories):
    with pytest.raises(InvalidRequestError, match="class id"):
        build.detections(3).to_coco(image_id=1, category_ids=categories)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
def test_segmentation_as_coco_stuff(build):
    result = build.segmentation()
    read = loaded(build, result.to_coco(image_id=5))
    for class_id, annotation in zip(result.class_id, read.loadAnns(ids=[1, 2, 3]), strict=True):
        assert annotation["category_id"] == class_id
        np.testing.assert_array_equal(read.annToMask(annotation), result.segmentation_map == class_id)


@pytest.mark.parametrize("maker", ["detections", "instances", "key_points"])
def test_empty_results_export(build, maker):
    result = getattr(build, maker)(0)
    assert result.to_coco(image_id=1) == []
    assert len(result.to_supervision()) == 0


def test_supervision_detections(build):
    data = {"speed": np.array([1.0, 2.0, 3.0])}
    result = build.detections(3, tracker_id=[7, 8, 9], data=data)
    expected = sv.Detections(
        xyxy=result.xyxy,
        class_id=np.array([0, 2, 7]),
        confidence=np.array([0.9, 0.25, 0.5], np.float32),
        tracker_id=np.array([7, 8, 9]),
        data={"class_name": np.array(["cat", "Grüße 猫", "class_7"]), "speed": np.array([1.0, 2.0, 3.0])},
    )
    assert result.to_supervision() == expected
    assert isinstance(result.to_supervision(), sv.Detections)


def test_supervision_masks(build):
    result = build.instances(3)
    converted = result.to_supervision()
    np.testing.assert_array_equal(converted.mask, result.masks.dense())
    assert converted.data["class_name"].tolist() == result.class_name.tolist()
    kept = converted[converted.confidence > 0.3]
    assert len(kept) == 2


def test_supervision_key_points(build):
    result = build.key_points(3)
    converted = result.to_supervision()
    assert isinstance(converted, sv.KeyPoints)
    np.testing.assert_array_equal(converted.xy, result.key_points)
    np.testing.assert_array_equal(converted.keypoint_confidence, result.key_points_confidence)
    np.testing.assert_array_equal(converted.detection_confidence, result.confidence)
    np.testing.assert_array_equal(converted.visible, [[True, True], [True, False], [True, True]])
    assert converted.data["class_name"].tolist() == result.class_name.tolist()


def test_supervision_classifications(build):
    single = build.classification().to_supervision()
    assert single.get_top_k(1)[0].tolist() == [1]
    labels = build.multi_label().to_supervision()
    assert labels.class_id.tolist() == [0, 2]
    np.testing.assert_array_equal(labels.confidence, np.float32([0.9, 0.8]))


def test_the_only_picture_needs_no_id(build):
    assert {entry["image_id"] for entry in build.detections(2).to_coco()} == {0}

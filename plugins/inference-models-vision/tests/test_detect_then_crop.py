"""The pipeline: windows, crops in the right colours, results beside their detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions.detections import Detections
from inference_models_core.predictions.image_source import ImageSource
from inference_models_vision.pipelines.detect_then_crop import DetectThenCrop, crop_windows


def detections(picture, boxes):
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Detections(
        xyxy=boxes, class_id=np.zeros(len(boxes), np.int64), confidence=np.ones(len(boxes), np.float32),
        class_names=("thing",), image=ImageSource(reference=picture, size=picture.shape[:2]),
    )  # fmt: skip


class Mean:
    def to_dict(self):
        return {"mean": self.value}

    def __init__(self, value):
        self.value = value


def second(crops):
    second.seen = crops
    return [Mean(crop.reshape(-1, 3).mean(axis=0).tolist()) for crop in crops]


boxes = st.tuples(st.floats(-5, 60), st.floats(-5, 60), st.floats(0, 40), st.floats(0, 40))


@given(st.lists(boxes, min_size=1, max_size=5), st.floats(0, 1))
def test_windows_contain_their_boxes_and_lie_in_the_picture(found, margin):
    height, width = 48, 64
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in found], np.float32)
    xyxy = np.clip(xyxy, 0, [width, height, width, height]).astype(np.float32)
    windows = crop_windows(xyxy, (height, width), margin)
    assert (windows[:, :2] >= 0).all()
    assert (windows[:, 2:] <= [width, height]).all()
    assert (windows[:, 2:] > windows[:, :2]).all()
    assert (windows[:, :2] <= np.maximum(xyxy[:, :2], 0)).all()
    assert (windows[:, 2:] >= xyxy[:, 2:]).all()


def test_each_crop_goes_to_the_second_model_in_bgr_and_back_to_its_detection():
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[2:6, 3:9] = (200, 100, 50)  # BGR
    picture[10:18, 20:28] = (10, 20, 30)
    empty = np.zeros((5, 5, 3), np.uint8)
    found = {id(picture): [[3, 2, 9, 6], [20, 10, 28, 18]], id(empty): []}
    pipeline = DetectThenCrop.with_models(
        [lambda images: [detections(image, found[id(image)]) for image in images], second], margin=0
    )
    first, nothing = pipeline([picture, empty])
    assert [crop.value for crop in first.crops] == [[200, 100, 50], [10, 20, 30]]
    assert first.offsets.tolist() == [[3, 2], [20, 10]]
    assert [crop.shape for crop in second.seen] == [(4, 6, 3), (8, 8, 3)]
    assert (len(nothing), nothing.offsets.shape) == (0, (0, 2))
    assert [detection.class_name for detection, _ in first] == ["thing", "thing"]
    assert first.to_dict()["crops"] == [{"mean": [200.0, 100.0, 50.0]}, {"mean": [10.0, 20.0, 30.0]}]


@pytest.mark.parametrize(("models", "margin"), [([second], 0.1), ([second] * 3, 0.1), ([second] * 2, -1)])
def test_what_the_pipeline_does_not_take(models, margin):
    with pytest.raises(InvalidRequestError):
        DetectThenCrop.with_models(models, margin=margin)

"""The metadata of Ultralytics exports as JSON makes values of it; the inspector of ONNX files tests it as texts."""

from __future__ import annotations

import pytest
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.exporters.ultralytics import read_batch, read_ultralytics
from inference_models_core.types.backends import BatchSupport

EXPORT = {
    "description": "Ultralytics YOLOv8n model trained on coco.yaml",
    "author": "Ultralytics",
    "version": "8.3.40",
    "task": "detect",
    "stride": 32,
    "batch": 2,
    "imgsz": [64, 48],
    "names": {"0": "cat", "1": "dog"},
    "args": {"nms": True, "conf": 0.25, "dynamic": False},
}


def test_every_field():
    facts = read_ultralytics(EXPORT, None, "weights")
    assert (facts["architecture"], facts["task"]) == ("yolov8", "object-detection")
    assert facts["class_names"] == ("cat", "dog")
    assert facts["input_size"] == (64, 48)
    assert facts["features"] == {"nms_fused": {"confidence_threshold": 0.25}}
    assert facts["origin"] == "ultralytics 8.3.40"


@pytest.mark.parametrize("author", [None, "somebody", 7, ["Ultralytics"]])
def test_what_somebody_else_wrote(author):
    assert read_ultralytics({**EXPORT, "author": author}, None, "weights") is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, BatchSupport(static=2)),
        ({"batch": None}, BatchSupport(static=1)),
        ({"batch": "4"}, BatchSupport(static=4)),
        ({"args": {"dynamic": True}}, BatchSupport()),
        ({"args": {"dynamic": True, "nms": True}, "batch": 4}, BatchSupport(maximum=4)),
        ({"args": {"dynamic": True, "nms": True}, "batch": None}, BatchSupport(maximum=1)),
    ],
)
def test_batch(change, expected):
    assert read_batch({**EXPORT, **change}, "weights") == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [("names", {"0": 1}), ("names", {"1": "a"}), ("names", 3), ("imgsz", [1]), ("imgsz", {}), ("args", [])],
)
def test_damage_names_the_file_and_the_key(key, value):
    with pytest.raises(MalformedDocumentError, match=f"weights.*{key}"):
        read_ultralytics({**EXPORT, key: value}, None, "weights")


def test_a_damaged_batch():
    with pytest.raises(MalformedDocumentError, match=r"weights.*batch"):
        read_batch({**EXPORT, "batch": 0}, "weights")


@pytest.mark.parametrize(("family", "head"), [("YOLO26n", "yolo26"), ("YOLOv10n", "yolov10"), ("YOLO11n", "yolov11")])
@pytest.mark.parametrize(("said", "raw"), [({}, False), ({"end2end": "True"}, False), ({"end2end": "False"}, True)])
def test_exports_without_the_head_that_needs_no_suppression(family, head, said, raw):
    metadata = {**EXPORT, "description": f"Ultralytics {family} model", **said}
    ends = head in ("yolo26", "yolov10")
    assert read_ultralytics(metadata, None, "weights")["architecture"] == ("yolov8" if raw and ends else head)
    assert read_ultralytics({**metadata, "task": "classify"}, None, "weights")["architecture"] == head


def test_a_damaged_word_on_the_head_is_refused():
    metadata = {**EXPORT, "description": "Ultralytics YOLO26n model", "end2end": "perhaps"}
    with pytest.raises(MalformedDocumentError, match="end2end"):
        read_ultralytics(metadata, None, "weights")

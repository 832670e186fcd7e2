"""What a single file says: graph facts, and the metadata of Ultralytics exports."""

from __future__ import annotations

import numpy as np
import pytest
from inference_models_core.errors import MalformedDocumentError, PackageError
from inference_models_core.exporters.ultralytics import architecture
from inference_models_core.types.backends import BatchSupport
from inference_models_onnx.inspector import inspect_file
from inference_models_onnx.manifest import OnnxRequirements
from onnx import TensorProto, helper, numpy_helper

EXPORT = {
    "description": "Ultralytics YOLOv8n model trained on coco.yaml",
    "author": "Ultralytics",
    "date": "2025-01-01T00:00:00",
    "version": "8.3.40",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "stride": "32",
    "task": "detect",
    "batch": "1",
    "imgsz": "[64, 48]",
    "names": "{0: 'person', 1: 'traffic light', 2: \"man's hat\", 3: 'Ä'}",
    "args": "{'batch': 1, 'half': False, 'dynamic': False, 'simplify': True, 'opset': 17, 'nms': False}",
}


def test_an_ultralytics_detector(graphs, save):
    facts = inspect_file(save(graphs.convolution(metadata=EXPORT)))
    assert facts.details.backend == "onnx"
    assert facts.details.quantization == "fp32"
    assert facts.details.batch == BatchSupport(static=1)
    assert facts.details.requirements == OnnxRequirements(opset=17, ir_version=8)
    assert (facts.architecture, facts.task) == ("yolov8", "object-detection")
    assert facts.class_names == ("person", "traffic light", "man's hat", "Ä")
    assert facts.input_size == (64, 48)
    assert facts.features == {}
    assert facts.origin == "ultralytics 8.3.40"
    assert facts.preprocessing == {
        "network_input": {
            "training_input_size": {"height": 64, "width": 48},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": 114,
            "input_channels": 3,
            "scaling_factor": 255,
            "normalization": None,
            "rounding": "ultralytics",
        }
    }


def test_a_dynamic_export_takes_its_size_from_the_metadata(graphs, save):
    made = graphs.convolution("batch", ("height", "width"), metadata={**EXPORT, "imgsz": "[320, 640]"})
    facts = inspect_file(save(made))
    assert facts.input_size == (320, 640)
    assert facts.details.batch == BatchSupport()
    network = facts.preprocessing["network_input"]
    assert network["training_input_size"] == {"height": 320, "width": 640}
    assert network["dynamic_spatial_size_supported"] is True
    assert network["dynamic_spatial_size_mode"] == {"type": "pad-to-be-divisible", "value": 32}


def test_a_dynamic_export_suppresses_boxes_of_as_many_pictures_as_it_was_exported_with(graphs, save):
    said = {**EXPORT, "batch": "4", "args": "{'dynamic': True, 'nms': True}"}
    assert inspect_file(save(graphs.convolution("batch", metadata=said))).details.batch == BatchSupport(maximum=4)
    assert inspect_file(save(graphs.convolution(2, metadata=said))).details.batch == BatchSupport(static=2)


def test_the_graph_wins_over_the_metadata(graphs, save):
    facts = inspect_file(save(graphs.convolution(metadata={**EXPORT, "imgsz": "640"})))
    assert facts.input_size == (64, 48)


def test_fused_non_maximum_suppression(graphs, save):
    arguments = "{'nms': True, 'conf': 0.25, 'iou': 0.7, 'max_det': 300, 'agnostic_nms': False}"
    facts = inspect_file(save(graphs.convolution(metadata={**EXPORT, "args": arguments})))
    assert facts.features == {
        "nms_fused": {
            "confidence_threshold": 0.25,
            "iou_threshold": 0.7,
            "max_detections": 300,
            "class_agnostic": False,
        }
    }
    bare = inspect_file(save(graphs.convolution(metadata={**EXPORT, "args": "{'nms': True}"})))
    assert bare.features == {"nms_fused": {}}


@pytest.mark.parametrize(
    ("task", "expected", "letterboxed"),
    [
        ("segment", "instance-segmentation", True),
        ("pose", "keypoint-detection", True),
        ("classify", "classification", False),
        ("something-new", None, False),
    ],
)
def test_tasks(graphs, save, task, expected, letterboxed):
    facts = inspect_file(save(graphs.convolution(metadata={**EXPORT, "task": task})))
    assert facts.task == expected
    assert (facts.preprocessing is not None) == letterboxed


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Ultralytics YOLOv8n model trained on coco.yaml", "yolov8"),
        ("Ultralytics YOLOv8x-seg model ", "yolov8"),
        ("Ultralytics YOLO11n model trained on /data/my.yaml", "yolov11"),
        ("Ultralytics YOLO12m model", "yolov12"),
        ("Ultralytics YOLO26s-pose model", "yolo26"),
        ("Ultralytics YOLOv10b model", "yolov10"),
        ("Ultralytics YOLOv5nu model", "yolov8"),
        ("Ultralytics YOLOv9c model", "yolov9"),
        ("Ultralytics best model", None),
        ("Ultralytics RTDETR-l model", None),
        ("Ultralytics YOLO99 model", None),
        ("", None),
    ],
)
def test_architectures(description, expected):
    assert architecture(description) == expected


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("names", "{0: 'a', 2: 'b'}"),
        ("names", "{'first': 'a'}"),
        ("names", "{0: 1}"),
        ("names", "{}"),
        ("names", "__import__('os').system('true')"),
        ("names", "{0: 'a'"),
        ("names", "(" * 2_000 + ")" * 2_000),
        ("names", "[" * 100_000),
        ("names", "{0: '" + "a" * 300_000 + "'}"),
        ("imgsz", "[640]"),
        ("imgsz", "[640, 'b']"),
        ("imgsz", "[-1, 640]"),
        ("imgsz", "True"),
        ("stride", "0"),
        ("args", "[1]"),
    ],
)
def test_damaged_metadata_names_the_file_and_the_key(graphs, save, key, text):
    made = graphs.convolution("batch", ("height", "width"), metadata={**EXPORT, key: text})
    with pytest.raises(MalformedDocumentError) as caught:
        inspect_file(save(made, "yolov8n.onnx"))
    assert "yolov8n.onnx" in caught.value.message
    assert repr(key) in caught.value.message


def test_missing_metadata_is_nothing_said(graphs, save):
    facts = inspect_file(save(graphs.convolution("n", ("h", "w"), metadata={"author": "Ultralytics"})))
    assert (facts.architecture, facts.task, facts.class_names, facts.input_size) == (None, None, None, None)
    assert facts.preprocessing is None
    assert facts.origin == "ultralytics"


def test_names_as_a_list(graphs, save):
    facts = inspect_file(save(graphs.convolution(metadata={**EXPORT, "names": "['cat', 'dog']"})))
    assert facts.class_names == ("cat", "dog")


def test_a_file_of_another_exporter_says_what_its_graph_says(graphs, save):
    facts = inspect_file(save(graphs.convolution(4, (32, 96), metadata={"names": "{0: 'a'}", "task": "detect"})))
    assert (facts.architecture, facts.task, facts.class_names, facts.preprocessing) == (None, None, None, None)
    assert facts.input_size == (32, 96)
    assert facts.details.batch == BatchSupport(static=4)
    assert facts.origin == "tests 1"


def image_model(graphs, shape, output=("n", 4), dtype=TensorProto.FLOAT, weights=np.float32):
    node = helper.make_node("Mystery", ["x", "w"], ["y"])
    tensor = numpy_helper.from_array(np.zeros((5, 5), weights), "w")
    return graphs.model([node], [graphs.value("x", shape, dtype)], [graphs.value("y", output)], [tensor])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (("n", 3, 480, 640), (480, 640)),
        (("n", 480, 640, 3), (480, 640)),
        (("n", 1, 28, 28), (28, 28)),
        ((1, "c", 480, 640), (480, 640)),
        (("n", 3, 480, "w"), None),
        (("n", 3, 0, 640), None),
        (("n", 10), None),
        ((), None),
    ],
)
def test_input_size(graphs, save, shape, expected):
    assert inspect_file(save(image_model(graphs, shape))).input_size == expected


@pytest.mark.parametrize(
    ("shape", "output", "expected"),
    [
        (("n", 3), ("n", 4), BatchSupport()),
        ((None, 3), ("n", 4), BatchSupport()),
        ((8, 3), (8, 4), BatchSupport(static=8)),
        (("n", 3), (1, 4), BatchSupport(static=1)),  # the exporter fixed the output: the graph takes one picture
        (("n", 3), (300, 6), BatchSupport()),  # detections, not pictures
        ((-1, 3), ("n", 4), BatchSupport(known=False)),
        ((0, 3), ("n", 4), BatchSupport(known=False)),
        ((), ("n", 4), BatchSupport(known=False)),
    ],
)
def test_batch(graphs, save, shape, output, expected):
    assert inspect_file(save(image_model(graphs, shape, output))).details.batch == expected


@pytest.mark.parametrize(
    ("weights", "dtype", "expected"),
    [
        (np.float32, TensorProto.FLOAT16, "fp32"),  # weights count, not the input
        (np.float16, TensorProto.FLOAT, "fp16"),
        (np.int8, TensorProto.FLOAT, "int8"),
        (np.uint8, TensorProto.FLOAT, "int8"),
        (np.int64, TensorProto.FLOAT16, "fp16"),  # no weights: the input
        (np.int64, TensorProto.UINT8, None),
    ],
)
def test_precision(graphs, save, weights, dtype, expected):
    made = image_model(graphs, ("n", 3), dtype=dtype, weights=weights)
    assert inspect_file(save(made)).details.quantization == expected


def test_bfloat16(graphs, save):
    made = image_model(graphs, ("n", 3))
    made.graph.initializer[0].data_type = TensorProto.BFLOAT16
    assert inspect_file(save(made)).details.quantization == "bf16"


def test_a_damaged_file_is_a_package_error(graphs, save):
    with pytest.raises(PackageError, match="truncated"):
        inspect_file(save(graphs.convolution().SerializeToString()[:200]))

"""Key points and gaze through the whole house: a folder with an ONNX graph, one model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from inference_models_core import AutoModel
from inference_models_core.errors import MalformedDocumentError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZE = 64
INPUT = {
    "training_input_size": {"height": SIZE, "width": SIZE},
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "stretch",
    "input_channels": 3,
    "scaling_factor": 255,
}
KEY_POINTS = [
    {"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]},
    {"object_class_id": 1, "keypoints": {"0": "beak"}, "edges": []},
]
RAW = np.array([[20, 30, 10, 10, 0.9, 0.1, 10, 30, 0.8, 25, 33, 0.2], [50, 30, 8, 8, 0.1, 0.7, 50, 28, 0.6, 9, 9, 0.9]])
ROWS = np.array([[15, 25, 25, 35, 0.9, 0, 10, 30, 0.8, 25, 33, 0.2], [46, 26, 54, 34, 0.7, 1, 50, 28, 0.6, 9, 9, 0.9]])
BRIGHTNESS_MOVES = 6
"""The x of the first key point, in both layouts: by 20 network pixels from black to white."""


def saved(path, nodes, outputs, constants, size=SIZE):
    helper, types = onnx.helper, onnx.TensorProto
    given = helper.make_tensor_value_info("images", types.FLOAT, ("n", 3, size, size))
    found = [helper.make_tensor_value_info(name, types.FLOAT, shape) for name, shape in outputs]
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [given], found, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


def save_pose(path, architecture):
    """Two objects wherever one looks, the first key point of each by how bright the picture is."""
    numbers = ROWS if architecture == "yolo26" else RAW
    moved = np.zeros_like(numbers)
    moved[:, BRIGHTNESS_MOVES] = 20
    if architecture != "yolo26":
        numbers, moved = numbers.T, moved.T
    constants = {
        "still": numbers[None].astype(np.float32),
        "moved": moved[None].astype(np.float32),
        "shape": np.array([-1, 1, 1], np.int64),
    }
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Reshape", ["mean", "shape"], ["brightness"]),
        node("Mul", ["brightness", "moved"], ["by"]),
        node("Add", ["by", "still"], ["output0"]),
    ]
    saved(path, nodes, [("output0", ("n", *numbers.shape))], constants)


@pytest.fixture
def pose(tmp_path):
    def pose(architecture, key_points=KEY_POINTS):
        config = {"model_architecture": architecture, "task_type": "keypoint-detection", "backend_type": "onnx"}
        fused = architecture == "yolo26"
        inference = {"network_input": INPUT, "post_processing": {"type": "nms", "fused": fused}}
        documents = {"model_config": config, "inference_config": inference, "keypoints_metadata": key_points}
        for name, document in documents.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(document))
        (tmp_path / "class_names.txt").write_text("cat\nbird\n")
        save_pose(tmp_path / "weights.onnx", architecture)
        return tmp_path

    return pose


@pytest.mark.parametrize("architecture", ["yolov8", "yolov11", "yolo26"])
def test_key_points(pose, architecture):
    with AutoModel.from_pretrained(pose(architecture), device="cpu") as model:
        dark, bright = model([np.zeros((128, 64, 3), np.uint8), np.full((32, 64, 3), 255, np.uint8)])
    second = 0 if architecture == "yolo26" else 0.2  # below YOLO26's threshold
    for result, moved, scale in ((dark, 0, 2), (bright, 20, 0.5)):
        assert result.class_name.tolist() == ["cat", "bird"]
        np.testing.assert_allclose(result.xyxy[0], [15, 25 * scale, 25, 35 * scale], atol=1e-4)
        np.testing.assert_allclose(result.key_points_confidence, [[0.8, second], [0.6, 0]], atol=1e-6)
        np.testing.assert_allclose(result.key_points[0, 0], [10 + moved, 30 * scale], atol=1e-4)
        np.testing.assert_allclose(result.key_points[1, 0], [min(50 + moved, 64), 28 * scale], atol=1e-4)
        assert [row.key_point_names for row in result] == [("nose", "tail"), ("beak",)]
        assert result.skeletons == (((0, 1),), ())


def test_a_package_that_does_not_say_which_key_points(pose):
    with pytest.raises(MalformedDocumentError, match="bird"):
        AutoModel.from_pretrained(pose("yolov8", KEY_POINTS[:1]), device="cpu")


def test_a_single_file_of_ultralytics(tmp_path):
    path = tmp_path / "pose.onnx"
    save_pose(path, "yolov11")
    model = onnx.load(path)
    said = {
        "author": "Ultralytics",
        "description": "Ultralytics YOLO11n-pose model",
        "task": "pose",
        "names": "{0: 'cat', 1: 'bird'}",
        "imgsz": f"[{SIZE}, {SIZE}]",
    }
    onnx.helper.set_model_props(model, said)
    onnx.save(model, path)
    (result,) = AutoModel.from_pretrained(path, device="cpu")(np.zeros((SIZE, SIZE, 3), np.uint8))
    assert result.key_point_names == (("point_0", "point_1"),) * 2
    np.testing.assert_allclose(result.key_points, RAW.reshape(2, 4, 3)[:, 2:, :2], atol=1e-4)
    np.testing.assert_allclose(result.key_points_confidence, RAW[:, [8, 11]], atol=1e-6)


def test_eight_threads_give_the_answers_of_one(pose):
    model = AutoModel.from_pretrained(pose("yolov8"), device="cpu")
    pictures = [np.full((40, 50, 3), i * 30, np.uint8) for i in range(8)]

    def points(i):
        return model(pictures[i])[0].key_points

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(points, list(range(8)) * 5))
    np.testing.assert_array_equal(together, [points(i) for i in list(range(8)) * 5])
    assert len({found[0, 0, 0] for found in together}) == 8


def test_gaze(tmp_path):
    config = {"model_architecture": "l2cs-net", "task_type": "gaze-detection", "backend_type": "onnx"}
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        node("Gather", ["means", "red"], ["output_yaw"], axis=1),
        node("Gather", ["means", "blue"], ["output_pitch"], axis=1),
    ]
    constants = {"red": np.array(0), "blue": np.array(2)}
    outputs = [("output_yaw", ("n",)), ("output_pitch", ("n",))]
    saved(tmp_path / "weights.onnx", nodes, outputs, constants, size=448)
    faces = np.zeros((3, 20, 30, 3), np.uint8)
    faces[..., 0], faces[..., 2] = np.array([100, 124, 200])[:, None, None], 140
    with AutoModel.from_pretrained(tmp_path, device="cpu") as model:
        results = model(list(faces), input_color_format="rgb")
    yaws = [result.yaw[0] for result in results]
    np.testing.assert_allclose(yaws, (np.array([100, 124, 200]) / 255 - 0.485) / 0.229, atol=1e-3)
    for result in results:
        np.testing.assert_allclose(result.pitch, [(140 / 255 - 0.406) / 0.225], atol=1e-3)
        assert result.xyxy.tolist() == [[0, 0, 30, 20]]

"""Classification, semantic segmentation and depth through the whole house: a folder with an ONNX graph, one model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from inference_models_core import AutoModel

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZE = 64
STRIDE = 4
COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)
"""Red, green and blue, RGB."""
NAMES = ("background", "green", "blue")
NORMALIZED = ("deep-lab-v3-plus", "rfdetr", "vit", "resnet", "dinov3_probe")


def save_colours(path, task, *, size=SIZE):
    """A graph that knows the three colours by the differences between channels.

    Per picture for classification, per block of 4 x 4 pixels for maps; depth is twice the green.
    """
    helper, types, node = onnx.helper, onnx.TensorProto, onnx.helper.make_node
    pools = task in ("classification", "multi-label-classification")
    weights = 8 * (3 * np.eye(3) - 1)
    if task == "depth-estimation":
        weights = np.array([[0, 2, 0]])
    window = 1 if pools else STRIDE
    kernel = np.repeat(np.repeat(weights[:, :, None, None], window, 2), window, 3) / window**2
    nodes = [node("Conv", ["images", "kernel"], ["map"], strides=[window] * 2)]
    shape = ("n", len(weights), size // window, size // window)
    if pools:
        nodes.append(node("ReduceMean", ["map"], ["scores"], axes=[2, 3], keepdims=0))
        shape = ("n", 3)
    given = helper.make_tensor_value_info("images", types.FLOAT, ("n", 3, size, size))
    found = helper.make_tensor_value_info("scores" if pools else "map", types.FLOAT, shape)
    kernel = onnx.numpy_helper.from_array(kernel.astype(np.float32), "kernel")
    graph = helper.make_graph(nodes, "graph", [given], [found], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


@pytest.fixture
def package(tmp_path):
    def package(architecture, task, names=NAMES, adjustments=None, post_processing=None, **network):
        config = {"model_architecture": architecture, "task_type": task, "backend_type": "onnx"}
        if architecture in NORMALIZED:
            network["normalization"] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
        given = {
            "training_input_size": {"height": SIZE, "width": SIZE},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "stretch",
            "input_channels": 3,
            "scaling_factor": 255,
            **network,
        }
        inference = {
            "network_input": given,
            "image_pre_processing": adjustments or {},
            "post_processing": post_processing,
        }
        for name, document in {"model_config": config, "inference_config": inference}.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(document))
        if task != "depth-estimation":
            (tmp_path / "class_names.txt").write_text("\n".join(names))
        save_colours(tmp_path / "weights.onnx", task)
        return tmp_path

    return package


def logits_of(colour):
    """What the graph says of a picture of one colour, where nothing normalises it."""
    levels = colour / 255
    return 8 * (3 * levels - levels.sum())


def flag(height, width):
    """Red, green and blue side by side, RGB, and which is where."""
    ids = np.repeat(np.arange(3), width // 3)
    return np.broadcast_to(COLOURS[ids], (height, len(ids), 3)).copy(), np.broadcast_to(ids, (height, len(ids)))


@pytest.mark.parametrize("architecture", ["yolov8", "yolov11", "yolo26", "vit", "resnet", "dinov3_probe"])
def test_classification(package, architecture):
    path = package(architecture, "classification", post_processing={"type": "softmax", "fused": False})
    pictures = [np.full((40, 20 + 30 * i, 3), colour) for i, colour in enumerate(COLOURS)]
    with AutoModel.from_pretrained(path, device="cpu") as model:
        results = model(pictures, input_color_format="rgb")
    assert [result.class_name for result in results] == list(NAMES)
    if architecture.startswith("yolo"):
        logits = logits_of(COLOURS[0])
        np.testing.assert_allclose(results[0].confidence, np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


@pytest.mark.parametrize("architecture", ["vit", "resnet", "dinov3_probe"])
def test_multi_label_classification(package, architecture):
    path = package(architecture, "multi-label-classification", post_processing={"type": "sigmoid", "fused": False})
    pictures = [np.full((40, 50, 3), colour, np.uint8) for colour in ([200, 200, 30], [30, 30, 200])]
    with AutoModel.from_pretrained(path, device="cpu") as model:
        results = model(pictures, input_color_format="rgb")
    assert [result.class_name.tolist() for result in results] == [["background", "green"], ["blue"]]


@pytest.mark.parametrize("architecture", ["deep-lab-v3-plus", "yolo26", "rfdetr"])
@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_semantic_segmentation(package, architecture, mode):
    path = package(architecture, "semantic-segmentation", resize_mode=mode)
    sizes = [(90, 120), (64, 300), (200, 66)]
    pictures, expected = zip(*(flag(*size) for size in sizes), strict=True)
    with AutoModel.from_pretrained(path, device="cpu") as model:
        results = model(list(pictures), input_color_format="rgb")
    for ids, result in zip(expected, results, strict=True):
        assert result.segmentation_map.shape == result.confidence.shape == ids.shape
        width = ids.shape[1]
        middles = np.concatenate([np.arange(width)[width * i // 9 : width * (i + 1) // 9] for i in (1, 4, 7)])
        np.testing.assert_array_equal(result.segmentation_map[:, middles], ids[:, middles])
        assert result.confidence.min() > 0.25
        assert result.class_name.tolist() == list(NAMES)
        assert result.background_id == 0


def test_a_crop_of_the_picture(package):
    crop = {"static-crop": {"enabled": True, "x_min": 0, "x_max": 50, "y_min": 25, "y_max": 100}}
    path = package("yolo26", "semantic-segmentation", adjustments=crop)
    with AutoModel.from_pretrained(path, device="cpu") as model:
        (result,) = model(np.full((80, 60, 3), COLOURS[2]), input_color_format="rgb")
    expected = np.zeros((80, 60), int)
    expected[20:, :30] = 2
    np.testing.assert_array_equal(result.segmentation_map, expected)


def test_depth(package):
    path = package("yolo26", "depth-estimation")
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[..., 1] = np.linspace(0, 255, 128)
    with AutoModel.from_pretrained(path, device="cpu") as model:
        (result,) = model(picture, input_color_format="rgb")
    assert result.depth.shape == (96, 128)
    assert np.abs(result.depth[:, 8:-8] - picture[:, 8:-8, 1] / 127.5).max() < 0.02
    assert result.unit == "metre"


def test_eight_threads_give_the_answers_of_one(package):
    model = AutoModel.from_pretrained(package("rfdetr", "semantic-segmentation"), device="cpu")
    pictures = [np.roll(flag(60, 90)[0], 9 * i, axis=1) for i in range(8)]

    def classes(i):
        return model(pictures[i], input_color_format="rgb")[0].segmentation_map

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(classes, list(range(8)) * 5))
    np.testing.assert_array_equal(together, [classes(i) for i in list(range(8)) * 5])
    assert len({found.tobytes() for found in together}) == 8


def say_ultralytics(model, task, **more):
    """Writes what an exporter of Ultralytics writes into its files."""
    said = {"author": "Ultralytics", "description": f"Ultralytics YOLO26n-{task} model", "task": task}
    onnx.helper.set_model_props(model, {**said, "imgsz": f"[{SIZE}, {SIZE}]", **more})


def test_a_single_file_for_classes(tmp_path):
    """Its softmax is in the graph, and it sees the middle of the picture."""
    path = tmp_path / "cls.onnx"
    save_colours(path, "classification")
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("Softmax", ["scores"], ["output0"], axis=-1))
    model.graph.output[0].name = "output0"
    say_ultralytics(model, "classify", names="{0: 'red', 1: 'green', 2: 'blue'}")
    onnx.save(model, path)
    (result,) = AutoModel.from_pretrained(path, device="cpu")(flag(50, 150)[0], input_color_format="rgb")
    assert result.class_name == "green"
    logits = logits_of(COLOURS[1])
    np.testing.assert_allclose(result.confidence, np.exp(logits) / np.exp(logits).sum(), atol=1e-3)


@pytest.mark.parametrize(("task", "expected"), [("semantic", 1), ("depth", 2)])
def test_a_single_file_for_maps(tmp_path, task, expected):
    """It sees the picture in a grey letterbox; class 0 of its own is class 1 here, after the background."""
    path = tmp_path / "map.onnx"
    save_colours(path, "depth-estimation")
    model = onnx.load(path)
    say_ultralytics(model, task, names="{0: 'thing'}")
    onnx.save(model, path)
    (result,) = AutoModel.from_pretrained(path, device="cpu")(np.full((40, 100, 3), 255, np.uint8))
    found = result.segmentation_map if task == "semantic" else result.depth
    np.testing.assert_allclose(found[3:-3, :], np.full((34, 100), expected), atol=1e-4)

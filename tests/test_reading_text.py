"""Text through the whole house: two folders with ONNX graphs, one pipeline, pictures in and what they say out."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from inference_models_core import AutoModel, AutoModelPipeline, LoadOptions
from inference_models_core.errors import InvalidRequestError, MalformedDocumentError, PackageFileMissingError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("pyclipper")
pytest.importorskip("yaml")

LETTER = 64
"""Columns of a letter: two steps of the reader."""
LEVELS = {"a": 255, "b": 200}
DETECTOR = "PostProcess: {unclip_ratio: 0}"
READER = "PostProcess: {character_dict: [a, b]}"


def saved(path, nodes, shapes, constants):
    helper, types = onnx.helper, onnx.TensorProto
    given = helper.make_tensor_value_info("x", types.FLOAT, shapes[0])
    found = helper.make_tensor_value_info("y", types.FLOAT, shapes[1])
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = [helper.make_node(kind, given.split(), given_to.split(), **rest) for kind, given, given_to, rest in nodes]
    model = helper.make_model(
        helper.make_graph(made, "graph", [given], [found], tensors), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.save(model, path)


def save_detector(path):
    """What is bright is text."""
    constants = {"by": np.float32(1 / 4.5), "from": np.float32(0.45), "low": np.float32(0), "high": np.float32(1)}
    nodes = [
        ("ReduceMean", "x", "mean", {"axes": [1], "keepdims": 1}),
        ("Mul", "mean by", "scaled", {}),
        ("Add", "scaled from", "moved", {}),
        ("Clip", "moved low high", "y", {}),
    ]
    saved(path, nodes, (("n", 3, "h", "w"), ("n", 1, "h", "w")), constants)


def save_reader(path):
    """A step for each 32 columns: white is ``a``, light grey ``b``, what is darker nothing."""
    constants = {
        "slopes": np.array([[0, 3, 1, 0]], np.float32),
        "levels": np.array([0, 0.45 - 3 * 0.8, -0.35, -9], np.float32),
        "shape": np.array([0, -1, 1], np.int64),
    }
    nodes = [
        ("ReduceMean", "x", "mean", {"axes": [1], "keepdims": 1}),
        ("AveragePool", "mean", "steps", {"kernel_shape": [48, 32], "strides": [48, 32]}),
        ("Reshape", "steps shape", "column", {}),
        ("MatMul", "column slopes", "scaled", {}),
        ("Add", "scaled levels", "y", {}),
    ]
    saved(path, nodes, (("n", 3, 48, "w"), ("n", "steps", 4)), constants)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = []
    for architecture, task, save, document in (
        ("pp-ocrv6-det", "object-detection", save_detector, DETECTOR),
        ("pp-ocrv6-rec", "text-only-ocr", save_reader, READER),
    ):
        folder = tmp_path_factory.mktemp(architecture)
        config = {"model_architecture": architecture, "task_type": task, "backend_type": "onnx"}
        (folder / "model_config.json").write_text(json.dumps(config))
        (folder / "inference.yml").write_text(document)
        save(folder / "inference.onnx")
        made.append(folder)
    return made


def word(text):
    """A picture that the reader reads as this text; letters that follow each other have to differ."""
    return np.concatenate([np.full((48, LETTER, 3), LEVELS[letter], np.uint8) for letter in text], axis=1)


def page(*words):
    """A page of 768 x 800 with words, each turned by so many degrees around its centre."""
    pixels = np.zeros((768, 800, 3), np.uint8)
    for (x, y), angle, text in words:
        upright = word(text)
        height, width = upright.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        matrix[:, 2] += (x - width / 2, y - height / 2)
        pixels = np.maximum(pixels, cv2.warpAffine(upright, matrix, (800, 768)))
    return pixels


PAGE = [((520, 110), 0, "bab"), ((150, 100), 0, "ab"), ((300, 300), 15, "ababa"), ((600, 500), -90, "baba")]
TEXT = "ab bab\nababa\nbaba"


def test_from_pictures_to_what_they_say(folders):
    with AutoModelPipeline.from_pretrained("pp-ocrv6", folders, device="cpu") as pipeline:
        first, empty, last = pipeline([page(*PAGE), page(), page(((400, 400), -20, "abab"))])
    assert [first.text, empty.text, last.text] == [TEXT, "", "abab"]
    assert first.texts.tolist() == ["ab", "bab", "ababa", "baba"]
    for found, (center, _, _) in zip(first.data["polygon"], [PAGE[i] for i in (1, 0, 2, 3)], strict=True):
        np.testing.assert_allclose(found.mean(axis=0), center, atol=2)
    assert first.to_dict()["text"] == TEXT
    assert first.plot().save is not None


def test_each_model_alone(folders):
    detector, reader = (AutoModel.from_pretrained(folder, device="cpu") for folder in folders)
    (found,) = detector(page(*PAGE), confidence=0.5)
    assert found.class_name.tolist() == ["text"] * 4
    results = reader([word("ab"), word("babababababa"), word("a")])
    assert [str(result) for result in results] == ["ab", "babababababa", "a"]


def test_a_pipeline_of_models_that_are_loaded(folders):
    models = [AutoModel.from_pretrained(folder, device="cpu") for folder in folders]
    pipeline = AutoModelPipeline.from_pretrained("pp-ocrv6", models)
    assert pipeline(page(*PAGE))[0].text == TEXT
    with pytest.raises(InvalidRequestError, match="2 models"):
        AutoModelPipeline.from_pretrained("pp-ocrv6", models[:1])


def test_eight_threads_read_what_one_reads(folders):
    pipeline = AutoModelPipeline.from_pretrained("pp-ocrv6", folders, device="cpu")
    pages = [page(((200 + 30 * i, 200), i, "ab" * (1 + i % 3)), ((400, 500), -i, "ba")) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda picture: pipeline(picture)[0].text, pages * 2))
    assert together == [pipeline(picture)[0].text for picture in pages] * 2
    assert together[1] == "abab\nba"


def test_a_package_without_its_document(folders, tmp_path):
    config = (folders[1] / "model_config.json").read_text()
    (tmp_path / "model_config.json").write_text(config)
    save_reader(tmp_path / "inference.onnx")
    with pytest.raises(PackageFileMissingError, match=r"inference\.yml"):
        AutoModel.from_pretrained(tmp_path, device="cpu")
    (tmp_path / "inference.yml").write_text("PostProcess: {character_dict: 7}")
    with pytest.raises(MalformedDocumentError, match="character_dict"):
        AutoModel.from_pretrained(tmp_path, device="cpu")


def test_a_single_file_with_its_document_beside_it(folders):
    options = LoadOptions(architecture="pp-ocrv6-rec", task="text-only-ocr")
    with AutoModel.from_pretrained(folders[1] / "inference.onnx", device="cpu", options=options) as model:
        assert model(word("ab"))[0].text == "ab"

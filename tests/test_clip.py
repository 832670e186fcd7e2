"""CLIP through the whole house: a folder with two ONNX graphs, one model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from inference_models_core import AutoModel
from inference_models_core.errors import ModelClosedError, PackageFileMissingError
from inference_models_vision.families.clip import MEAN, STD
from inference_models_vision.text.clip_tokenizer import tokenize

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZE, DIMENSIONS = 16, 3


def saved(path, nodes, given, constants=()):
    """A graph from one input to ``vectors`` (n, 3)."""
    helper = onnx.helper
    vectors = helper.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, ("n", DIMENSIONS))
    graph = helper.make_graph(nodes, "graph", [given], [vectors], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


@pytest.fixture
def folder(tmp_path):
    """``visual``: the mean of each channel. ``textual``: the first three tokens."""
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    types = onnx.TensorProto
    config = {"model_architecture": "clip", "task_type": "embedding", "backend_type": "onnx"}
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    visual = [node("GlobalAveragePool", ["images"], ["means"]), node("Flatten", ["means"], ["vectors"])]
    saved(tmp_path / "visual.onnx", visual, value("images", types.FLOAT, ("n", 3, SIZE, SIZE)))
    textual = [
        node("Cast", ["tokens"], ["floats"], to=types.FLOAT),
        node("MatMul", ["floats", "first"], ["vectors"]),
    ]
    first = onnx.numpy_helper.from_array(np.eye(77, DIMENSIONS, dtype=np.float32), "first")
    saved(tmp_path / "textual.onnx", textual, value("tokens", types.INT32, ("n", 77)), [first])
    return tmp_path


def test_both_graphs_are_opened_from_their_own_files(folder):
    with AutoModel.from_pretrained(folder, device="cpu") as model:
        colours = np.zeros((2, 20, 30, 3), np.uint8)
        colours[0, ..., 0], colours[1] = 255, 128
        found = [embedding.vector for embedding in model.embed_images(colours, input_color_format="rgb")]
        expected = (colours[:, 0, 0].astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        texts = ["a cat", "don\u2019t", ""]
        np.testing.assert_array_equal([e.vector for e in model.embed_text(texts)], tokenize(texts)[:, :DIMENSIONS])
        cosines = model.compare_embeddings(colours[0], texts)
        assert cosines.shape == (1, 3)
        assert "clip" in str(model.resolution)
    with pytest.raises(ModelClosedError):
        model.embed_text("a cat")
    with pytest.raises(ModelClosedError):
        model.embed_images(colours)


def test_more_pictures_and_texts_than_one_run_takes(folder):
    model = AutoModel.from_pretrained(folder, device="cpu")
    pictures = [np.full((9 + i % 4, 12, 3), i, np.uint8) for i in range(40)]
    vectors = np.stack([embedding.vector for embedding in model.embed_images(pictures)])
    assert len(np.unique(vectors[:, 0])) == 40
    assert (np.diff(vectors[:, 0]) > 0).all()
    texts = [str(i) for i in range(40)]
    tokens = np.stack([embedding.vector for embedding in model.embed_text(texts)])
    np.testing.assert_array_equal(tokens, tokenize(texts)[:, :DIMENSIONS])


@pytest.mark.parametrize("graph", ["visual", "textual"])
def test_a_package_without_one_of_its_graphs(folder, graph):
    (folder / f"{graph}.onnx").unlink()
    with pytest.raises(PackageFileMissingError, match=rf"no {graph}\.onnx for '{graph}'"):
        AutoModel.from_pretrained(folder, device="cpu")


def test_eight_threads_give_the_answers_of_one(folder):
    model = AutoModel.from_pretrained(folder, device="cpu")
    pictures = [np.random.default_rng(i).integers(0, 256, (20, 25, 3), np.uint8) for i in range(8)]

    def both(i):
        return np.concatenate([model.embed_images(pictures[i])[0].vector, model.embed_text(f"text {i}")[0].vector])

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(both, list(range(8)) * 5))
    np.testing.assert_array_equal(together, [both(i) for i in list(range(8)) * 5])

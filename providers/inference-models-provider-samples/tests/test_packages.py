"""The shipped packages: the index agrees with the files, and the files with each other."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import cv2
import pytest
from shapes import CLASS_NAMES

ROOT = Path(__file__).parents[1] / "src" / "inference_models_provider_samples"
MODEL = ROOT / "models" / "shapes-detector"
INDEX = json.loads((MODEL / "index.json").read_bytes())
PACKAGES = INDEX["modelPackages"]
MEBIBYTE = 2**20

each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["packageId"])


def read(package, name):
    return json.loads((MODEL / package["packageId"] / name).read_bytes())


def test_index_names_the_model_and_all_its_folders():
    assert INDEX["modelId"] == "samples/shapes-detector"
    assert (INDEX["modelArchitecture"], INDEX["taskType"]) == ("yolov8", "object-detection")
    assert 0 < INDEX["recommendedParameters"]["confidence"] < 1
    folders = {path.name for path in MODEL.iterdir() if path.is_dir()}
    assert folders == {package["packageId"] for package in PACKAGES}
    assert {package["packageManifest"]["dynamicBatchSize"] for package in PACKAGES} == {True, False}


@each_package
def test_files_are_those_of_the_index(package):
    folder = MODEL / package["packageId"]
    assert re.fullmatch(r"[A-Za-z0-9]+", package["packageId"])
    listed = {file["fileHandle"] for file in package["packageFiles"]}
    assert {path.name for path in folder.iterdir()} == listed | {"model_config.json"}  # the folder's own
    for file in package["packageFiles"]:
        data = (folder / file["fileHandle"]).read_bytes()
        assert len(data) == file["size"]
        assert hashlib.sha256(data).hexdigest() == file["sha256"]


@each_package
def test_a_package_stays_small(package):
    assert sum(file["size"] for file in package["packageFiles"]) <= MEBIBYTE


@each_package
def test_configuration_agrees_with_the_index(package):
    manifest, config = package["packageManifest"], read(package, "model_config.json")
    assert manifest["dynamicBatchSize"] == (manifest["staticBatchSize"] is None)
    assert config["model_architecture"] == INDEX["modelArchitecture"]
    assert config["task_type"] == INDEX["taskType"]
    assert config["backend_type"] == manifest["backendType"]
    assert config["quantization"] == manifest["quantization"]
    assert config["dynamic_batch_size_supported"] == manifest["dynamicBatchSize"]
    assert config["static_batch_size"] == manifest["staticBatchSize"]
    names = (MODEL / package["packageId"] / "class_names.txt").read_text().splitlines()
    assert tuple(names) == CLASS_NAMES


@each_package
def test_graph_is_what_the_configuration_says(package):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(MODEL / package["packageId"] / "weights.onnx")
    manifest, network = package["packageManifest"], read(package, "inference_config.json")["network_input"]
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [manifest["opset"]]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [value.name for value in model.graph.output] == ["output0"]
    (images,) = model.graph.input
    batch, *rest = images.type.tensor_type.shape.dim
    size = network["training_input_size"]
    assert [dim.dim_value for dim in rest] == [network["input_channels"], size["height"], size["width"]]
    assert batch.dim_value == (manifest["staticBatchSize"] or 0)


def test_pictures_are_small_and_of_several_shapes():
    pictures = sorted((ROOT / "pictures").glob("*.jpg"))
    assert len(pictures) >= 3
    assert all(path.stat().st_size <= 150 * 1024 for path in pictures)
    assert len({cv2.imread(str(path)).shape for path in pictures}) >= 2

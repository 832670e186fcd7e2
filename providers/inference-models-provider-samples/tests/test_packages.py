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
INDEXES = {path.parent: json.loads(path.read_bytes()) for path in sorted((ROOT / "models").glob("*/index.json"))}
MOST_BYTES = 1_500_000
"""Of one package."""
TASKS = {
    "shapes-classifier": ("resnet", "classification", ["output0"]),
    "shapes-detector": ("yolov8", "object-detection", ["output0"]),
    "shapes-keypoints": ("yolov8", "keypoint-detection", ["output0"]),
    "shapes-segmenter": ("yolov8", "instance-segmentation", ["output0", "output1"]),
}
"""Model -> architecture, task, outputs of its graphs."""

each_model = pytest.mark.parametrize("folder", INDEXES, ids=lambda folder: folder.name)
each_package = pytest.mark.parametrize(
    ("folder", "package"),
    [(model / package["packageId"], package) for model in INDEXES for package in INDEXES[model]["modelPackages"]],
    ids=lambda value: f"{value.parent.name}-{value.name}" if isinstance(value, Path) else "",
)


def test_every_model_is_known():
    assert [folder.name for folder in INDEXES] == sorted(TASKS)


@each_model
def test_index_names_the_model_and_all_its_folders(folder):
    index = INDEXES[folder]
    assert index["modelId"] == f"samples/{folder.name}"
    assert (index["modelArchitecture"], index["taskType"]) == TASKS[folder.name][:2]
    if folder.name != "shapes-classifier":  # a class always has the best score
        assert 0 < index["recommendedParameters"]["confidence"] < 1
    packages = index["modelPackages"]
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {each["packageId"] for each in packages}
    assert {each["packageManifest"]["backendType"] for each in packages} == {"onnx", "torch-script"}


@each_package
def test_files_are_those_of_the_index(folder, package):
    assert re.fullmatch(r"[A-Za-z0-9]+", package["packageId"])
    listed = {file["fileHandle"] for file in package["packageFiles"]}
    assert {path.name for path in folder.iterdir()} == listed | {"model_config.json"}  # the folder's own
    for file in package["packageFiles"]:
        data = (folder / file["fileHandle"]).read_bytes()
        assert len(data) == file["size"]
        assert hashlib.sha256(data).hexdigest() == file["sha256"]


@each_package
def test_a_package_stays_small(folder, package):
    assert sum(file["size"] for file in package["packageFiles"]) <= MOST_BYTES


@each_package
def test_configuration_agrees_with_the_index(folder, package):
    manifest, config = package["packageManifest"], json.loads((folder / "model_config.json").read_bytes())
    assert manifest["dynamicBatchSize"] == (manifest["staticBatchSize"] is None)
    assert (config["model_architecture"], config["task_type"]) == TASKS[folder.parent.name][:2]
    assert config["backend_type"] == manifest["backendType"]
    assert config["quantization"] == manifest["quantization"]
    assert config["dynamic_batch_size_supported"] == manifest["dynamicBatchSize"]
    assert config["static_batch_size"] == manifest["staticBatchSize"]
    assert tuple((folder / "class_names.txt").read_text().splitlines()) == CLASS_NAMES


@each_package
def test_graph_is_what_the_configuration_says(folder, package):
    onnx = pytest.importorskip("onnx")
    manifest = package["packageManifest"]
    if manifest["backendType"] != "onnx":
        pytest.skip("an archive says neither sizes nor batches")
    model = onnx.load(folder / "weights.onnx")
    network = json.loads((folder / "inference_config.json").read_bytes())["network_input"]
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [manifest["opset"]]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [value.name for value in model.graph.output] == TASKS[folder.parent.name][2]
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

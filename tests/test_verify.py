"""`inference-models verify` with real graphs: the sample detector's two packages, and one whose weights are wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import inference_models_provider_samples
import numpy as np
import pytest
from click.testing import CliRunner
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.cli import main
from inference_models_core.plugins import host as host_module
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec

onnx = pytest.importorskip("onnx")

HAS_TORCH = importlib.util.find_spec("torch") is not None
SAMPLE = Path(inference_models_provider_samples.__file__).parent / "models" / "shapes-detector"


@pytest.fixture
def run(tmp_path):
    def run_(*arguments):
        command = [*arguments, "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(main, command, prog_name="inference-models")

    return run_


@pytest.mark.parametrize(
    ("model", "figures"),
    [
        ("detector", {"labels", "boxes", "scores"}),
        ("segmenter", {"labels", "boxes", "scores", "masks"}),
        ("keypoints", {"labels", "boxes", "scores", "key_points"}),
        ("classifier", {"labels", "scores"}),
    ],
)
def test_the_packages_of_the_samples_agree(run, model, figures):
    if model != "detector":  # has two packages for ONNX Runtime, the others one for each backend
        pytest.importorskip("torch")
    done = run("verify", f"samples/shapes-{model}", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    first, *others = told["packages"]
    assert (first["package_id"], told["agrees"], told["stored"]) == (told["reference"], True, True)
    assert others
    assert {each["backend"] for each in told["packages"]} == {"onnx"} | ({"torch-script"} if HAS_TORCH else set())
    for each in others:
        assert each["things"] >= 8  # the pictures show something that the model finds
        assert set(each["deltas"]) == figures
    assert "comes last" not in run("plan", f"samples/shapes-{model}").stdout


class Shelf:
    """The sample's dynamic package beside copies of it that were changed."""

    folders = ()

    def __init__(self, context):
        pass

    def resolve(self, model_id, *, revision=None):
        packages = [package(folder) for folder in Shelf.folders]
        return ModelMetadata(model_id="shapes", packages=packages)


class Plugin:
    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="shelf", factory="shelf_provider:Shelf", embedded=True)


def package(folder):
    files = [path for path in sorted(folder.iterdir()) if path.name != "model_config.json"]
    return ModelPackage(
        package_id=folder.name,
        backend="onnx",
        architecture="yolov8",
        task="object-detection",
        quantization="fp32",
        directory=folder,
        artifacts=[Artifact(handle=each.name, sha256=hashlib.sha256(each.read_bytes()).hexdigest()) for each in files],
    )


def shift_boxes(folder):
    """Moves every box by 12 pixels to the right: the first of the output's fields is the middle's x."""
    path = folder / "weights.onnx"
    model = onnx.load(path)
    output = model.graph.output[0]
    names = (folder / "class_names.txt").read_text().split()
    shift = np.zeros((1, 4 + len(names), 1), np.float32)
    shift[0, 0] = 12
    for node in model.graph.node:
        node.output[:] = ["right" if name == output.name else name for name in node.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(shift, "shift"))
    model.graph.node.append(onnx.helper.make_node("Add", ["right", "shift"], [output.name]))
    onnx.save(model, path)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """`a-shifted` would be the first choice: ids decide between equals."""
    folders = {name: tmp_path / name for name in ("a-shifted", "b-right", "c-same")}
    for folder in folders.values():
        shutil.copytree(SAMPLE / "fp32dynamic", folder)
    shift_boxes(folders["a-shifted"])
    module = ModuleType("shelf_provider")
    module.Shelf = Shelf
    monkeypatch.setitem(sys.modules, "shelf_provider", module)
    monkeypatch.setattr(Shelf, "folders", tuple(folders.values()))
    host = PluginHost()
    host.register(Plugin(), "shelf", "1")
    monkeypatch.setattr(host_module, "_host", host)
    return host


def test_a_package_with_other_boxes_comes_last_and_can_be_refused(run, shelf, tmp_path):
    before = json.loads(run("plan", "shelf://shapes", "--json").stdout)
    assert before["accepted"][0]["package_id"] == "a-shifted"
    done = run("verify", "shelf://shapes", "--reference", "b-right", "--json")
    assert done.exit_code == 1
    told = {each["package_id"]: each for each in json.loads(done.stdout)["packages"]}
    assert told["a-shifted"]["deltas"]["boxes"] >= 12
    assert "boxes: " in told["a-shifted"]["beyond_tolerance"]
    assert told["c-same"]["beyond_tolerance"] == ""
    shown = run("plan", "shelf://shapes").stdout
    assert "comes last: verified against b-right (onnx), its results differ: " in shown
    cache = tmp_path / "cache"
    options = LoadOptions(beyond_tolerance="refuse")
    refused = AutoModel.plan("shelf://shapes", cache_dir=cache, options=options)
    assert [each.package.package_id for each in refused.accepted] == ["b-right", "c-same"]
    assert [(each.code, each.package_id) for each in refused.rejected] == [("beyond-tolerance", "a-shifted")]
    with AutoModel.from_pretrained("shelf://shapes", cache_dir=cache) as model:
        assert model.resolution.chosen.package.package_id == "b-right"

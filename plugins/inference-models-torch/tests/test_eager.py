"""Classifiers built in PyTorch, with timm or a small stand-in that builds what it is asked for."""

from __future__ import annotations

import importlib
import json
import pickle
import sys

import numpy as np
import pytest
from inference_models_core import AutoModel
from inference_models_core.errors import (
    LoadFailedError,
    MalformedDocumentError,
    ModelClosedError,
    NoCompatiblePackageError,
    PackageError,
    PackageFileMissingError,
    UnsafeModelFileError,
)

torch = pytest.importorskip("torch")

SIZE = 32
NAMES = ("cat", "dog", "bird")
TIMM = """
import torch
__version__ = "0"

def create_model(name, *, pretrained, num_classes, in_chans):
    assert not pretrained
    assert ":" not in name, "this would look elsewhere for it"
    if name != "resnet10t":
        raise RuntimeError(f"Unknown model ({name})")
    torch.manual_seed(1)
    layers = torch.nn.Conv2d(in_chans, 4, 4, 4), torch.nn.BatchNorm2d(4), torch.nn.Flatten()
    return torch.nn.Sequential(*layers, torch.nn.Linear(256, num_classes))
"""
INPUT = {
    "training_input_size": {"height": SIZE, "width": SIZE},
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "stretch",
    "input_channels": 3,
    "scaling_factor": 255,
    "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
}


@pytest.fixture(params=["a stand-in", "timm"])
def timm(request, tmp_path, monkeypatch):
    if request.param == "timm":
        return pytest.importorskip("timm")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "timm.py").write_text(TIMM)
    monkeypatch.setitem(sys.modules, "timm", None)  # so that the stand-in is taken out again
    del sys.modules["timm"]
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return importlib.import_module("timm")


@pytest.fixture
def package(tmp_path):
    """A folder for eager PyTorch; the same network as ``network``."""

    def write(weights, *, task="classification", initialization=None, **config):
        folder = tmp_path / "package"
        folder.mkdir(exist_ok=True)
        said = {"model_architecture": "resnet", "task_type": task, "backend_type": "torch", **config}
        kind = "softmax" if task == "classification" else "sigmoid"
        inference = {
            "network_input": INPUT,
            "post_processing": {"type": kind, "fused": True},
            "model_initialization": initialization or {"model_name": "resnet10t", "num_classes": 3},
        }
        (folder / "model_config.json").write_text(json.dumps(said))
        (folder / "inference_config.json").write_text(json.dumps(inference))
        (folder / "class_names.txt").write_text("\n".join(NAMES))
        for name, content in weights.items():
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            elif name.endswith(".safetensors"):
                (folder / name).write_bytes(as_safetensors(content))
            else:
                torch.save(content, folder / name)
        return folder

    return write


def as_safetensors(tensors):
    header, content = {}, b""
    for name, tensor in tensors.items():
        raw = (
            tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
            if tensor.ndim
            else tensor.numpy().tobytes()
        )
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


@pytest.fixture
def network(timm):
    torch.manual_seed(2)
    made = timm.create_model("resnet10t", pretrained=False, num_classes=3, in_chans=3)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


def pictures():
    chance = np.random.default_rng(1)
    return [chance.integers(0, 256, shape, np.uint8) for shape in ((SIZE, SIZE, 3), (40, 70, 3), (99, 33, 3))]


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt", "weights.pth"])
def test_scores_are_those_of_the_network(package, network, name):
    with AutoModel.from_pretrained(package({name: network.state_dict()}), device="cpu") as model:
        results = model(pictures())
        prepared = model.pre_process(pictures())
    (group,) = prepared.groups
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.array(group.tensor))).softmax(1)
    for index, row in zip(group.indices, expected, strict=True):
        np.testing.assert_allclose(results[index].confidence, row.numpy(), atol=1e-5)
    assert model.class_names == NAMES


def test_labels(package, network):
    folder = package({"weights.safetensors": network.state_dict()}, task="multi-label-classification")
    with AutoModel.from_pretrained(folder, device="cpu") as model:
        (result,) = model(pictures()[0], confidence=0.0)
        (group,) = model.pre_process(pictures()[0]).groups
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.array(group.tensor))).sigmoid()[0]
    assert result.class_id.tolist() == [0, 1, 2]
    np.testing.assert_allclose(result.confidence, expected.numpy(), atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_same_answers_as_its_export(package, network):
    """Eager and TorchScript: one pre-processing, one decoding, two ways to compute."""
    folder = package({"weights.safetensors": network.state_dict()})
    with AutoModel.from_pretrained(folder, device="cpu") as model:
        eager = model(pictures())
    (folder / "weights.safetensors").unlink()
    torch.jit.trace(network, torch.zeros(1, 3, SIZE, SIZE)).save(str(folder / "weights.torchscript"))
    config = json.loads((folder / "inference_config.json").read_text())
    config["post_processing"]["fused"] = False
    (folder / "inference_config.json").write_text(json.dumps(config))
    said = {"model_architecture": "resnet", "task_type": "classification", "backend_type": "torch-script"}
    (folder / "model_config.json").write_text(json.dumps(said))
    with AutoModel.from_pretrained(folder, device="cpu") as model:
        exported = model(pictures())
    for one, other in zip(eager, exported, strict=True):
        np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-5)


def test_numbers_alone_are_preferred(package, network):
    """What stands beside safetensors is not even opened."""
    folder = package({"weights.safetensors": network.state_dict(), "weights.pt": b"\x80\x02junk"})
    AutoModel.from_pretrained(folder, device="cpu").close()


def test_weights_of_a_training_script(package, network):
    AutoModel.from_pretrained(package({"weights.pt": {"state_dict": network.state_dict(), "epoch": 3}})).close()


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        (lambda _: {}, PackageFileMissingError),
        (lambda _: {"weights.safetensors": b"PK\x03\x04" + bytes(99)}, PackageError),
        (lambda _: {"weights.pt": pickle.dumps(Evil(), 2)}, PackageError),
        (lambda _: {"weights.pt": {"evil": Evil()}}, UnsafeModelFileError),
        (lambda network: {"weights.pt": network}, UnsafeModelFileError),
        (lambda _: {"weights.pt": [torch.zeros(1)]}, PackageError),
        (lambda _: {"weights.pt": {}}, PackageError),
        (lambda _: {"weights.pt": {"other": torch.zeros(3)}}, PackageError),
        (lambda network: {"weights.pt": dict(list(network.state_dict().items())[1:])}, PackageError),
    ],
)
def test_weights_that_are_refused(package, network, capsys, weights, error):
    with pytest.raises(error):
        AutoModel.from_pretrained(package(weights(network)), device="cpu")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "initialization",
    [
        {"num_classes": 3},
        {"model_name": "resnet10t"},
        {"model_name": "resnet10t", "num_classes": 0},
        {"model_name": "resnet10t", "num_classes": 10**9},
        {"model_name": "no_such_network", "num_classes": 3},
        {"model_name": "hf-hub:somebody/something", "num_classes": 3},
        {"model_name": "local-dir:/etc", "num_classes": 3},
        {"model_name": 7, "num_classes": 3},
    ],
)
def test_networks_that_cannot_be_built(package, network, initialization):
    with pytest.raises(MalformedDocumentError, match="model_initialization"):
        AutoModel.from_pretrained(package({"weights.pt": network.state_dict()}, initialization=initialization))


def test_without_timm_a_command_says_what_to_do(package, network, monkeypatch):
    folder = package({"weights.safetensors": network.state_dict()})
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(NoCompatiblePackageError, match=r"inference-models-torch\[timm\]"):
        AutoModel.from_pretrained(folder, device="cpu")


def test_a_torchvision_that_does_not_fit_is_named(package, network, monkeypatch, tmp_path):
    folder = package({"weights.safetensors": network.state_dict()})
    (tmp_path / "misfit").mkdir()
    (tmp_path / "misfit" / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.syspath_prepend(str(tmp_path / "misfit"))
    with pytest.raises(LoadFailedError, match=r"torchvision::nms does not exist(.|\n)*pip install torchvision"):
        AutoModel.from_pretrained(folder, device="cpu")


def test_half_precision(package, network):
    folder = package({"weights.safetensors": network.state_dict()}, quantization="bf16")
    with AutoModel.from_pretrained(folder, device="cpu", quantization="bf16") as model:
        ((logits,),) = model.forward(model.pre_process(pictures()[0]))
        assert model(pictures()[0])[0].confidence.dtype == np.float32
    assert logits.dtype == torch.bfloat16


def test_closed_with_the_model(package, network):
    model = AutoModel.from_pretrained(package({"weights.safetensors": network.state_dict()}), device="cpu")
    model.close()
    with pytest.raises(ModelClosedError):
        model(pictures()[0])

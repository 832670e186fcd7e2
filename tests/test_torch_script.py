"""The same network as an ONNX file and as a TorchScript archive: same answers, and a choice that is explained."""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.errors import CannotOpenHereError, LoadFailedError
from inference_models_core.plugins.distributions import Environment
from inference_models_core.providers.documents import read_model
from inference_models_core.types.providers import WeightsProviderSpec

SIZE, CLASSES, STRIDE = 64, 3, 8
INPUT = {
    "training_input_size": {"height": SIZE, "width": SIZE},
    "dynamic_spatial_size_supported": False,
    "color_mode": "rgb",
    "resize_mode": "letterbox",
    "padding_value": 114,
    "input_channels": 3,
    "scaling_factor": 255,
}
EXPORT = {
    "description": "Ultralytics YOLOv8n model",
    "author": "Ultralytics",
    "version": "8.3.0",
    "task": "detect",
    "stride": 32,
    "batch": 1,
    "imgsz": [SIZE, SIZE],
    "names": {str(i): f"class_{i}" for i in range(CLASSES)},
    "args": {"dynamic": True},
}
OUTPUTS = 4 + CLASSES


@pytest.fixture(scope="module")
def weights():
    chance = np.random.default_rng(5)
    return chance.normal(0, 0.25, (OUTPUTS, 3, STRIDE, STRIDE)).astype(np.float32)


def save_onnx(path, weights):
    """Boxes and scores of each cell from one convolution, laid out as YOLOv8 does."""
    onnx = pytest.importorskip("onnx")
    node, types = onnx.helper.make_node, onnx.TensorProto
    whole = {"begin": [0], "middle": [4], "end": [OUTPUTS], "axis": [1], "shape": [0, OUTPUTS, -1]}
    constants = {name: np.array(value) for name, value in whole.items()} | {"w": weights, "side": np.float32(SIZE)}
    nodes = [
        node("Conv", ["images", "w"], ["grid"], strides=[STRIDE, STRIDE]),
        node("Sigmoid", ["grid"], ["squashed"]),
        node("Reshape", ["squashed", "shape"], ["rows"]),
        node("Slice", ["rows", "begin", "middle", "axis"], ["relative"]),
        node("Slice", ["rows", "middle", "end", "axis"], ["scores"]),
        node("Mul", ["relative", "side"], ["boxes"]),
        node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    values = [
        onnx.helper.make_tensor_value_info("images", types.FLOAT, ("n", 3, SIZE, SIZE)),
        onnx.helper.make_tensor_value_info("output0", types.FLOAT, ("n", OUTPUTS, (SIZE // STRIDE) ** 2)),
    ]
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = onnx.helper.make_graph(nodes, "graph", values[:1], values[1:], tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


def save_torch_script(path, weights, half=False, **extra):
    torch = pytest.importorskip("torch")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, OUTPUTS, STRIDE, STRIDE, bias=False)
            self.layer.weight = torch.nn.Parameter(torch.from_numpy(weights), requires_grad=False)

        def forward(self, images):
            rows = self.layer(images).sigmoid().flatten(2)
            return torch.cat([rows[:, :4] * SIZE, rows[:, 4:]], 1)

    network, example = Network().eval(), torch.zeros(1, 3, SIZE, SIZE)
    if half:
        network, example = network.half(), example.half()
    torch.jit.save(torch.jit.trace(network, example), str(path), _extra_files=extra)


@pytest.fixture
def package(tmp_path, weights):
    """A folder as a provider would have put it there."""

    def write(backend, **config):
        folder = tmp_path / backend
        folder.mkdir(exist_ok=True)
        said = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": backend, **config}
        inference = {"network_input": INPUT, "post_processing": {"type": "nms", "fused": False}}
        (folder / "model_config.json").write_text(json.dumps(said))
        (folder / "inference_config.json").write_text(json.dumps(inference))
        (folder / "class_names.txt").write_text("".join(f"class_{i}\n" for i in range(CLASSES)))
        if backend == "onnx":
            save_onnx(folder / "weights.onnx", weights)
        else:
            save_torch_script(folder / "weights.torchscript", weights, config.get("quantization") == "fp16")
        return folder

    return write


def pictures():
    chance = np.random.default_rng(1)
    return [chance.integers(0, 256, shape, np.uint8) for shape in ((64, 64, 3), (120, 80, 3), (33, 97, 3), (50, 50, 3))]


def by_place(result):
    """Rows in an order that a last digit of a score does not change."""
    order = np.lexsort((*result.xyxy.round(1).T, result.class_id))
    return result.xyxy[order], result.confidence[order], result.class_id[order]


def check_same(found, expected, *, boxes=1e-2, scores=1e-4):
    assert sum(len(result) for result in expected) > 20
    for one, other in zip(found, expected, strict=True):
        assert len(one) == len(other)
        for mine, theirs, tolerance in zip(by_place(one), by_place(other), (boxes, scores, 0), strict=True):
            assert isinstance(mine, np.ndarray)
            np.testing.assert_allclose(mine, theirs, atol=tolerance)


pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


@pytest.mark.parametrize("batch", [{"dynamic_batch_size_supported": True}, {"static_batch_size": 3}, {}])
def test_same_answers(package, batch):
    with AutoModel.from_pretrained(package("torch-script", **batch), device="cpu") as model:
        found = model(pictures())
    with AutoModel.from_pretrained(package("onnx"), device="cpu") as model:
        check_same(found, model(pictures()))


def test_a_bare_file_says_what_it_is(tmp_path, weights, package):
    path = tmp_path / "model.torchscript"
    save_torch_script(path, weights, **{"config.txt": json.dumps(EXPORT)})
    with AutoModel.from_pretrained(path, device="cpu") as model:
        assert model.class_names == tuple(EXPORT["names"].values())
        found = model(pictures()[:1])
    with AutoModel.from_pretrained(package("onnx"), device="cpu") as model:
        check_same([*found] * 3, model(pictures()[:1]) * 3)  # a square: nothing that letterboxes can differ about


def test_half_precision_is_close(package):
    with AutoModel.from_pretrained(package("torch-script", quantization="fp16"), quantization="fp16") as model:
        found = model(pictures(), confidence=0.5)
    with AutoModel.from_pretrained(package("onnx")) as model:
        expected = model(pictures(), confidence=0.5)
    counts = [(len(one), len(other)) for one, other in zip(found, expected, strict=True)]
    assert sum(abs(one - other) for one, other in counts) <= 3
    assert sum(other for _, other in counts) > 20


def test_what_torch_gives_stays_a_tensor_until_it_is_decoded(package):
    torch = pytest.importorskip("torch")
    with AutoModel.from_pretrained(package("torch-script"), device="cpu") as model:
        ((output,),) = model.forward(model.pre_process(pictures()[0]))
    assert isinstance(output, torch.Tensor)


class Provider:
    """One model with a package for each backend; its files are never fetched."""

    def __init__(self, context):
        self._context = context

    def resolve(self, model_id, *, revision=None):
        manifests = {
            "onnx": {"type": "onnx-model-package-v1", "backendType": "onnx", "quantization": "fp32", "opset": 13,
                     "dynamicBatchSize": True},
            "script": {"type": "torch-script-model-package-v1", "backendType": "torch-script", "quantization": "fp32",
                       "supportedDeviceTypes": ["cpu", "cuda"], "torchVersion": "2.6.0", "dynamicBatchSize": True},
            "script-of-tomorrow": {"type": "torch-script-model-package-v1", "backendType": "torch-script",
                                   "quantization": "fp32", "supportedDeviceTypes": ["cpu"], "torchVersion": "99.0.0",
                                   "staticBatchSize": 1},
            "script-of-a-gpu": {"type": "torch-script-model-package-v1", "backendType": "torch-script",
                                "quantization": "fp32", "supportedDeviceTypes": ["cuda"], "torchVersion": "2.6.0",
                                "staticBatchSize": 1},
        }  # fmt: skip
        packages = [
            {"type": "external-model-package-v1", "packageId": name, "packageManifest": manifest, "packageFiles": [
                {"fileHandle": "weights", "downloadUrl": "https://files.example.com/w",
                 "sha256": hashlib.sha256(b"").hexdigest()}]}
            for name, manifest in manifests.items()
        ]  # fmt: skip
        answer = {"type": "external-model-metadata-v1", "modelId": model_id, "modelArchitecture": "yolov8",
                  "taskType": "object-detection", "modelPackages": packages}  # fmt: skip
        return read_model(answer, "answer", self._context.read_manifest)


class Plugin:
    @hookimpl
    def register_weights_providers(self):
        yield WeightsProviderSpec(name="both", factory=f"{__name__}:Provider")


@pytest.fixture
def plan():
    host = PluginHost()
    host.register(Plugin(), "both", "1")

    def make(**arguments):
        options = LoadOptions(host=host, progress=False)
        return AutoModel.plan("both://some-model", options=options, device="cpu", **arguments)

    return make


def rejections(found):
    return {each.package_id: each for each in found.rejected}


def test_a_program_needs_somebody_who_is_trusted(plan):
    found = plan()
    assert [candidate.package.package_id for candidate in found.accepted] == ["onnx"]
    refused = rejections(found)["script"]
    assert (refused.code, refused.fix) == ("untrusted-publisher", "allow_untrusted_packages=True")


def test_the_order_and_the_reasons(plan):
    pytest.importorskip("torch")
    found = plan(allow_untrusted_packages=True)
    assert [candidate.package.package_id for candidate in found.accepted] == ["script", "onnx"]
    refused = {name: (each.code, each.fix) for name, each in rejections(found).items()}
    assert refused == {
        "script-of-tomorrow": ("torch-too-old", 'pip install --upgrade "torch>=99.0.0"'),
        "script-of-a-gpu": ("device-not-supported", 'device="cuda"'),
    }


def test_without_pytorch_a_command_says_what_to_do(plan, monkeypatch):
    version = Environment.version
    monkeypatch.setattr(Environment, "version", lambda self, name: None if name == "torch" else version(self, name))
    found = plan(allow_untrusted_packages=True)
    refused = rejections(found)["script"]
    assert refused.code == "runtime-not-installed"
    assert "inference-models-torch[torch]" in refused.fix


def test_planning_does_not_import_pytorch(plan):
    pytest.importorskip("torch")
    before = sys.modules.pop("torch", None)
    try:
        assert plan(allow_untrusted_packages=True).accepted
        assert "torch" not in sys.modules
    finally:
        if before is not None:
            sys.modules["torch"] = before


def test_a_file_that_this_pytorch_does_not_open_lets_the_next_candidate_try(tmp_path, weights, monkeypatch):
    """Its only candidate: the error carries why, with the fix."""
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.torchscript"
    save_torch_script(path, weights, **{"config.txt": json.dumps(EXPORT)})
    monkeypatch.setattr(torch, "__version__", "2.9.0")
    with pytest.raises(LoadFailedError, match=r"torch>=2\.10") as caught:
        AutoModel.from_pretrained(path, device="cpu")
    assert isinstance(caught.value.attempts[0][1], CannotOpenHereError)

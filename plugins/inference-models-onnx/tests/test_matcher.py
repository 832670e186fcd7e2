"""Runtime against package: the table of verdicts with their codes."""

from __future__ import annotations

import pytest
from inference_models_core.errors import InvalidRequestError, UnknownArgumentError
from inference_models_core.types.backends import Fit
from inference_models_core.types.devices import AUTO, CPU, Device
from inference_models_core.types.negotiation import Rejection
from inference_models_onnx.manifest import OnnxRequirements
from inference_models_onnx.matcher import match

CUDA = "CUDAExecutionProvider,CPUExecutionProvider"
ALL = f"TensorrtExecutionProvider,{CUDA}"
GPU = (Device("cuda", 0), CPU)


@pytest.fixture
def verdict(values):
    def decide(*, opset=17, ir=None, clashes=(), device=AUTO, runtime=None, **options):
        needs = OnnxRequirements(opset=opset, ir_version=ir, incompatible_providers=clashes)
        return match(values.package(needs), values.report(**(runtime or {})), values.request(device, **options))

    return decide


@pytest.mark.parametrize(
    ("version", "newest"),
    [("1.17.3", 20), ("1.18.0", 21), ("1.20.1", 21), ("1.21.1", 22), ("1.22.1", 22), ("1.23.2", 23), ("1.24.4", 25)],
)
def test_opset_ceiling(verdict, version, newest):
    assert isinstance(verdict(opset=newest, runtime={"version": version}), Fit)
    refused = verdict(opset=newest + 1, runtime={"version": version})
    assert refused.code == "opset-too-new"
    assert str(newest + 1) in refused.reason
    assert "pip install --upgrade" in refused.fix


@pytest.mark.parametrize("version", ["1.99.0", "2.0.1", "1.99.0.dev20300101", "nightly", ""])
def test_a_runtime_that_is_not_known_is_not_an_old_one(verdict, version):
    assert isinstance(verdict(opset=99, ir=99, runtime={"version": version}), Fit)


def test_ir_version_ceiling(verdict):
    assert isinstance(verdict(ir=10, runtime={"version": "1.20.1"}), Fit)
    refused = verdict(ir=11, runtime={"version": "1.20.1"})
    assert refused.code == "ir-version-too-new"
    assert "1.23" in refused.fix


def test_a_runtime_below_the_floor(verdict):
    assert verdict(opset=7, runtime={"version": "1.16.3"}).code == "runtime-too-old"


@pytest.mark.parametrize("requirements", [None, object(), {"opset": 99}])
def test_a_package_that_says_nothing_fits(values, requirements):
    assert isinstance(match(values.package(requirements), values.report(), values.request()), Fit)


def test_a_newer_opset_is_preferred_a_little(verdict):
    assert verdict(opset=19).preference > verdict(opset=17).preference > verdict(opset=None).preference


@pytest.mark.parametrize(
    ("device", "runtime", "options", "clashes", "code"),
    [
        (AUTO, {}, {}, (), None),
        (CPU, {}, {}, ("CUDAExecutionProvider",), None),
        (CPU, {}, {}, ("CPUExecutionProvider",), "execution-provider-incompatible"),
        (Device("cuda"), {}, {}, (), "execution-provider-missing"),
        (Device("tpu"), {}, {}, (), "execution-provider-missing"),
        (AUTO, {"providers": ""}, {}, (), "execution-provider-missing"),
        (AUTO, {"providers": CUDA, "devices": GPU}, {}, (), None),
        (AUTO, {"providers": CUDA, "devices": GPU}, {}, ("CUDAExecutionProvider",), "execution-provider-incompatible"),
        (CPU, {"providers": CUDA, "devices": GPU}, {}, ("CUDAExecutionProvider",), None),
        # On a GPU the CPU only takes what is left over, so a clash with it does not matter.
        (AUTO, {"providers": CUDA, "devices": GPU}, {}, ("CPUExecutionProvider",), None),
        (AUTO, {"providers": ALL, "devices": GPU}, {}, ("TensorrtExecutionProvider",), None),
        (
            AUTO,
            {"providers": ALL, "devices": GPU},
            {"providers": ["tensorrt", "cuda"]},
            ("TensorrtExecutionProvider",),
            "execution-provider-incompatible",
        ),
        (AUTO, {}, {"providers": ["CPUExecutionProvider"]}, (), None),
        (AUTO, {}, {"providers": [("CPUExecutionProvider", {"use_arena": 1})]}, (), None),
        (Device("cuda", 0), {"providers": CUDA, "devices": GPU}, {"providers": [("cuda", {})]}, (), None),
        (AUTO, {}, {"providers": ["CUDAExecutionProvider"]}, (), "execution-provider-missing"),
        (AUTO, {}, {"providers": ["MadeUpExecutionProvider"]}, (), "execution-provider-missing"),
        (AUTO, {"providers": CUDA, "devices": GPU}, {"providers": ["cpu"]}, (), "execution-provider-device"),
        (CPU, {"providers": CUDA, "devices": GPU}, {"providers": ["cpu"]}, (), None),
        (CPU, {}, {"intra_op_threads": 2}, (), None),
    ],
)
def test_providers(verdict, device, runtime, options, clashes, code):
    found = verdict(device=device, runtime=runtime, clashes=clashes, **options)
    assert (found.code if isinstance(found, Rejection) else None) == code
    if code is not None:
        assert found.reason
        assert found.fix


def test_a_typing_mistake_in_the_options_is_the_callers_error(verdict):
    with pytest.raises(UnknownArgumentError, match="provider"):
        verdict(provider=["cpu"])
    with pytest.raises(InvalidRequestError):
        verdict(providers="cpu")


@pytest.mark.parametrize(
    ("build", "fix"),
    [
        ("onnxruntime", 'pip uninstall -y onnxruntime && pip install "inference-models-onnx[gpu]"'),
        ("unknown", 'pip install "inference-models-onnx[gpu]"'),
    ],
)
def test_the_fix_for_a_missing_cuda_provider_puts_the_gpu_build_in_place(values, build, fix):
    report = values.report()
    report.capabilities["build"] = build
    assert match(values.package(), report, values.request(Device("cuda"))).fix == fix


@pytest.mark.parametrize(
    ("build", "upgraded"),
    [("onnxruntime-gpu", "onnxruntime-gpu"), ("onnxruntime", "onnxruntime"), ("unknown", "onnxruntime")],
)
def test_an_upgrade_never_puts_another_build_beside_the_one_that_is_there(values, build, upgraded):
    report = values.report("1.20.1")
    report.capabilities["build"] = build
    refused = match(values.package(OnnxRequirements(opset=25)), report, values.request())
    assert refused.fix == f'pip install --upgrade "{upgraded}>=1.24"'

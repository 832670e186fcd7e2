from __future__ import annotations

import pytest
from inference_models_core.types.backends import BackendReport
from inference_models_core.types.devices import AUTO, CPU, Device

GPU = Device("cuda", 0)


def warnings_of(world, packages=None, device=AUTO, gpu_seen="NVIDIA T4", **reports):
    packages = packages or [world.package()]
    return world.negotiate(
        packages, world.request(device=device), reports=world.reports(**reports), gpu_seen=gpu_seen
    ).warnings


def report(backend, **facts):
    return BackendReport(backend=backend, **{"availability": "available", "devices": (CPU,), **facts})


def test_warning_names_gpu_reason_and_fix_of_the_chosen_backend(world):
    degraded = report(
        "onnx",
        availability="degraded",
        reason="onnxruntime has no CUDA provider",
        fix='pip install "inference-models-onnx[gpu]"',
    )
    assert warnings_of(world, onnx=degraded) == (
        'NVIDIA T4 stays unused: onnxruntime has no CUDA provider; to use it: pip install "inference-models-onnx[gpu]"',
    )


def test_fix_may_come_from_a_package_that_was_rejected(world):
    packages = [world.package("a"), world.package("b", "openvino"), world.package("c", "hugging-face")]
    (warning,) = warnings_of(world, packages)
    assert warning.startswith("NVIDIA T4 stays unused: no installed plugin brings the backend 'hugging-face'")
    assert warning.endswith("to use it: pip install inference-models-hf")


def test_backend_that_gives_no_reason(world):
    assert warnings_of(world) == ("NVIDIA T4 stays unused: onnx can use only the CPU here",)


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param({"gpu_seen": ""}, id="no GPU"),
        pytest.param({"device": CPU}, id="the CPU was asked for"),
        pytest.param({"onnx": report("onnx", devices=(GPU, CPU))}, id="the GPU is used"),
        pytest.param({"onnx": report("onnx", availability="unavailable", reason="x")}, id="nothing runs"),
    ],
)
def test_no_warning(world, situation):
    assert warnings_of(world, **situation) == ()


def test_an_explicit_device_never_falls_to_the_cpu(world):
    negotiation = world.negotiate([world.package()], world.request(device=Device("cuda")), gpu_seen="NVIDIA T4")
    assert negotiation.accepted == ()
    assert negotiation.rejected[0].code == "device-unavailable"

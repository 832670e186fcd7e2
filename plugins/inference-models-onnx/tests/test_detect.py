"""Detection against real metadata folders and stand-in runtimes on ``sys.path``."""

from __future__ import annotations

import importlib
import sys

import onnxruntime  # so that the real one is restored after each test
import pytest
from inference_models_core.errors import CannotOpenHereError
from inference_models_core.runtime.facts import Gpu
from inference_models_core.runtime.probe import RuntimeProbe
from inference_models_core.types.backends import Availability
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.health import Verdict
from inference_models_onnx import health
from inference_models_onnx.backend import OnnxBackend
from inference_models_onnx.builds import installed_builds
from inference_models_onnx.detect import is_plain_cpu_build, report

CPU_ONLY = ("AzureExecutionProvider", "CPUExecutionProvider")
CUDA = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


def no_gpu():
    return RuntimeProbe(gpus=(), jetson=None)


def two_gpus():
    return RuntimeProbe(gpus=(Gpu(index=0, name="NVIDIA L4"), Gpu(index=1, name="NVIDIA L4")), jetson=None)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes a machine with these distributions and a module ``onnxruntime`` with these providers."""
    assert onnxruntime.__name__ in sys.modules
    standard = [entry for entry in sys.path if "site-packages" not in entry and "/src" not in entry]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *standard])
    monkeypatch.delitem(sys.modules, "onnxruntime")

    def make(builds, providers=CPU_ONLY, module=None):
        for name, version in builds.items():
            folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if providers is not None:
            (tmp_path / "onnxruntime").mkdir()
            listed = f"def get_available_providers(): return {list(providers)!r}\n"
            source = "__version__ = '1.23.2'\nclass InferenceSession: ...\n" + listed
            (tmp_path / "onnxruntime" / "__init__.py").write_text(module if module is not None else source)
        importlib.invalidate_caches()

    return make


def test_nothing_is_installed(machine):
    machine({}, providers=None)
    found = report(no_gpu())
    assert (found.availability, found.code) == (Availability.UNAVAILABLE, "runtime-not-installed")
    assert found.fix == 'pip install "inference-models-onnx[cpu]"'


def test_the_cpu_build(machine):
    machine({"onnxruntime": "1.23.2"})
    found = report(no_gpu())
    assert found.availability is Availability.AVAILABLE
    assert (found.version, found.devices) == ("1.23.2", (CPU,))
    assert found.capabilities == {"providers": ",".join(CPU_ONLY), "build": "onnxruntime", "examined": "runtime"}


LIBRARIES = ("onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so", "libonnxruntime_providers_shared.so")


@pytest.fixture
def unimportable(machine, tmp_path):
    """A machine whose onnxruntime has these libraries, and breaks when it is imported."""

    def make(builds, *libraries):
        machine(builds, module="raise ImportError('must not be imported for a plan')")
        (tmp_path / "onnxruntime" / "capi").mkdir()
        for library in libraries:
            (tmp_path / "onnxruntime" / "capi" / library).touch()

    return make


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the files of the builds for Linux")
def test_the_plain_cpu_build_is_known_by_its_files(unimportable):
    unimportable({"onnxruntime": "1.23.2"}, *LIBRARIES)
    found = report(no_gpu())
    assert (found.availability, found.version, found.devices) == (Availability.AVAILABLE, "1.23.2", (CPU,))
    assert found.capabilities["examined"] == "files"
    assert "onnxruntime" not in sys.modules
    assert report(two_gpus()).code == "gpu-unused"


@pytest.mark.parametrize(
    ("builds", "libraries"),
    [
        ({"onnxruntime": "1.23.2"}, (*LIBRARIES, "libonnxruntime_providers_cuda.so")),  # a build of one's own
        ({"onnxruntime": "1.23.2"}, LIBRARIES[1:]),  # the runtime itself is gone
        ({"onnxruntime-gpu": "1.23.2"}, LIBRARIES),
        ({"onnxruntime": "1.23.2", "onnxruntime-gpu": "1.23.2"}, LIBRARIES),
        ({}, LIBRARIES),
    ],
)
def test_anything_else_is_imported(unimportable, builds, libraries):
    unimportable(builds, *libraries)
    assert report(no_gpu()).code == "runtime-broken"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_on_other_systems_files_do_not_tell(unimportable, platform):
    unimportable({"onnxruntime": "1.23.2"}, *LIBRARIES)
    assert not is_plain_cpu_build(["onnxruntime"], platform)


def test_a_runtime_that_breaks_when_it_is_needed_gives_way(unimportable, tmp_path):
    unimportable({"onnxruntime": "1.23.2"}, *LIBRARIES)
    with pytest.raises(CannotOpenHereError, match="cannot be imported") as caught:
        OnnxBackend().open_session(tmp_path / "weights.onnx")
    assert "pip" in caught.value.hint


def test_the_gpu_build(machine):
    machine({"onnxruntime-gpu": "1.23.2"}, CUDA)
    found = report(two_gpus())
    assert found.availability is Availability.AVAILABLE
    assert found.devices == (Device("cuda", 0), Device("cuda", 1), CPU)
    assert found.capabilities["build"] == "onnxruntime-gpu"


def test_the_gpu_build_without_a_gpu(machine):
    machine({"onnxruntime-gpu": "1.23.2"}, CUDA)
    found = report(no_gpu())
    assert (found.availability, found.devices) == (Availability.AVAILABLE, (CPU,))


def test_a_gpu_that_stays_unused_is_named_with_the_line_that_mends_it(machine):
    machine({"onnxruntime": "1.23.2"})
    found = report(two_gpus())
    assert (found.availability, found.code, found.devices) == (Availability.DEGRADED, "gpu-unused", (CPU,))
    assert "NVIDIA L4" in found.reason
    assert found.fix == 'pip uninstall -y onnxruntime && pip install "inference-models-onnx[gpu]"'


@pytest.mark.parametrize("probe", [no_gpu, two_gpus])
def test_both_builds(machine, probe):
    machine({"onnxruntime": "1.23.2", "onnxruntime-gpu": "1.22.0"}, CUDA)
    found = report(probe())
    assert (found.availability, found.code) == (Availability.DEGRADED, "conflicting-builds")
    assert "onnxruntime 1.23.2 and onnxruntime-gpu 1.22.0" in found.reason
    fix = 'pip uninstall -y onnxruntime onnxruntime-gpu && pip install "inference-models-onnx[gpu]"'
    assert found.fix == fix


def test_a_third_build_is_kept_when_two_clash(machine):
    machine({"onnxruntime": "1.23.2", "onnxruntime-directml": "1.22.0"})
    assert report(no_gpu()).fix == (
        "pip uninstall -y onnxruntime onnxruntime-directml && pip install onnxruntime-directml"
    )


def test_the_folder_that_is_left_when_one_of_two_builds_is_removed(machine, tmp_path):
    machine({"onnxruntime": "1.23.2"}, providers=None)
    (tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    found = report(no_gpu())
    assert (found.availability, found.code) == (Availability.UNAVAILABLE, "runtime-broken")
    assert "removed" in found.reason
    assert found.fix == 'pip uninstall -y onnxruntime && pip install "inference-models-onnx[cpu]"'


def test_a_runtime_that_cannot_be_imported(machine):
    machine({"onnxruntime": "1.17.0"}, module="raise ImportError('numpy.core.multiarray failed to import')")
    found = report(no_gpu())
    assert found.code == "runtime-broken"
    assert "multiarray" in found.reason


def test_a_runtime_without_metadata_is_used(machine):
    machine({})
    found = report(no_gpu())
    assert (found.availability, found.capabilities["build"]) == (Availability.AVAILABLE, "unknown")


@pytest.mark.parametrize(
    ("providers", "devices"),
    [
        (("DmlExecutionProvider", "CPUExecutionProvider"), (Device("dml"), CPU)),
        (("QNNExecutionProvider", "CPUExecutionProvider"), (Device("npu"), CPU)),
        (("CoreMLExecutionProvider", "CPUExecutionProvider"), (CPU, Device("coreml"))),
        (("OpenVINOExecutionProvider", "CPUExecutionProvider"), (CPU,)),
    ],
)
def test_devices_of_other_builds(machine, providers, devices):
    machine({"onnxruntime": "1.23.2"}, providers)
    assert report(no_gpu()).devices == devices


def test_the_real_runtime_of_this_environment():
    found = report(no_gpu())
    assert found.version == onnxruntime.__version__
    assert CPU in found.devices
    assert set(installed_builds()) == set(found.capabilities["build"].split(","))


def test_health_of_builds(machine):
    machine({"onnxruntime": "1.23.2"})
    found = health.check_builds()
    assert (found.verdict, found.message) == (Verdict.OK, "onnxruntime 1.23.2")


def test_health_without_a_build(machine):
    machine({}, providers=None)
    assert health.check_builds().verdict is Verdict.WARNING
    assert health.check_gpu().verdict is Verdict.FAILED


def test_health_with_two_builds(machine):
    machine({"onnxruntime": "1.23.2", "onnxruntime-gpu": "1.23.2"})
    found = health.check_builds()
    assert found.verdict is Verdict.FAILED
    assert found.fix.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && ")


@pytest.mark.parametrize(("probe", "verdict"), [(no_gpu(), Verdict.OK), (two_gpus(), Verdict.WARNING)])
def test_health_of_the_gpu(machine, monkeypatch, probe, verdict):
    machine({"onnxruntime": "1.23.2"})
    monkeypatch.setattr("inference_models_core.runtime.probe.RuntimeProbe", lambda: probe)
    found = health.check_gpu()
    assert found.verdict is verdict
    assert (verdict is Verdict.OK) or "NVIDIA L4" in found.message

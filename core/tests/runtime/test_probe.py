from __future__ import annotations

import os
import platform
import subprocess
import sys

import attrs
import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.runtime import nvml
from inference_models_core.runtime import probe as probe_module
from inference_models_core.runtime.facts import Gpu, Jetson
from inference_models_core.runtime.nvml import NvmlFacts
from inference_models_core.runtime.probe import RuntimeProbe, may_have_gpu
from inference_models_core.runtime.system import os_release, read_system, read_text

GPU = Gpu(index=0, name="NVIDIA L4", memory_bytes=1, compute_capability=(8, 9))


@pytest.fixture
def seen(monkeypatch):
    """Replaces what NVML says, and counts how often it is asked and for which visible devices."""
    asked = []

    def set_facts(**facts):
        monkeypatch.setattr(nvml, "read_nvml", lambda visible: asked.append(visible) or NvmlFacts(**facts))
        monkeypatch.setattr(probe_module, "may_have_gpu", lambda environ: True)
        return asked

    return set_facts


def test_facts_are_found_out_once_and_only_when_asked(seen):
    asked = seen(gpus=(GPU,), driver_version="550.1", cuda_driver_version=(12, 4))
    probe = RuntimeProbe(environ={"CUDA_VISIBLE_DEVICES": "0"})
    probe.system()
    assert asked == []
    assert probe.gpus() == (GPU,)
    assert probe.gpus() == (GPU,)
    assert (probe.driver_version(), probe.cuda_driver_version()) == ("550.1", (12, 4))
    assert asked == ["0"]


@pytest.mark.parametrize(
    ("environ", "platform", "device_file", "expected"),
    [
        ({}, "linux", None, False),
        ({}, "linux", "/dev/nvidiactl", True),
        ({}, "linux", "/dev/nvmap", True),
        ({}, "linux", "/dev/dxg", True),
        ({}, "linux", "/dev/dri", False),
        ({}, "win32", None, True),
        ({"JETSON_MODULE": "jetson-orin-nano"}, "linux", None, True),
        ({"INFERENCE_MODELS_OVERRIDE_CUDA": "12.4"}, "linux", None, True),
    ],
)
def test_a_machine_without_a_trace_of_a_gpu_is_not_searched(monkeypatch, environ, platform, device_file, expected):
    monkeypatch.setattr("os.path.exists", lambda path: path == device_file)
    assert may_have_gpu(environ, platform) is expected


def test_what_is_given_is_not_found_out(seen):
    asked = seen()
    system = attrs.evolve(read_system(), os="other")
    probe = RuntimeProbe(
        gpus=(GPU,), driver_version="1", cuda_driver_version=None, jetson=Jetson(), system=system, environ={}
    )
    assert probe.gpus() == (GPU,)
    assert (probe.driver_version(), probe.cuda_driver_version(), probe.jetson()) == ("1", None, Jetson())
    assert probe.system() is system
    assert asked == []


@pytest.mark.parametrize(
    ("text", "version", "gpus"), [("12.4", (12, 4), (GPU,)), ("11.8.0", (11, 8), (GPU,)), ("", None, ())]
)
def test_cuda_can_be_overridden(seen, text, version, gpus):
    seen(gpus=(GPU,), cuda_driver_version=(13, 0))
    probe = RuntimeProbe(environ={"INFERENCE_MODELS_OVERRIDE_CUDA": text})
    assert probe.cuda_driver_version() == version
    assert probe.gpus() == gpus


def test_an_override_that_is_no_version_is_an_error(seen):
    seen()
    with pytest.raises(InvalidRequestError, match="INFERENCE_MODELS_OVERRIDE_CUDA"):
        RuntimeProbe(environ={"INFERENCE_MODELS_OVERRIDE_CUDA": "twelve"}).cuda_driver_version()


def test_a_jetson_without_nvml_has_a_gpu_and_its_linux_for_a_driver(seen):
    seen()
    probe = RuntimeProbe(environ={"JETSON_MODULE": "jetson-orin-nano", "L4T_VERSION": "36.4.3"})
    (gpu,) = probe.gpus()
    assert (gpu.name, gpu.compute_capability) == ("jetson-orin-nano", (8, 7))
    assert probe.driver_version() == "36.4.3"


def test_installed_versions_come_from_metadata():
    from importlib import metadata

    probe = RuntimeProbe()
    assert probe.installed_version("PyTest") == metadata.version("pytest")
    assert probe.installed_version("no-such-distribution") is None
    assert RuntimeProbe(installed={"a": "1"}.get).installed_version("a") == "1"


def test_the_system_is_this_one():
    system = read_system()
    assert system.python == f"{platform.python_implementation()} {platform.python_version()}"
    assert 1 <= system.cpu_count <= os.cpu_count()
    assert system.machine == platform.machine()
    assert system.os == {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}[platform.system()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /etc and /proc")
def test_linux_says_its_name_in_files(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text('PRETTY_NAME="x"\nNAME="Ubuntu"\nVERSION_ID="24.04"\n# c\n')
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("processor : 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: other\n")
    system = read_system(tmp_path)
    assert (system.os_version, system.cpu_name) == ("Ubuntu 24.04", "AMD EPYC 7B13")


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("NAME=Fedora\nVERSION_ID=41\n", "Fedora 41"),
        ("NAME='Arch Linux'\n", "Arch Linux"),
        ("", ""),
        ("VERSION_ID=1", "1"),
    ],
)
def test_os_release(document, name):
    assert os_release(document) == name


def test_files_that_cannot_be_read_are_empty(tmp_path):
    assert read_text(tmp_path) == ""
    assert read_text(tmp_path / "missing") == ""


def test_asking_everything_starts_no_process_and_imports_no_runtime():
    script = (
        "import sys\n"
        "import subprocess\n"
        "def refuse(event, args):\n"
        "    if event in ('subprocess.Popen', 'os.system', 'os.posix_spawn', 'os.fork', 'os.exec'):\n"
        "        raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from inference_models_core.runtime.probe import RuntimeProbe\n"
        "probe = RuntimeProbe()\n"
        "print(probe.gpus(), probe.driver_version(), probe.cuda_driver_version(), probe.jetson(), probe.system())\n"
        "heavy = {'torch', 'numpy', 'onnxruntime', 'tensorrt', 'cuda', 'pynvml', 'packaging'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

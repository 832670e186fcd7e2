"""Detection against folders that look like PyTorch and break when they are imported."""

from __future__ import annotations

import importlib
import sys

import pytest
from inference_models_core.runtime.facts import Gpu, SystemFacts
from inference_models_core.runtime.probe import RuntimeProbe
from inference_models_core.types.backends import Availability
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.health import Verdict
from inference_models_torch import detect, health
from inference_models_torch.builds import Build, installed_build, is_older, release_of

VERSION = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '{version}'
debug = False
cuda: Optional[str] = {cuda}
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
hip: Optional[str] = {hip}
"""


def probe(gpus=0, driver=None, machine="x86_64", os="linux"):
    system = SystemFacts(os=os, os_version="", machine=machine, cpu_name="", cpu_count=2, python="")
    found = tuple(Gpu(index=i, name="NVIDIA L4") for i in range(gpus))
    return RuntimeProbe(gpus=found, cuda_driver_version=driver, jetson=None, system=system)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with this PyTorch on the disk."""
    standard = [entry for entry in sys.path if "site-packages" not in entry and "/src" not in entry]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *standard])
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)

    def make(version="2.13.0+cpu", cuda=None, hip=None, text=None, **others):
        for name, said in {"torch": version, **others}.items():
            folder = tmp_path / f"{name}-{said}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {said}\n")
        if text != "":
            (tmp_path / "torch").mkdir()
            (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('must not be imported for a plan')")
            filled = VERSION.format(version=version, cuda=repr(cuda), hip=repr(hip))
            (tmp_path / "torch" / "version.py").write_text(filled if text is None else text)
        importlib.invalidate_caches()

    return make


def report(found_by):
    return detect.report("torch-script", found_by)


def test_nothing_is_installed(machine):
    found = report(probe())
    assert (found.availability, found.code) == (Availability.UNAVAILABLE, "runtime-not-installed")
    assert found.fix == 'pip install "inference-models-torch[torch]"'


def test_a_build_for_the_cpu(machine):
    machine(torchvision="0.28.0")
    found = report(probe())
    assert (found.availability, found.version, found.devices) == (Availability.AVAILABLE, "2.13.0+cpu", (CPU,))
    assert found.capabilities == {"cuda": "", "torchvision": "0.28.0"}
    assert "torch" not in sys.modules


@pytest.mark.parametrize("driver", [(13, 0), (13, 2), (14, 0), None])
def test_a_build_for_gpus(machine, driver):
    machine("2.13.0+cu132", cuda="13.2")
    found = report(probe(2, driver))
    assert found.devices == (Device("cuda", 0), Device("cuda", 1), CPU)
    assert found.availability is Availability.AVAILABLE


def test_a_build_for_gpus_without_one(machine):
    machine("2.13.0", cuda="13.0")
    found = report(probe())
    assert (found.availability, found.devices) == (Availability.AVAILABLE, (CPU,))


def test_a_gpu_that_stays_unused(machine):
    machine()
    found = report(probe(1, (13, 0)))
    assert (found.availability, found.code, found.devices) == (Availability.DEGRADED, "gpu-unused", (CPU,))
    assert "NVIDIA L4" in found.reason
    assert found.fix


def test_a_driver_that_is_too_old(machine):
    machine("2.13.0", cuda="13.0")
    found = report(probe(1, (12, 4)))
    assert (found.availability, found.code, found.devices) == (Availability.DEGRADED, "driver-too-old", (CPU,))
    assert "12.4" in found.reason


def test_a_gpu_of_amd(machine, tmp_path, monkeypatch):
    machine("2.13.0+rocm7.0", hip="7.0.1")
    assert report(probe()).devices == (CPU,)
    monkeypatch.setattr(detect, "_AMD_TRACE", tmp_path)
    assert report(probe()).devices == (Device("cuda"), CPU)


@pytest.mark.parametrize(
    ("platform", "processor", "expected"),
    [("darwin", "arm64", True), ("darwin", "x86_64", False), ("linux", "arm64", False)],
)
def test_a_gpu_of_apple(platform, processor, expected):
    assert detect.has_mps(probe(machine=processor), platform) is expected


@pytest.mark.parametrize("text", ["", "__version__ = get_version()\n"])
def test_files_that_are_missing_or_cut(machine, text):
    machine(text=text)
    found = report(probe())
    assert (found.availability, found.code) == (Availability.UNAVAILABLE, "runtime-broken")
    assert found.fix == "pip install --force-reinstall torch==2.13.0+cpu"


@pytest.mark.parametrize(
    ("line", "build"),
    [
        ("__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'", Build("2.11.0+cu130", "13.0")),
        ('__version__ = "2.1"\ncuda = None\nhip = "6.0"', Build("2.1", "", "6.0")),
        ("__version__ = '2.13.0'", Build("2.13.0")),
    ],
)
def test_ways_to_write_it(machine, line, build):
    machine(text=line)
    assert installed_build() == build


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.13.0+cpu", (2, 13, 0)), ("2.6.0a0+df5bbc09d1.nv24.12", (2, 6, 0)), ("2.7", (2, 7, 0)), ("main", None)],
)
def test_versions(version, release):
    assert release_of(version) == release


def test_older():
    assert is_older("2.9.1", "2.10")
    assert not is_older("2.10.0", "2.10")
    assert not is_older("unknown", "2.10")
    assert not is_older("2.9", "")


@pytest.mark.parametrize(
    ("version", "cuda", "gpus", "verdict"),
    [("2.13.0", None, 0, Verdict.OK), ("2.13.0", None, 1, Verdict.WARNING), ("2.9.0", None, 0, Verdict.WARNING)],
)
def test_health(machine, monkeypatch, version, cuda, gpus, verdict):
    machine(version, cuda=cuda)
    monkeypatch.setattr("inference_models_core.runtime.probe.RuntimeProbe", lambda: probe(gpus))
    found = health.check_build()
    assert found.verdict is verdict
    assert verdict is Verdict.OK or found.fix


def test_health_of_nothing_and_of_ruins(machine, monkeypatch):
    monkeypatch.setattr("inference_models_core.runtime.probe.RuntimeProbe", probe)
    assert health.check_build().verdict is Verdict.WARNING
    machine(text="")
    assert health.check_build().verdict is Verdict.FAILED


def test_the_real_one_of_this_environment():
    torch = pytest.importorskip("torch")
    build = installed_build()
    assert (build.version, build.cuda or None) == (torch.__version__, torch.version.cuda)

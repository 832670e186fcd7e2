from __future__ import annotations

import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.runtime.facts import Jetson
from inference_models_core.runtime.jetson import gpu_of_jetson, parse_l4t, read_jetson

ORIN = "NVIDIA Jetson Orin Nano Developer Kit\0"
RELEASE = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 2025\n"


@pytest.fixture
def root(tmp_path):
    def make(model=None, release=None, memory=None):
        files = {"proc/device-tree/model": model, "etc/nv_tegra_release": release, "proc/meminfo": memory}
        for path, text in files.items():
            if text is not None:
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_text(text)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("model", "module", "capability"),
    [
        (ORIN, "nvidia-jetson-orin-nano-developer-kit", (8, 7)),
        ("NVIDIA Jetson AGX Thor Developer Kit\0", "nvidia-jetson-agx-thor-developer-kit", (11, 0)),
        ("NVIDIA Orin NX Developer Kit\0", "nvidia-orin-nx-developer-kit", (8, 7)),
        ("NVIDIA Jetson Xavier NX Developer Kit\0", "nvidia-jetson-xavier-nx-developer-kit", (7, 2)),
        ("Jetson-AGX\0", "jetson-agx", (7, 2)),
        ("quill\0", "quill", (6, 2)),
        ("NVIDIA Jetson Nano Developer Kit\0", "nvidia-jetson-nano-developer-kit", (5, 3)),
    ],
)
def test_modules_of_the_device_tree(root, model, module, capability):
    jetson = read_jetson({}, root(model, RELEASE))
    assert jetson == Jetson(module=module, l4t_version="36.4.3", compute_capability=capability)


@pytest.mark.parametrize("model", [None, "", "Raspberry Pi 4 Model B\0", "FriendlyElec NanoPi\0", "Orin\0"])
def test_other_boards_are_none(root, model):
    assert read_jetson({}, root(model, RELEASE)) is None


def test_containers_say_it_with_variables(root):
    environ = {"RUNNING_ON_JETSON": "True", "JETSON_MODULE": "Jetson Orin NX", "L4T_VERSION": "35.4.1"}
    expected = Jetson(module="jetson-orin-nx", l4t_version="35.4.1", compute_capability=(8, 7))
    assert read_jetson(environ, root()) == expected


def test_a_module_in_a_variable_is_enough(root):
    assert read_jetson({"JETSON_MODULE": "orin-nx"}, root()).compute_capability == (8, 7)


def test_the_switch_decides(root):
    assert read_jetson({"RUNNING_ON_JETSON": "true"}, root()) == Jetson()
    assert read_jetson({"RUNNING_ON_JETSON": "false", "JETSON_MODULE": "orin-nx"}, root(ORIN)) is None
    assert read_jetson({"RUNNING_ON_JETSON": ""}, root(ORIN)).l4t_version == ""
    with pytest.raises(InvalidRequestError, match="RUNNING_ON_JETSON"):
        read_jetson({"RUNNING_ON_JETSON": "maybe"}, root())


@pytest.mark.parametrize(
    ("document", "version"),
    [
        (RELEASE, "36.4.3"),
        ("# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t186ref, EABI: aarch64", "32.7.1"),
        ("# R38 (release), REVISION: 2.0", "38.2.0"),
        ("something else", ""),
        ("", ""),
    ],
)
def test_release_files(document, version):
    assert parse_l4t(document) == version


def test_the_gpu_shares_the_systems_memory(root):
    gpu = gpu_of_jetson(
        Jetson(module="orin", compute_capability=(8, 7)), root(memory="MemFree: 1 kB\nMemTotal:  7990360 kB\n")
    )
    assert (gpu.index, gpu.name, gpu.memory_bytes, gpu.compute_capability) == (0, "orin", 7990360 * 1024, (8, 7))
    assert gpu_of_jetson(Jetson(), root(memory="")).memory_bytes == 0

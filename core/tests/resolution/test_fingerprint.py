"""What makes a choice one of another machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from inference_models_core import hookimpl
from inference_models_core.resolution import fingerprint
from inference_models_core.resolution.fingerprint import (
    DEVICE_VARIABLES,
    SEARCH_VARIABLES,
    fingerprint_facts,
    machine_fingerprint,
    variables,
)
from inference_models_core.runtime.facts import Gpu
from inference_models_core.types.backends import BackendSpec

L4 = Gpu(index=0, name="NVIDIA L4", compute_capability=(8, 9), memory_bytes=24, uuid="GPU-1")


class Backend:
    @hookimpl
    def register_backends(self):
        yield BackendSpec(name="toy", requires_any=("Toy_Runtime>=1", "attrs"))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in DEVICE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_it_is_the_same_in_every_process(world):
    assert machine_fingerprint(world.host()) == machine_fingerprint(world.host())


def test_it_is_worked_out_once_for_each_state_of_a_host(world, monkeypatch):
    host = world.host()
    first = machine_fingerprint(host)
    monkeypatch.setattr(fingerprint, "fingerprint_facts", None)
    assert machine_fingerprint(host) == first


def test_a_host_that_changes_gets_another(world):
    host = world.host()
    before = machine_fingerprint(host)
    host.register(Backend(), "toy", "1")
    with_plugin = machine_fingerprint(host)
    host.unregister("toy")
    host.register(Backend(), "toy", "2")
    assert len({before, with_plugin, machine_fingerprint(host)}) == 3
    host.unregister("toy")
    assert machine_fingerprint(host) == before


@pytest.mark.parametrize("name", DEVICE_VARIABLES)
def test_variables_that_choose_devices_count_at_once(world, monkeypatch, name):
    host = world.host()
    before = machine_fingerprint(host)
    monkeypatch.setenv(name, "")
    empty = machine_fingerprint(host)
    monkeypatch.setenv(name, "0")
    assert len({before, empty, machine_fingerprint(host)}) == 3
    monkeypatch.delenv(name)
    assert machine_fingerprint(host) == before


def test_other_variables_do_not_count(monkeypatch):
    before = variables()
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert variables() == before
    assert set(before) <= set(SEARCH_VARIABLES)


@pytest.mark.parametrize("name", SEARCH_VARIABLES)
def test_where_libraries_are_looked_for_counts_as_it_was_before_anything_was_loaded(name):
    """Importing OpenCV puts a folder of its own in front."""
    code = (
        "import os\n"
        "from inference_models_core.resolution.fingerprint import variables\n"
        f"os.environ[{name!r}] = 'later'\n"
        f"print(variables()[{name!r}])"
    )
    start = os.pathsep.join(("first", os.environ.get(name, "")))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, name: start}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == start


@pytest.mark.parametrize(
    "probe",
    [
        {"gpus": (L4,), "driver_version": "550.1"},
        {"gpus": (L4,), "driver_version": "560.2"},
        {"gpus": (L4, L4), "driver_version": "550.1"},
        {"gpus": (Gpu(index=0, name="NVIDIA T4", compute_capability=(7, 5)),), "driver_version": "550.1"},
    ],
)
def test_gpus_and_driver_count(world, probe):
    assert fingerprint_facts(world.host(**probe))["gpus"] == [
        probe["driver_version"],
        *[[gpu.name, list(gpu.compute_capability)] for gpu in probe["gpus"]],
    ]
    assert machine_fingerprint(world.host(**probe)) != machine_fingerprint(world.host())


def test_which_gpu_of_one_kind_it_is_does_not_count(world):
    twin = Gpu(index=0, name="NVIDIA L4", compute_capability=(8, 9), uuid="GPU-2")
    first, second = world.host(gpus=(L4,), driver_version="1"), world.host(gpus=(twin,), driver_version="1")
    assert machine_fingerprint(first) == machine_fingerprint(second)


def test_no_driver_is_looked_for_where_there_is_no_gpu(world, monkeypatch):
    host = world.host()
    monkeypatch.setattr(host.probe, "driver_version", None)
    assert fingerprint_facts(host)["gpus"] == []


def test_versions_of_plugins_runtimes_and_everything_installed_count(world):
    host = world.host(Backend())
    facts = fingerprint_facts(host)
    assert dict(facts["runtimes"]) == {"toy-runtime": None, "attrs": host.installed_version("attrs")}
    assert ["loopback", "", "1"] in [plugin[:3] for plugin in facts["plugins"]]
    assert ("attrs", host.installed_version("attrs")) in facts["installed"]


@pytest.mark.parametrize("change", [("numpy", "0"), ("nvidia-cudnn-cu12", "9.1")])
def test_an_installation_changes_it(world, monkeypatch, change):
    before = machine_fingerprint(world.host())
    host = world.host()
    installed = {**host.installed_versions(), change[0]: change[1]}
    monkeypatch.setattr(host, "installed_versions", lambda: installed)
    assert machine_fingerprint(host) != before


def test_no_runtime_is_imported():
    code = (
        "import sys; from inference_models_core import PluginHost;"
        "from inference_models_core.resolution.fingerprint import machine_fingerprint;"
        "print(machine_fingerprint(PluginHost()));"
        "print([name for name in ('onnxruntime', 'torch', 'numpy', 'importlib.metadata') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    digest, imported = done.stdout.splitlines()
    assert len(digest) == 64
    assert imported == "[]"

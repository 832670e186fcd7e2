"""What is imported when: core is light, describing a plugin costs nothing, planning loads next to nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "requests", "cv2", "onnxruntime", "torch", "PIL", "rich"}
LATER = {"click", "packaging", "platformdirs", "filelock", "asyncio", "concurrent", "http", "ssl"}
PLUGINS = sorted(
    entry.value
    for entry in importlib.metadata.entry_points(group="inference_models.plugins")
    if entry.value.startswith("inference_models_")
)
CATALOGS = sorted(
    name
    for name in (f"{plugin.partition('.')[0]}.catalog" for plugin in PLUGINS)
    if importlib.util.find_spec(name) is not None
)

BASE = """
import importlib, json, pkgutil, sys
import inference_models_core.hookspecs
import inference_models_core.types as types
for module in pkgutil.iter_modules(types.__path__, types.__name__ + "."):
    importlib.import_module(module.name)
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
ASK = """
plugin = importlib.import_module({name!r})
for hook in ("backends", "models", "pipelines", "weights_providers", "health_checks"):
    register = getattr(plugin, "register_" + hook, None)
    first, second = (list(register()) if register else [] for _ in range(2))
    assert first == second, hook
"""


def modules_after(code: str) -> set[str]:
    """Top-level names of what a fresh process has imported after running the code."""
    return {
        name.partition(".")[0] for name in _printed(code + "\nimport json, sys; print(json.dumps(list(sys.modules)))")
    }


def modules_added_by(code: str) -> set[str]:
    """What a fresh process imports beyond the value types of core and the standard library."""
    added = _printed(BASE.format(code=code))
    return {name for name in added if name.partition(".")[0] not in sys.stdlib_module_names}


def _printed(code: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_core_imports_nothing_heavy():
    assert not modules_after("import inference_models_core") & (HEAVY | LATER)


def test_public_names_that_only_describe_import_nothing_heavy():
    code = (
        "from inference_models_core import errors, hookspecs; from inference_models_core.types import backends, models"
    )
    assert not modules_after(code) & (HEAVY | LATER)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere detection imports ONNX Runtime")
def test_planning_loads_nothing_heavy():
    """Not even the runtime in question: of its plain CPU build everything is known from its files."""
    code = "from inference_models_core import AutoModel; assert AutoModel.plan('samples/shapes-detector').accepted"
    assert not modules_after(code) & HEAVY


def test_our_plugins_are_found():
    assert {"inference_models_vision.plugin", "inference_models_onnx.plugin"} <= set(PLUGINS)
    assert "inference_models_vision.catalog" in CATALOGS


@pytest.mark.parametrize("name", PLUGINS)
def test_plugin_module_and_its_descriptions_import_only_core(name):
    package = name.partition(".")[0]
    added = modules_added_by(ASK.format(name=name))
    assert {each.partition(".")[0] for each in added} <= {package, "inference_models_core"}


@pytest.mark.parametrize("name", CATALOGS)
def test_catalog_imports_only_core(name):
    package = name.partition(".")[0]
    added = modules_added_by(f"importlib.import_module({name!r})")
    assert {each.partition(".")[0] for each in added} <= {package, "inference_models_core"}

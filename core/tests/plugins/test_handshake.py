from __future__ import annotations

import sys

import pytest
from inference_models_core.plugins.handshake import api_stated_in_source, check_api, check_requirements
from inference_models_core.types.plugins import PluginIdentity

PLUGIN = PluginIdentity(name="mine", distribution="my-plugin", version="1.0")


@pytest.mark.parametrize(
    ("stated", "core", "fits", "fix"),
    [
        ("1.0", "1.0", True, ""),
        ("1.0", "1.3", True, ""),
        ("1.4", "1.3", False, "pip install --upgrade inference-models-core"),
        ("2.0", "1.3", False, "pip install --upgrade inference-models-core"),
        ("1.3", "2.0", False, "pip install --upgrade my-plugin"),
        ("1.10", "1.9", False, "pip install --upgrade inference-models-core"),
        ("1.9", "1.10", True, ""),
        (None, "1.0", False, "pip install --upgrade my-plugin"),
        (1.0, "1.0", False, "pip install --upgrade my-plugin"),
        ("1", "1.0", False, "pip install --upgrade my-plugin"),
        ("1.0.0", "1.0", False, "pip install --upgrade my-plugin"),
        ("one.zero", "1.0", False, "pip install --upgrade my-plugin"),
    ],
)
def test_same_major_and_no_newer_minor(stated, core, fits, fix):
    mismatch = check_api(stated, PLUGIN, core)
    assert (mismatch is None) is fits
    if mismatch is not None:
        assert mismatch.fix == fix


@pytest.mark.parametrize(
    ("requires", "core", "fits"),
    [
        ([], "0.1.0", True),
        (["attrs>=9999"], "0.1.0", True),
        (["inference-models-core>=0.1,<0.2"], "0.1.9", True),
        (["inference-models-core>=0.1,<0.2"], "0.2.0", False),
        (["inference_models_core[onnx] >=0.2"], "0.1.0", False),
        (["inference-models-core>=0.1,<0.2"], "0.1.1.dev3", True),
        (["inference-models-core>=9; extra == 'later'"], "0.1.0", True),
        (["inference-models-core>=0.1", "inference-models-core<0.1.5"], "0.1.6", False),
        (["inference-models-core-extras>=9"], "0.1.0", True),
    ],
)
def test_requirements_on_core_are_evaluated(requires, core, fits):
    mismatch = check_requirements(requires, PLUGIN, core)
    assert (mismatch is None) is fits
    if mismatch is not None:
        assert mismatch.fix == "pip install --upgrade inference-models-core my-plugin"
        assert core in mismatch.reason


SOURCES = [
    ('INFERENCE_MODELS_API = "0.7"\n', ("0.7",)),
    ('INFERENCE_MODELS_API: str = "0.7"  # why\n', ("0.7",)),
    ('"""Example::\n\nINFERENCE_MODELS_API = "9.9"\n"""\nINFERENCE_MODELS_API = "0.7"\n', ("0.7",)),
    ("INFERENCE_MODELS_API = 0.7\n", (0.7,)),
    ("x = 1\n", (None,)),
    ("from elsewhere import *\n", None),
    ("from elsewhere import INFERENCE_MODELS_API\n", None),
    ("INFERENCE_MODELS_API = str(1) + '.0'\n", None),
    ("if True:\n    INFERENCE_MODELS_API = '0.7'\n", None),
    ("INFERENCE_MODELS_API = (\n", None),
    ("# -*- coding: latin-1 -*-\n# \xe9\nINFERENCE_MODELS_API = '0.7'\n", ("0.7",)),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_the_constant_is_read_without_running_anything(tmp_path, monkeypatch, source, expected):
    package = tmp_path / "explosive" / "inner"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "plugin.py").write_bytes(source.encode("latin-1"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    stated = api_stated_in_source("explosive.inner.plugin")
    assert (None if stated is None else (stated.value,)) == expected
    assert "explosive" not in sys.modules


def test_namespace_packages_are_followed(tmp_path, monkeypatch):
    (tmp_path / "spacious").mkdir()
    (tmp_path / "spacious" / "plugin.py").write_text("INFERENCE_MODELS_API = '0.7'")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert api_stated_in_source("spacious.plugin").value == "0.7"
    (tmp_path / "spacious" / "deeper").mkdir()
    (tmp_path / "spacious" / "deeper" / "plugin.py").write_text("INFERENCE_MODELS_API = '0.7'")
    assert api_stated_in_source("spacious.deeper.plugin") in (None, api_stated_in_source("spacious.plugin"))


@pytest.mark.parametrize("module", ["there_is_no_such_module", "json.there_is_no_such_module", "sys", "json.decoder.x"])
def test_where_there_is_no_source_only_the_import_can_tell(module):
    assert api_stated_in_source(module) is None

"""The family of `docs/add-a-family.md`: its page is its code, it is short, and it finds what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import page_code
import pytest
from families.fuzzing import fuzzed
from inference_models_core import AutoModel, LoadOptions, PluginHost
from inference_models_core.errors import InferenceModelsError, UnknownArgumentError
from inference_models_core.predictions import Points
from inference_models_core.testing.fuzzing import survey

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PAGE = (Path(__file__).parents[1] / "docs" / "add-a-family.md").read_text(encoding="utf-8")
FILES = page_code.blocks(PAGE, "file: ")
PACKAGE = "inference_models_heat_map"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    page_code.install(PAGE, PACKAGE, folder)
    return folder


@pytest.fixture(scope="module")
def spots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "spots"
    subprocess.run([sys.executable, "-c", FILES["make_model.py"], folder], check=True, timeout=60)
    return folder


@pytest.fixture
def model(site, spots, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    import inference_models_heat_map.plugin as plugin

    host = PluginHost()
    if "heat-map" not in {record.identity.name for record in host.records()}:
        host.register(plugin, "heat-map", "1")
    with AutoModel.from_pretrained(spots, options=LoadOptions(host=host)) as model:
        yield model


def test_everything_that_an_installer_needs_is_less_than_80_lines():
    own = [code for name, code in FILES.items() if name == "pyproject.toml" or name.startswith(PACKAGE)]
    assert len(own) == 3
    assert sum(bool(line.strip()) for code in own for line in code.splitlines()) < 80


def test_a_reader_can_copy_the_page(site, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path)}

    def run(*command):
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run([sys.executable, *command], **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for name in ("make_model.py", "test_plugin.py"):
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    run("make_model.py", "spots")
    planned = run("-m", "inference_models_core", "plan", "./spots")
    assert "HeatMapPoints (inference-models-heat-map 0.1.0)" in planned
    found = run("-c", page_code.blocks(PAGE, "run")[""])
    spots = re.findall(r"^(\w+) (\d+) (\d+)$", found, flags=re.MULTILINE)
    assert [name for name, _, _ in spots] == ["red", "blue"]
    places = [(int(x), int(y)) for _, x, y in spots]
    np.testing.assert_allclose(places, [(60, 70), (230, 110)], atol=12)  # a cell of the map is 20 pixels of the picture
    assert (tmp_path / "found.png").is_file()
    assert "passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plugin.py")


def test_it_takes_batches_thresholds_and_no_unknown_arguments(model):
    red = np.zeros((64, 64, 3), np.uint8)
    red[20:32, 40:52, 2] = 255  # arrays are BGR
    nothing, found = model([np.zeros((30, 50, 3), np.uint8), red])
    assert len(nothing) == 0
    assert found.class_name.tolist() == ["red"]
    np.testing.assert_allclose(found.xy, [[46, 26]], atol=4)
    assert len(model(red, confidence=1.0)[0]) <= 1
    with pytest.raises(UnknownArgumentError, match="confidenc"):
        model(red, confidenc=0.5)


def test_strange_outputs(model):
    preprocessed = model.pre_process(np.zeros((48, 64, 3), np.uint8))
    valid = [np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)]

    def take(seed):
        outputs = tuple(output if output.shape[:1] == (1,) else output[None] for output in fuzzed(seed, valid))
        (result,) = model.post_process([outputs], preprocessed)
        assert isinstance(result, Points)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = survey(range(1000), take)
    assert found.escaped == ()
    assert min(found.accepted, found.refused) > 100
    with pytest.raises(InferenceModelsError, match="2 classes, and an output of shape"):
        model.post_process([(valid[0][None, :1],)], preprocessed)

"""A bare name is never a path: a folder of that name in the current folder is nobody's model, on every way in."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import inference_models_provider_samples
import pytest
from inference_models_core import AutoModel, AutoModelPipeline
from inference_models_core.errors import InferenceModelsError

MODEL = "samples/shapes-detector"
NAMES = ["rfdetr-base", "acme/3", MODEL, "yolov8n-640", "sam2.1"]
CONFIG = {"model_module": "model.py", "model_class": "Mine"}
SHADOWS = ("numpy", "onnxruntime", "requests", "inference_models_core", "sitecustomize", "click", "model")

WAYS = {
    "from_pretrained": AutoModel.from_pretrained,
    "plan": AutoModel.plan,
    "pull": AutoModel.pull,
    "find_cached": AutoModel.find_cached,
    "describe_model": AutoModel.describe_model,
    "pipeline": lambda name, **said: AutoModelPipeline.from_pretrained("detect-then-crop", [name, name], **said),
}
COMMANDS = ["plan", "describe", "pull", "predict"]


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A current folder full of packages named like ids and modules named like everybody's; what runs there shows."""
    here, sentinel = tmp_path / "here", tmp_path / "sentinel"
    here.mkdir()
    code = f"open({str(sentinel)!r}, 'w').close()\nclass Mine:\n    from_pretrained = classmethod(lambda c, p: c())\n"
    for name in NAMES:
        (here / name).mkdir(parents=True)
        (here / name / "model_config.json").write_text(json.dumps(CONFIG))
        for module in (*SHADOWS, "__init__"):
            (here / name / f"{module}.py").write_text(code)
    for module in SHADOWS:
        (here / f"{module}.py").write_text(code)
    (here / ".env").write_text("ROBOFLOW_API_KEY=of-the-current-folder\nINFERENCE_MODELS_PROVIDERS=local\n")
    (here / "models.lock").write_text("not a lock file")
    monkeypatch.chdir(here)
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")  # what is not embedded is found nowhere
    return sentinel


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_every_way_in(trap, way, name):
    """Even with consent to run code: it is for paths, and this is none."""
    if name == MODEL:
        WAYS[way](name, allow_local_code_packages=True)
    else:
        with contextlib.suppress(InferenceModelsError):
            assert WAYS[way](name, allow_local_code_packages=True) is None
    assert not trap.exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["rfdetr-base", MODEL])
def test_every_command(trap, command, name, tmp_path):
    """As the installed program runs it: the folder it is called in is not on its path."""
    pictures = Path(inference_models_provider_samples.__file__).parent / "pictures"
    arguments = [command, name, *([pictures] if command == "predict" else []), "--json"]
    program = Path(sys.executable).parent / "inference-models"
    done = subprocess.run([program, *arguments, *(["--no-save"] if command == "predict" else [])],
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert (done.returncode == 0) == (name == MODEL), done.stdout + done.stderr
    assert not trap.exists()


def test_the_trap_is_sharp(trap):
    """Written as a path, and with consent, the same folder does run."""
    AutoModel.from_pretrained("./rfdetr-base", allow_local_code_packages=True)
    assert trap.exists()

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from inference_models_core.cli import main
from inference_models_core.plugins import host as host_module
from inference_models_core.testing.fault_server import FaultServer

sys.path.append(str(Path(__file__).parent))

from hub import PLUGIN, Hub

TOY = """
from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"

@hookimpl
def register_models():
    from inference_models_core.types.models import ModelSpec
    for name, implementation in {"toy": "Toy", "poet": "Poet", "bomb": "Bomb"}.items():
        yield ModelSpec(architecture=name, task="object-detection", implementation=f"toy_models:{implementation}")

@hookimpl
def register_health_checks():
    from inference_models_core.types.health import HealthCheck
    yield HealthCheck(name="toy", summary="toys are tidy", check="toy_models:check")

@hookimpl
def register_weights_providers():
    from inference_models_core.types.providers import WeightsProviderSpec
    yield WeightsProviderSpec(name="shelf", factory="toy_models:Shelf", summary="toys on a shelf")
    yield WeightsProviderSpec(name="cellar", factory="toy_models:Cellar")
"""
MODELS = '''
import os
import numpy as np
from PIL import Image, UnidentifiedImageError
from inference_models_core.errors import ImageDecodeError, ProviderUnavailableError, UnknownArgumentError
from inference_models_core.model import Model
from inference_models_core.predictions import Detections
from inference_models_core.predictions.image_source import ImageSource
from inference_models_core.types.health import CheckResult
from inference_models_core.types.listings import ListedModel, ModelListing
from inference_models_core.types.providers import WeightsProviderSpec

class Toy(Model):
    """One box per picture, from its first to its third quarter; its confidence is 0.75."""
    calls = []

    @classmethod
    def from_pretrained(cls, package_dir, *, runners, size=1):
        return cls()

    def __call__(self, images, *, confidence=0.5):
        Toy.calls.append(len(images))
        return [self.one(image, 0.5 if confidence == "best" else confidence) for image in images]

    def one(self, path, confidence):
        try:
            with Image.open(path) as picture:
                width, height = picture.size
        except UnidentifiedImageError as error:
            raise ImageDecodeError(f"no picture: {path}") from error
        count = int(confidence <= 0.75)
        return Detections(
            xyxy=np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]] * count).reshape(-1, 4),
            class_id=np.zeros(count, int), confidence=np.full(count, 0.75), class_names=("du\\x1b[31mck",),
            image=ImageSource(reference=path, size=(height, width)))

class Verse:
    def to_dict(self):
        return {"text": "roses", "weight": float("nan")}

class Poet(Model):
    @classmethod
    def from_pretrained(cls, package_dir, *, runners):
        return cls()

    def infer(self, images):
        return [Verse() for _ in images]

class Bomb(Model):
    """Fails on the second call in a way that is nobody's typed error."""
    @classmethod
    def from_pretrained(cls, package_dir, *, runners):
        return cls()

    def __call__(self, images):
        if any(os.path.basename(image) == "b.png" for image in images):
            raise ZeroDivisionError("kaboom\\x1b[2J")
        return [Verse() for _ in images]

class Shelf:
    names = ["shelf/duck", "shelf/train", "shelf/ball"]

    def __init__(self, context):
        pass

    def list_models(self, query="", *, task=None, cursor=None):
        found = [name for name in self.names if query in name]
        start = int(cursor or 0)
        page = [ListedModel(model_id=name, task="object-detection") for name in found[start:start + 2]]
        return ModelListing(models=page, cursor=str(start + 2) if start + 2 < len(found) else None)

class Cellar(Shelf):
    def list_models(self, query="", *, task=None, cursor=None):
        raise ProviderUnavailableError("the cellar is flooded", hint="wait")

def check():
    return CheckResult(verdict=os.environ.get("TOY_VERDICT", "ok"), message="looked", fix="tidy up")
'''
GRAPH = {"inputs": [{"name": "x", "dtype": "float32", "shape": ["n"]}], "outputs": [{"name": "y", "compute": "affine"}]}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder with an installed distribution: a plugin with models, a provider, a health check."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "toy_box-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-box\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[inference_models.plugins]\ntoy = toy_plugin\nloopback = inference_models_core.testing.loopback.plugin\n"
    )
    (folder / "toy_plugin.py").write_text(TOY)
    (folder / "toy_models.py").write_text(MODELS)
    return folder


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty current folder with three models: `toy.loopback`, `poet.loopback`, `bomb.loopback`."""
    monkeypatch.chdir(tmp_path)
    for name in ("toy", "poet", "bomb"):
        facts = {"architecture": name, "task": "object-detection", "class_names": ["duck"]}
        (tmp_path / f"{name}.loopback").write_text(json.dumps({**GRAPH, **facts}))
    return tmp_path


@pytest.fixture
def environment(site, monkeypatch):
    """Environment variables in which our toys are the only plugins."""
    for name in [*os.environ]:
        if name.startswith("INFERENCE_MODELS_") or name in ("NO_COLOR", "TOY_VERDICT"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INFERENCE_MODELS_PLUGINS", "toy,loopback")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def quiet_log():
    """Takes back what a command did to the library's logger."""
    logger = logging.getLogger("inference_models")
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.fixture
def cli(quiet_log, site, workplace, environment, monkeypatch):
    """Runs a command in this process, with a plugin host of its own."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(host_module, "_host", None)

    def run(*arguments):
        return CliRunner().invoke(main, list(map(str, arguments)), prog_name="inference-models")

    return run


@pytest.fixture
def process(workplace, environment):
    """Runs a command in a fresh process."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "inference_models_core", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)

    return run


@pytest.fixture
def pictures(workplace):
    """Some pictures, one of them broken, and something that is none, in folders."""
    from PIL import Image

    for place in ("b.png", "a.jpg", "sub/a.jpg", "sub/deep/c.bmp", ".hidden/d.png"):
        path = workplace / "pictures" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), "navy").save(path)
    (workplace / "pictures" / "broken.png").write_bytes(b"nothing that anybody could see")
    (workplace / "pictures" / "notes.txt").write_text("not a picture, and not meant to be one")
    return workplace / "pictures"


@pytest.fixture(scope="session")
def hub_site(tmp_path_factory):
    """A folder with an installed distribution: a weights provider with a network."""
    folder = tmp_path_factory.mktemp("hub-site")
    info = folder / "toy_hub-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-hub\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[inference_models.plugins]\nhub = hub_plugin\n")
    (folder / "hub_plugin.py").write_text(PLUGIN)
    return folder


@pytest.fixture
def hub(hub_site, environment, workplace, monkeypatch):
    """A provider whose models are published by the test, and a cache that is empty."""
    monkeypatch.setenv("INFERENCE_MODELS_PLUGINS", "toy,loopback,hub")
    monkeypatch.setenv("HUB_INDEX", str(workplace / "hub-index.json"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "home"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(hub_site), os.environ["PYTHONPATH"]]))
    monkeypatch.syspath_prepend(str(hub_site))
    with FaultServer() as server:
        yield Hub(server, workplace / "hub-index.json")


@pytest.fixture
def cache(workplace):
    """Where the cache is in these tests."""
    return workplace / "home" / "inference-models"


@pytest.fixture
def answer(cli):
    """Runs a command with ``--json`` that must succeed, and gives what it printed."""

    def run(*arguments):
        outcome = cli(*arguments, "--json")
        assert outcome.exit_code == 0, outcome.output
        return json.loads(outcome.stdout)

    return run

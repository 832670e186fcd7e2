from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

SITE = Path(__file__).parents[1] / "hostile_plugins" / "site"
OURS = ("good_", "hostile_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("INFERENCE_MODELS_"):
            monkeypatch.delenv(name)


def _forget_modules():
    for name in [name for name in sys.modules if name.startswith(OURS)]:
        del sys.modules[name]


@contextlib.contextmanager
def _hostile_site():
    _forget_modules()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SITE), *sys.path])
        patch.setattr(sys, "hostile_touched", [], raising=False)
        yield SITE
    _forget_modules()


@pytest.fixture
def hostile_site():
    """The folder of good and hostile plugins, on `sys.path`; nothing of it is imported before or stays after."""
    with _hostile_site() as site:
        yield site


@pytest.fixture(scope="module")
def hostile_site_of_module():
    """The same for all tests of a module that only look at what came of it."""
    with _hostile_site() as site:
        yield site


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs distributions into a temporary folder on `sys.path`: a `dist-info` folder and modules each."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)

    def add(name, entries, modules=(), *, version="1.0", requires=(), folder=tmp_path):
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", "Requires-Dist: a description"]))
        text = "".join(f"{key} = {value}\n" for key, value in dict(entries).items())
        (info / "entry_points.txt").write_text(f"[console_scripts]\nx = y:z\n\n[inference_models.plugins]\n{text}")
        for path, source in dict(modules).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source)
        return info

    yield add
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def run_fresh():
    """Runs code in a fresh interpreter and gives the modules that it imported."""

    def run(code):
        script = f"import sys\n{code}\nprint(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
        return set(done.stdout.split())

    return run

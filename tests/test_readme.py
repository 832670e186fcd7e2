"""The commands that the README opens with work in a fresh clone. Slow: run by `nox -s readme` only."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:python3 -m venv .* && )?\.venv/bin/nox -s \w+$", README, flags=re.MULTILINE)
#: pip and nox read these; everything that could point a clone back to this checkout or this environment is left out.
KEPT = re.compile(r"PATH|HOME|LANG|LC_.*|TMPDIR|TERM|PIP_.*|SSL_.*|.*_proxy|.*_PROXY|REQUESTS_CA_BUNDLE|SYSTEMROOT")


def test_readme_opens_with_two_commands():
    assert [command.rpartition(" ")[2] for command in COMMANDS] == ["demo", "tests"]
    assert COMMANDS[0].startswith("python3 -m venv .venv && .venv/bin/pip install nox && ")


@pytest.mark.skipif("RUN_README_COMMANDS" not in os.environ, reason="takes minutes: nox -s readme")
def test_commands_work_in_a_fresh_clone(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
    environment = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    environment["PATH"] = _without_virtual_environment(environment["PATH"])
    for command in COMMANDS:
        run = subprocess.run(["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, f"{command}\n{run.stdout[-8000:]}\n{run.stderr[-8000:]}"
    assert re.search(r"\d+ passed", run.stdout), run.stdout[-2000:]
    assert [path.name for path in (clone / "demo").iterdir()], "the demo wrote nothing"


def _without_virtual_environment(path: str) -> str:
    """A search path on which `python3` is the system's again."""
    active = os.environ.get("VIRTUAL_ENV", "no virtual environment")
    return os.pathsep.join(part for part in path.split(os.pathsep) if not part.startswith(active))

"""Starting, watching and ending child processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests"
"""Where children run: what is in their current folder, ``python -m`` finds first."""
EXAMPLE = ROOT / "examples" / "inference-models-provider-http-folder" / "src"


def environment(**more: str) -> dict[str, str]:
    """Variables for a child: it finds the tiny plugin and the example, and nothing of ours from outside."""
    ours = {
        key: value for key, value in os.environ.items() if not key.startswith(("INFERENCE_MODELS_", "HTTP_FOLDER_"))
    }
    path = os.pathsep.join([str(HERE), str(EXAMPLE), *filter(None, [ours.get("PYTHONPATH")])])
    return {**ours, "PYTHONPATH": path, **more}


def start(job: dict[str, Any], *, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.Popen[str]:
    """Starts one loader; `prefix` is what starts it, such as ``("strace", ...)``."""
    command = [*prefix, sys.executable, "-m", "reliability.loader", json.dumps(job)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
        env=environment(**variables),
        preexec_fn=heed_interrupts,
    )


def heed_interrupts() -> None:
    """What is started in the background of a shell ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def answer_of(child: subprocess.Popen[str], timeout: float = 60) -> dict[str, Any]:
    """What a loader said."""
    output, errors = child.communicate(timeout=timeout)
    assert child.returncode == 0, f"ended with {child.returncode}: {errors[-2000:]}"
    answer: dict[str, Any] = json.loads(output)
    return answer


def load(job: dict[str, Any], **variables: str) -> dict[str, Any]:
    """Runs one loader to its end."""
    return answer_of(start(job, **variables))


class Herd:
    """Loaders forked from one process that has imported everything; a context manager."""

    def __enter__(self) -> Herd:  # noqa: PYI034 - Self is not in Python 3.10
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reliability.loader", "--herd"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
            env=environment(),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        """Runs one loader to its end; ``{"signal": 9}`` if it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def install(site: Path) -> None:
    """Makes a folder for ``PYTHONPATH`` in which the tiny plugin and the example are installed."""
    site.mkdir(exist_ok=True)
    _install(site, "tiny", "reliability.tiny", ROOT / "tests" / "reliability")
    project = "inference_models_provider_http_folder"
    _install(site, "http-folder", f"{project}.plugin", EXAMPLE / project)


def _install(site: Path, plugin: str, module: str, package: Path) -> None:
    """A distribution of one package."""
    shutil.copytree(package, site / package.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    write_dist_info(site, plugin, "1.0.0", {"inference_models.plugins": {plugin: module}})


def write_dist_info(site: Path, name: str, version: str, entry_points: Mapping[str, Mapping[str, str]]) -> None:
    """What an installer writes about a distribution."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [
        [f"[{group}]", *(f"{key} = {value}" for key, value in one.items())] for group, one in entry_points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(line for group in groups for line in group) + "\n")

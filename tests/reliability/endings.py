"""Loads that are asked to end: Ctrl-C in a program, SIGTERM in the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Drip, Fault, Stall

from reliability import children
from reliability.kills import largest_part
from reliability.served import noise, serve

#: How a server can keep a client waiting; half of the file, or most of it, never comes.
WAITING: dict[str, Fault] = {"stalled": Stall(60_000), "dripping": Drip(1000, 0.05)}
_SIZE = 120_000


class Ending(NamedTuple):
    """How a process ended.

    Attributes:
        seconds: From the signal to its end.
        code: Exit code as Python's subprocess gives it.
        kept: Bytes of the file that are left for the next load.
        resumed: Whether the next load asked for the rest only, and succeeded.
        errors: What it wrote to standard error.
    """

    seconds: float
    code: int
    kept: int
    resumed: bool
    errors: str


def interrupted_load(cache: Path, waiting: str) -> Ending:
    """SIGINT to a program that is loading a model."""
    with FaultServer() as server:
        job, path = _served(server, cache, waiting)
        return _end(server, children.start(job), signal.SIGINT, job, path)


def terminated_command(cache: Path, site: Path, waiting: str, number: int = signal.SIGTERM) -> Ending:
    """A signal to `inference-models pull`, with the plugins installed in a folder."""
    with FaultServer() as server:
        job, path = _served(server, cache, waiting)
        children.install(site)
        pull = ["pull", f"httpfolder://{job['model']}", "--cache-dir", str(cache)]
        process = command(site, pull, HTTP_FOLDER_URL=server.origin)
        return _end(server, process, number, job, path)


def command(site: Path, arguments: Sequence[str], **variables: str) -> subprocess.Popen[str]:
    """Starts the command line, with the plugins of a folder and no others."""
    only = {"INFERENCE_MODELS_PLUGINS": "tiny,http-folder", "PYTHONPATH": str(site)}
    environment = {**children.environment(), **only, **variables}
    start = [sys.executable, "-m", "inference_models_core", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        start, stdout=pipe, stderr=pipe, text=True, cwd=site, env=environment, preexec_fn=children.heed_interrupts
    )


def _served(server: FaultServer, cache: Path, waiting: str) -> tuple[dict, str]:
    model = serve(server, {"weights.bin": noise(_SIZE)}, WAITING[waiting])
    return {"url": server.origin, "cache": str(cache), "model": model.name}, model.paths["weights.bin"]


def _end(server: FaultServer, process: subprocess.Popen[str], number: int, job: dict, path: str) -> Ending:
    _wait_until(lambda: any(request.sent >= 10_000 for request in server.requests_of(path)))
    time.sleep(0.1)
    asked_at = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    seconds = time.monotonic() - asked_at
    kept = largest_part(Path(job["cache"]))
    server.add(path, noise(_SIZE))
    answer = children.load(job)
    wanted = [request.headers.get("range") for request in server.requests_of(path)]
    resumed = "digests" in answer and wanted[-1:] == [f"bytes={kept}-"]
    return Ending(seconds, process.returncode, kept, resumed, errors)


def _wait_until(condition, seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "nothing was asked for"
        time.sleep(0.01)

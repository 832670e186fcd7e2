"""Many processes that want the same model at the same time."""

from __future__ import annotations

import collections
import time
from pathlib import Path
from typing import NamedTuple

from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Rate

from reliability import children
from reliability.served import noise, serve

FILES = {"weights.bin": 1 << 20, "names.txt": 200}


class Crowd(NamedTuple):
    """What became of the processes.

    Attributes:
        processes: How many there were.
        successes: How many loaded a model.
        corrupt: How many read anything but the right bytes.
        most_gets: Largest number of requests for one file.
        most_asked: Largest number of requests for the model's document by all of them together.
        problems: What the others said.
        seconds: From the first start to the last end.
    """

    processes: int
    successes: int
    corrupt: int
    most_gets: int
    most_asked: int
    problems: dict[str, int]
    seconds: float


def crowd(cache: Path, *, processes: int = 16, no_flock: bool = False, transfer_seconds: float = 1.5) -> Crowd:
    """Starts many processes at once on a model that nobody has; the link is slow enough for all of them to meet.

    Args:
        cache: An empty folder.
        processes: How many.
        no_flock: Whether every advisory lock is granted to everybody at once.
        transfer_seconds: How long the large file takes.
    """
    with FaultServer() as server:
        files = {handle: noise(size) for handle, size in FILES.items()}
        model = serve(server, files, Rate(int(FILES["weights.bin"] / transfer_seconds)))
        job = {"url": server.origin, "cache": str(cache), "model": model.name, "no_flock": no_flock}
        started = time.monotonic()
        loaders = [children.start(job) for _ in range(processes)]
        answers = [children.answer_of(loader, timeout=120) for loader in loaders]
        seconds = time.monotonic() - started
        right = [answer.get("digests") == dict(model.digests) for answer in answers]
        loaded = ["digests" in answer for answer in answers]
        problems = collections.Counter(
            answer.get("escaped") or f"{answer['error']}: {answer['message']}"
            for answer in answers
            if "digests" not in answer
        )
        return Crowd(
            processes=processes,
            successes=sum(loaded),
            corrupt=sum(loaded) - sum(right),
            most_gets=max(model.gets(server).values()),
            most_asked=len(server.requests_of(f"/{model.name}/index.json")),
            problems=dict(problems),
            seconds=seconds,
        )

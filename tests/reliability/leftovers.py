"""What dead loaders leave, what a full disk leaves, and what many loads leave in one process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Rate, Status

from reliability import children
from reliability.served import Served, noise, serve


class Leftovers(NamedTuple):
    """What is under `partial/`.

    Attributes:
        killed: Loaders that were killed.
        before: Bytes that they left.
        after: Bytes after one load that succeeded.
        recovered: Whether it did.
    """

    killed: int
    before: int
    after: int
    recovered: bool


def dead_loaders(cache: Path, *, loaders: int = 10, size: int = 400_000) -> Leftovers:
    """Kills loaders that all write parts of one file, as locks do nothing for them; then loads with locks that work."""
    with FaultServer() as server:
        model = serve(server, {"weights.bin": noise(size)}, Rate(size // 4))
        job = {"url": server.origin, "cache": str(cache), "model": model.name}
        started = [children.start({**job, "no_flock": True}) for _ in range(loaders)]
        _wait_for_requests(server, model.paths["weights.bin"], loaders)
        for child in started:
            child.send_signal(signal.SIGKILL)
        for child in started:
            child.communicate()
        before = bytes_of_parts(cache)
        server.add(model.paths["weights.bin"], noise(size))
        answer = children.load(job)
        killed = sum(child.returncode == -signal.SIGKILL for child in started)
        return Leftovers(killed, before, bytes_of_parts(cache), answer.get("digests") == dict(model.digests))


def bytes_of_parts(cache: Path) -> int:
    """Bytes of everything under `partial/`."""
    return sum(path.stat().st_size for path in cache.glob("partial/**/*") if path.is_file())


def _wait_for_requests(server: FaultServer, path: str, count: int, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while sum(request.sent > 0 for request in server.requests_of(path)) < count:
        assert time.monotonic() < give_up, "not every loader asked"
        time.sleep(0.01)


class FullDisk(NamedTuple):
    """What a load on a small disk said.

    Attributes:
        answer: Of the loader.
        gets: Requests for files.
        visible: Files under final names afterwards, and parts.
        later: What the loader said once the model was small enough.
    """

    answer: Mapping[str, Any]
    gets: int
    visible: list[str]
    later: Mapping[str, Any]


def full_disk(folder: Path, *, size: int = 12 << 20, promised: bool = True) -> FullDisk:
    """Loads a model that is larger than the disk, then a small one.

    Args:
        folder: Where a tmpfs of 8 MiB is mounted, in a namespace that ends with the loader.
        size: Bytes of the large model.
        promised: Whether its size is known before it comes.
    """
    with FaultServer() as server:
        large = serve(server, {"weights.bin": noise(size)}, name="large")
        small = serve(server, {"weights.bin": noise(1000)}, name="small")
        if not promised:
            _forget_sizes(server, large)
        jobs = [
            {"url": server.origin, "cache": str(folder / "cache"), "model": model.name, "impatient": True}
            for model in (large, small)
        ]
        script = 'mount -t tmpfs -o size=8m tmpfs "$1" && exec "$2" -m reliability.leftovers "$3"'
        command = ["unshare", "-Urm", "sh", "-c", script, "sh", str(folder), sys.executable, json.dumps(jobs)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=children.HERE,
            env=children.environment(),
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer, later, visible = json.loads(done.stdout)
        return FullDisk(answer, large.gets(server)["weights.bin"], visible, later)


def _forget_sizes(server: FaultServer, model: Served) -> None:
    path = f"/{model.name}/index.json"
    content, _ = server._resources[path]
    document = json.loads(content)
    del document["modelPackages"][0]["packageFiles"][0]["size"]
    server.add(path, json.dumps(document).encode())


def inside_small_disk(jobs: list[dict[str, Any]]) -> list[object]:
    """Runs both loads where the small disk is, and looks there in between."""
    from reliability import loader

    first = loader.run(jobs[0])
    cache = Path(jobs[0]["cache"])
    kept = ("blobs", "models", "partial")
    visible = [str(path) for name in kept for path in cache.glob(f"{name}/**/*") if path.is_file()]
    return [first, loader.run(jobs[1]), visible]


def census(cache: Path, *, rounds: int = 8) -> dict[str, list[int]]:
    """Counts what stays open over many loads, good and bad; see :func:`reliability.hygiene.census`."""
    with FaultServer() as server:
        good = serve(server, {"weights.bin": noise(50_000), "names.txt": noise(10)}, name="good")
        missing = serve(server, {"weights.bin": noise(1000)}, Status(404), name="missing")
        wrong = serve(server, {"weights.bin": noise(1000, seed=1)}, name="wrong")
        server.add(wrong.paths["weights.bin"], noise(1000, seed=2))
        server.add("/broken/index.json", b'{"modelId": ')
        models = [good.name, missing.name, wrong.name, "broken", "absent"]
        job = {"url": server.origin, "cache": str(cache), "models": models, "rounds": rounds}
        # With an arena for each thread, glibc's malloc keeps a few MB more after some hundred loads, then no more.
        return _hygiene("census", job, MALLOC_ARENA_MAX="1")


def offline(cache: Path) -> dict[str, Any]:
    """Loads a model with a network, then does everything without; see :func:`reliability.hygiene.offline`."""
    with FaultServer() as server:
        model = serve(server, {"weights.bin": noise(50_000), "names.txt": noise(10)})
        job = {"url": server.origin, "cache": str(cache), "model": model.name}
        answer = children.load(job)
        assert answer.get("digests") == dict(model.digests), answer
        requests = len(server.requests)
        found = _hygiene("offline", job, INFERENCE_MODELS_OFFLINE="1")
        return {**found, "requests": len(server.requests) - requests, "digests": dict(model.digests)}


def _hygiene(what: str, job: dict[str, Any], **variables: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "reliability.hygiene", what, json.dumps(job)]
    environment = children.environment(**variables)
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=children.HERE, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(inside_small_disk(json.loads(sys.argv[1]))))  # noqa: T201 - the parent reads it

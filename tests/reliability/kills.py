"""Processes that are killed: at random moments, and at every file operation."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from inference_models_core.download.intervals import Intervals, length, union
from inference_models_core.download.notes import read_note
from inference_models_core.testing.fault_server import FaultServer, Request
from inference_models_core.testing.faults import Rate

from reliability.children import Herd
from reliability.served import Served, noise, serve

_FAR = 1 << 62
"""Beyond the end of every file."""
_MOST = 10_000
"""More file operations than any load has."""


class RandomKills(NamedTuple):
    """What became of loads that were killed.

    Attributes:
        killed: Processes that died.
        recovered: Whether the load after the last kill succeeded.
        corrupt: Loads that read anything but the right bytes.
        gets: Requests for the file.
        resumed: Those that asked for the rest of it only.
        repeated_bytes: Bytes that were asked for although they were on the disk.
        surviving_bytes: Bytes that the kills left on the disk, all together: without any, nothing was shown.
    """

    killed: int
    recovered: bool
    corrupt: int
    gets: int
    resumed: int
    repeated_bytes: int
    surviving_bytes: int


def random_kills(
    cache: Path, *, kills: int = 20, seconds: float = 4.0, size: int = 16 << 20, seed: int = 5
) -> RandomKills:
    """Kills loads of one file again and again until so many have died, then loads it.

    Args:
        cache: An empty folder.
        kills: How many processes shall die.
        seconds: How long the file takes at the server's rate; the loads that are killed take about as long together.
        size: Bytes of the file.
        seed: Of the moments.
    """
    moments = random.Random(seed)
    with FaultServer() as server, Herd() as herd:
        model = serve(server, {"weights.bin": noise(size)}, Rate(int(size / seconds)))
        job = {"url": server.origin, "cache": str(cache), "model": model.name}
        herd.load({**job, "model": _warm_up(server), "cache": str(cache) + "-warm"})
        killed = corrupt = repeated = surviving = 0
        while killed < kills:
            on_disk, asked = largest_part(cache), len(_requests(server, model))
            answer = herd.load({**job, "kill_after": moments.uniform(0.03, 2 * seconds / kills)})
            repeated += sum(max(0, on_disk - start_of(request)) for request in _requests(server, model)[asked:][:1])
            killed += answer.get("signal") == 9
            corrupt += _is_wrong(answer, model)
            surviving += max(0, largest_part(cache) - on_disk)
            if "digests" in answer:
                break
        on_disk, asked = largest_part(cache), len(_requests(server, model))
        answer = herd.load(job)
        repeated += sum(max(0, on_disk - start_of(request)) for request in _requests(server, model)[asked:][:1])
        requests = _requests(server, model)
        return RandomKills(
            killed=killed,
            recovered=answer.get("digests") == dict(model.digests),
            corrupt=corrupt + _is_wrong(answer, model),
            gets=len(requests),
            resumed=sum(start_of(request) > 0 and "if-range" in request.headers for request in requests),
            repeated_bytes=repeated,
            surviving_bytes=surviving,
        )


class RangedKills(NamedTuple):
    """What became of loads in ranges that were killed.

    Attributes:
        killed: Processes that died.
        recovered: Whether the load after the last kill succeeded.
        corrupt: Loads that read anything but the right bytes.
        repeated_bytes: Bytes that were asked for although a note beside them said that they are there.
        lost_bytes: Bytes that were sent more than once: those on their way, and those not written down yet.
        allowed_bytes: What may be lost: the ranges that each kill left unfinished.
        surviving_bytes: Bytes that the last kill left on the disk.
    """

    killed: int
    recovered: bool
    corrupt: int
    repeated_bytes: int
    lost_bytes: int
    allowed_bytes: int
    surviving_bytes: int


def ranged_kills(
    cache: Path, *, kills: int = 10, size: int = 96 << 20, seconds: float = 12.0, seed: int = 7
) -> RangedKills:
    """The same with a file that comes over four connections at a time."""
    from inference_models_core.download.values import DownloadLimits

    limits = DownloadLimits()
    moments = random.Random(seed)
    with FaultServer() as server, Herd() as herd:
        model = serve(server, {"weights.bin": noise(size)}, Rate(int(size / seconds / limits.ranges)))
        job = {"url": server.origin, "cache": str(cache), "model": model.name}
        herd.load({**job, "model": _warm_up(server), "cache": str(cache) + "-warm"})
        killed = corrupt = repeated = 0
        for _ in range(kills):
            there, asked = noted(cache), len(_requests(server, model))
            answer = herd.load({**job, "kill_after": moments.uniform(0.2, 2 * seconds / kills)})
            repeated += _asked_again(_requests(server, model)[asked:], there)
            killed += answer.get("signal") == 9
            corrupt += _is_wrong(answer, model)
        there, asked = noted(cache), len(_requests(server, model))
        surviving = length(there)
        answer = herd.load(job)
        repeated += _asked_again(_requests(server, model)[asked:], there)
        sent = sum(request.sent for request in _requests(server, model))
        return RangedKills(
            killed=killed,
            recovered=answer.get("digests") == dict(model.digests),
            corrupt=corrupt + _is_wrong(answer, model),
            repeated_bytes=repeated,
            lost_bytes=sent - size,
            allowed_bytes=killed * limits.ranges * limits.window,
            surviving_bytes=surviving,
        )


def noted(cache: Path) -> Intervals:
    """Which bytes the best of the parts that dead processes left has, as the notes beside them say."""
    notes = [(part, read_note(part)) for part in cache.glob("partial/*/*.part")]
    there = [union([(0, part.stat().st_size)]) if note.done is None else note.done for part, note in notes if note]
    return max(there, key=length, default=())


def _asked_again(requests: list[Request], there: Intervals) -> int:
    ranges = [request.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-") for request in requests]
    spans = [(int(first), int(last) + 1 if last else _FAR) for first, last in ranges]
    return sum(max(0, min(stop, b) - max(start, a)) for start, stop in spans for a, b in there)


def largest_part(cache: Path) -> int:
    """Bytes of the largest piece of a file that a dead process left."""
    return max((part.stat().st_size for part in cache.glob("partial/*/*.part")), default=0)


def start_of(request: Request) -> int:
    """First byte that a request asks for."""
    wanted = request.headers.get("range", "bytes=0-")
    return int(wanted.removeprefix("bytes=").partition("-")[0])


def _requests(server: FaultServer, model: Served) -> list[Request]:
    return server.requests_of(model.paths["weights.bin"])


def _is_wrong(answer: dict[str, Any], model: Served) -> bool:
    return "digests" in answer and answer["digests"] != dict(model.digests)


def _warm_up(server: FaultServer) -> str:
    """A model whose load teaches the herd what to import."""
    return serve(server, {"weights.bin": b"warm"}, name="warm").name


class Sweep(NamedTuple):
    """What became of a fault at each file operation of a load, one load each.

    Attributes:
        moments: How many operations there were.
        recovered: After how many the next load succeeded.
        corrupt: Loads that read anything but the right bytes.
        escaped: Errors that are none of ours.
        operations: What the operations were.
    """

    moments: int
    recovered: int
    corrupt: int
    escaped: list[str]
    operations: list[str]


def kill_sweep(folder: Path, *, size: int = 300_000, stride: int = 1) -> Sweep:
    """Kills a load right before its n-th file operation, for every n until one gets through, and loads again each time.

    Args:
        folder: An empty folder; each load gets a cache in it.
        size: Bytes of the larger of two files.
        stride: Every how-manieth operation.
    """
    return _sweep(folder, size, range(1, _MOST, stride), lambda moment: {"kill_at": moment})


def failure_sweep(folder: Path, errno: int, *, size: int = 100_000, stride: int = 1, start: int = 1) -> Sweep:
    """Makes the n-th file operation of a load fail once, for every n, and loads again each time."""
    return _sweep(folder, size, range(start, _MOST, stride), lambda moment: {"fail_at": moment, "errno": errno})


def _sweep(folder: Path, size: int, wanted: range, fault: Callable[[int], dict[str, Any]]) -> Sweep:
    with FaultServer() as server, Herd() as herd:
        model = serve(server, {"weights.bin": noise(size), "names.txt": noise(100)})
        job = {"url": server.origin, "model": model.name, "impatient": True, "in_order": True}
        herd.load({**job, "model": _warm_up(server), "cache": str(folder / "warm")})
        whole = herd.load({**job, "cache": str(folder / "whole")})
        assert whole.get("digests") == dict(model.digests), whole
        operations = whole["operations"]
        moments = [moment for moment in wanted if moment <= len(operations)]
        recovered = corrupt = 0
        escaped = []
        for moment in moments:
            cache = str(folder / str(moment))
            first = herd.load({**job, "cache": cache, **fault(moment)})
            second = herd.load({**job, "cache": cache})
            recovered += second.get("digests") == dict(model.digests)
            corrupt += _is_wrong(first, model) + _is_wrong(second, model)
            escaped += [
                f"{operations[moment - 1]} {moment}: {answer['escaped']}"
                for answer in (first, second)
                if "escaped" in answer
            ]
        return Sweep(len(moments), recovered, corrupt, escaped, operations)

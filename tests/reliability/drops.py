"""Connections that end too early."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Chunked, Drop

from reliability.children import Herd
from reliability.kills import start_of
from reliability.served import noise, serve


class Drops(NamedTuple):
    """What became of downloads whose first connection ended at some offset.

    Attributes:
        offsets: How many offsets.
        recovered: After how many the load succeeded.
        resumed: How many of those behind byte 0 went on exactly where the connection ended.
        more_gets: Requests beyond two, all together.
    """

    offsets: int
    recovered: int
    resumed: int
    more_gets: int


def drops(folder: Path, *, offsets: int = 64, size: int = 200_000, chunked: bool = False) -> Drops:
    """Loads one model for each offset, the first and the last bytes among them."""
    places = sorted({0, 1, size - 1, *(index * size // offsets for index in range(1, offsets - 2))})
    recovered = resumed = more = 0
    with FaultServer() as server, Herd() as herd:
        for place in places:
            shape = (Chunked(),) if chunked else ()
            model = serve(server, {"weights.bin": noise(size)}, *shape, Drop(place, times=1), name=f"at-{place}")
            job = {"url": server.origin, "cache": str(folder / str(place)), "model": model.name, "impatient": True}
            recovered += herd.load(job).get("digests") == dict(model.digests)
            requests = server.requests_of(model.paths["weights.bin"])
            resumed += place > 0 and len(requests) > 1 and start_of(requests[1]) == place
            more += max(0, len(requests) - 2)
    return Drops(len(places), recovered, resumed, more)

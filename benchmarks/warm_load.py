"""Loads a model again whose choice and files are in the cache: how much of it is this library, and not the runtime.

The samples' ONNX packages, served over loopback by the provider of `examples/`, in a process whose plugin host is
built. Counted is everything but the opening of the session.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import inference_models_provider_samples
from inference_models_core import AutoModel, LoadOptions, PluginHost
from inference_models_core.testing.fault_server import FaultServer
from inference_models_onnx.backend import OnnxBackend
from measuring import Goal, print_goals

ROOT = Path(__file__).parents[1]
SAMPLES = Path(inference_models_provider_samples.__file__).parent / "models"
RUNS = 60
TARGET_MS = 15.0


class WarmLoad(NamedTuple):
    """One load.

    Attributes:
        library: Milliseconds, without the opening of the session.
        session: Milliseconds that the runtime took to open it.
    """

    library: float
    session: float


class WarmLoads(NamedTuple):
    """All of them.

    Attributes:
        first: The load that fetched everything.
        library: Median milliseconds of the library.
        session: Median milliseconds of the runtime.
        requests: What the server was asked by all warm loads together.
    """

    first: WarmLoad
    library: float
    session: float
    requests: int


def measure(runs: int = RUNS) -> WarmLoads:
    """Fetches the model once and loads it again and again."""
    sys.path.insert(0, str(ROOT / "examples" / "inference-models-provider-http-folder" / "src"))
    import inference_models_provider_http_folder.plugin as http_folder

    with FaultServer() as server, tempfile.TemporaryDirectory() as cache:
        _serve_samples(server)
        os.environ["HTTP_FOLDER_URL"] = server.origin
        host = PluginHost()
        if "http-folder" not in {record.identity.name for record in host.records()}:
            host.register(http_folder, "http-folder", "1")
        options = LoadOptions(host=host, progress=False)
        first = _timed_load(cache, options)
        _timed_load(cache, options)
        asked = len(server.requests)
        loads = [_timed_load(cache, options) for _ in range(runs)]
        return WarmLoads(
            first=first,
            library=statistics.median(load.library for load in loads),
            session=statistics.median(load.session for load in loads),
            requests=len(server.requests) - asked,
        )


def _serve_samples(server: FaultServer) -> None:
    for path in SAMPLES.rglob("*"):
        if path.is_file():
            server.add(f"/{path.relative_to(SAMPLES).as_posix()}", path.read_bytes())


def _timed_load(cache: str, options: LoadOptions) -> WarmLoad:
    opening = []
    real = OnnxBackend.open_session

    def timed_opening(*arguments: Any, **keywords: Any) -> Any:
        started = time.perf_counter()
        try:
            return real(*arguments, **keywords)
        finally:
            opening.append(time.perf_counter() - started)

    OnnxBackend.open_session = timed_opening  # type: ignore[method-assign]
    try:
        started = time.perf_counter()
        model = AutoModel.from_pretrained("httpfolder://shapes-detector", cache_dir=cache, options=options)
        seconds = time.perf_counter() - started
    finally:
        OnnxBackend.open_session = real  # type: ignore[method-assign]
    model.close()
    return WarmLoad(1000 * (seconds - sum(opening)), 1000 * sum(opening))


def goals(found: WarmLoads) -> list[Goal]:
    """The figures beside their targets."""
    return [
        Goal("first load, from the server: library", found.first.library, unit="ms"),
        Goal("warm load: opening the session", found.session, unit="ms"),
        Goal("warm load: library, median", found.library, TARGET_MS, "ms"),
        Goal("warm load: requests", float(found.requests), 0.0),
    ]


if __name__ == "__main__":
    print_goals(f"Warm load through the resolution cache; medians of {RUNS}", goals(measure()))

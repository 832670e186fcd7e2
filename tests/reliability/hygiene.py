"""What a process leaves open, and what it asks of the network, over many loads. Runs inside a child process.

`python -m reliability.hygiene census|offline '{"url": ..., "cache": ..., ...}'`
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path

from reliability import loader


def census(job: dict) -> dict[str, list[int]]:
    """Loads good and bad models in turn; counts descriptors, threads, children and temporary files before and after.

    ``{"models": [ids], "rounds": n}``: in each round every model is loaded once, in a cache of its own.
    """
    from inference_models_core import AutoModel, LoadOptions
    from inference_models_core.errors import InferenceModelsError

    os.environ["HTTP_FOLDER_URL"] = job["url"]
    loader._never_pause()
    options = LoadOptions(host=loader.host(), progress=False)
    counts = []
    for number in range(job["rounds"]):
        cache = str(Path(job["cache"]) / str(number // 2))  # every second round is warm
        for model in job["models"]:
            try:
                AutoModel.from_pretrained(f"httpfolder://{model}", cache_dir=cache, options=options)
            except InferenceModelsError:
                continue
        gc.collect()
        _wait_for_threads()
        counts.append(_census(cache))
    return {name: [count[name] for count in counts] for name in counts[0]}


def _wait_for_threads(seconds: float = 5.0) -> None:
    """Threads that were told to end may need a moment, and the kernel's a little longer than Python's."""
    ends = time.monotonic() + seconds
    while max(threading.active_count(), _count("/proc/self/task")) > 1 and time.monotonic() < ends:
        time.sleep(0.01)


def _census(cache: str) -> dict[str, int]:
    return {
        "descriptors": _count("/proc/self/fd"),
        "threads": _count("/proc/self/task"),
        "python threads": threading.active_count(),
        "children": len(Path("/proc/self/task", str(os.getpid()), "children").read_text().split()),
        "temporary files": sum("tmp" in path.name for path in Path(cache).rglob("*")),
        "memory KiB": _memory(),
    }


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _memory() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def offline(job: dict) -> dict:
    """Does everything that works offline, and notes every socket that is made or used meanwhile."""
    seen: list[str] = []
    sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("socket.") else None)
    from inference_models_core import AutoModel, LoadOptions

    made = loader.host()
    options = LoadOptions(host=made)
    reference, cache = f"httpfolder://{job['model']}", job["cache"]
    os.environ["HTTP_FOLDER_URL"] = job["url"]
    model = AutoModel.from_pretrained(reference, cache_dir=cache, options=options)
    done = {"load": model.digests, "predict": model()}
    again = LoadOptions(host=made, use_resolution_cache=False)
    done["load without the choice"] = AutoModel.from_pretrained(reference, cache_dir=cache, options=again).digests
    done["plan"] = str(AutoModel.plan(reference, cache_dir=cache, options=options))
    done["describe"] = str(AutoModel.describe_model(reference, cache_dir=cache, options=options))
    done["runtime"] = str(AutoModel.describe_runtime(host=made))
    done["list"] = _listing(made)
    done["missing"] = _error_of(
        lambda: AutoModel.from_pretrained("httpfolder://absent", cache_dir=cache, options=options)
    )
    return {"done": done, "sockets": seen}


def _listing(host) -> str:
    from inference_models_core.reports.listing import ListingQuery, list_providers

    return str([each.to_dict() for each in list_providers(host.registry(), ListingQuery(offline=True))])


def _error_of(call) -> dict[str, str]:
    from inference_models_core.errors import InferenceModelsError

    try:
        call()
    except InferenceModelsError as error:
        return error.to_dict()
    return {}


if __name__ == "__main__":
    loader.say({"census": census, "offline": offline}[sys.argv[1]](json.loads(sys.argv[2])))

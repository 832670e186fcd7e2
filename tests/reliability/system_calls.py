"""The sweep of `kills.py` seen by the kernel: strace kills the process at the n-th system call of a kind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from inference_models_core.testing.fault_server import FaultServer

from reliability import children
from reliability.kills import Sweep
from reliability.served import noise, serve

#: What a load does to files, and a Python process on its way there does not do a thousand times.
CALLS = ("fsync", "rename", "link", "unlink", "fchmod", "mkdir", "flock", "write")


def system_call_sweep(folder: Path, call: str, fault: str) -> Sweep:
    """Injects a fault at the n-th system call of a kind, for every n until a load makes no n-th one.

    Args:
        folder: An empty folder; each load gets a cache in it.
        call: Name of the system call; ``rename`` stands for all its variants.
        fault: As strace's ``inject`` says it, such as ``"signal=SIGKILL"`` or ``"error=EIO"``.
    """
    moments = recovered = corrupt = 0
    escaped = []
    with FaultServer() as server:
        model = serve(server, {"weights.bin": noise(300_000), "names.txt": noise(100)})
        while True:
            job = {"url": server.origin, "cache": str(folder / f"{call}-{moments + 1}"), "model": model.name}
            job |= {"impatient": True, "in_order": True}
            trace = folder / f"{call}-{moments + 1}.trace"
            first = _traced(job, _variants(call), f"{fault}:when={moments + 1}", trace)
            if "INJECTED" not in trace.read_text() and "+++ killed" not in trace.read_text():
                break
            moments += 1
            second = children.load(job)
            recovered += second.get("digests") == dict(model.digests)
            corrupt += sum("digests" in each and each["digests"] != dict(model.digests) for each in (first, second))
            escaped += [each["escaped"] for each in (first, second) if "escaped" in each]
    return Sweep(moments, recovered, corrupt, escaped, [call] * moments)


def _variants(call: str) -> str:
    return ",".join(f"?{call}{suffix}" for suffix in ("", "at", "at2"))  # ?: not every architecture has every one


def _traced(job: dict, calls: str, fault: str, trace: Path) -> dict:
    """What a loader says under strace; nothing if it was killed."""
    command = ["strace", "-f", "-o", str(trace), "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}"]
    done = subprocess.run(
        [*command, sys.executable, "-B", "-m", "reliability.loader", json.dumps(job)],
        capture_output=True, text=True, cwd=children.HERE, env=children.environment(), timeout=60, check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.stdout.strip() else {}

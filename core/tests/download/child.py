"""A process that downloads as told, and forks to be killed: imports once, dies often.

Reads one JSON object per line and answers each with one line. `{"run": {...}}` downloads in a fork and answers with its
exit status; with `"kill_after"` (seconds) or `"kill_at"` (number of a file operation) the fork is killed there.
Started with `direct` and the object as arguments, it downloads itself, as a program would.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from inference_models_core.download.engine import DownloadLimits, RemoteFile, download
from inference_models_core.download.workers import run_parallel
from inference_models_core.errors import InferenceModelsError
from inference_models_core.network.client import HttpClient
from inference_models_core.store import files

COMPLETE, WRONG, FAILED = 0, 7, 8


def fetch(order: dict) -> int:
    file = RemoteFile(name="w", urls=[order["url"]], sha256=order["sha256"], size=order["size"])
    folder, origin = Path(order["folder"]), order["url"].rsplit("/", 1)[0]
    limits = DownloadLimits(**order.get("limits", {}))

    def task(cancelled):
        with download(file, folder, client=client, limits=limits, progress=lambda _: None, cancelled=cancelled) as part:
            published = folder.parent / "published"
            files.replace(part.path, published)
            return published.stat().st_size

    with HttpClient(origins=[origin], proxies=False) as client:
        [size] = run_parallel([task], 1)
    return COMPLETE if size == order["size"] else WRONG


def fork(order: dict) -> int:
    pid = os.fork()
    if pid == 0:
        status = FAILED
        try:
            kill_at(order.get("kill_at"))
            status = fetch(order)
        except InferenceModelsError as error:
            sys.stderr.write(f"{error}\n")
        finally:
            os._exit(status)
    if "kill_after" in order:
        time.sleep(order["kill_after"])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_at(number: int | None) -> None:
    left = [number]

    def count(_operation: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    files.on_operation = None if number is None else count


def main() -> None:
    if sys.argv[1:2] == ["direct"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background child of a shell ignores it
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.exit(fetch(json.loads(sys.argv[2])))
    for line in sys.stdin:
        sys.stdout.write(f"{fork(json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

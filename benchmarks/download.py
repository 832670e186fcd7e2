"""Downloads 1 GiB over loopback, verified, against `curl` alone, which does not hash: five interleaved pairs.

One table onto tmpfs, one onto a disk with fsync on both sides. The server is a process of its own (`file_server.py`).
With two processors, whatever else runs on the machine is measured as well: the processor's time is printed beside.

    python benchmarks/download.py [--size MIB] [--pairs N] [--folder DISK_FOLDER]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from measuring import CACHE, interleaved, median_ratio, print_table, run_child

MIB = 1 << 20
TMPFS = Path("/dev/shm")
MOST_MEMORY = 60.0
STREAM, RANGES = "one stream", "four ranges"
MEMORY, DISK = "tmpfs", "a disk, with fsync"
LEAST_RATE = {STREAM: 0.65, RANGES: 0.9}
OURS = """
import json, sys, threading, time
from pathlib import Path
from inference_models_core.download.engine import DownloadLimits, RemoteFile, download
from inference_models_core.network.client import HttpClient

url, sha256, size, folder, ranges = sys.argv[1:]
file = RemoteFile(name="file.bin", urls=[url], sha256=sha256, size=int(size))
with HttpClient(origins=[url.rsplit("/", 1)[0]], proxies=False) as client:
    started = time.perf_counter()
    part = download(file, Path(folder), client=client, limits=DownloadLimits(ranges=int(ranges)),
                    progress=lambda received: None, cancelled=threading.Event())
    seconds = time.perf_counter() - started
    assert part.size == part.path.stat().st_size == int(size)
    part.close()
print(seconds)
"""


class Run(NamedTuple):
    """One download: its seconds, those of the processors meanwhile, and the largest memory in MiB."""

    seconds: float
    processor: float
    peak: float


def main() -> None:
    """Prints both tables and ends with an error if a target is missed."""
    arguments = _arguments()
    missed = []
    for where, runs in measure(arguments.size, arguments.pairs, arguments.folder).items():
        missed += _report(where, arguments, runs, LEAST_RATE if where == MEMORY else {})
    if missed:
        raise SystemExit("missed: " + ", ".join(missed))


def measure(mebibytes: int, pairs: int, disk: Path = CACHE) -> dict[str, dict[str, list[Run]]]:
    """Downloads in turn with `curl`, with one connection and with four.

    Args:
        mebibytes: Size of the file.
        pairs: Rounds.
        disk: A folder on a disk.

    Returns:
        Where the file was written -> how -> runs by round.
    """
    with tempfile.TemporaryDirectory(dir=TMPFS) as memory:
        source = Path(memory, "source.bin")
        digest = _make(source, mebibytes)
        with _serving(source) as url, tempfile.TemporaryDirectory(dir=_folder(disk)) as folder:
            job = (url, digest, mebibytes, pairs)
            return {
                MEMORY: _measure(*job, Path(memory), is_synced=False),
                DISK: _measure(*job, Path(folder), is_synced=True),
            }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB (1024)")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=CACHE, help="a folder on a disk")
    return parser.parse_args()


def _folder(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _make(source: Path, mebibytes: int) -> str:
    digest, block = hashlib.sha256(), os.urandom(MIB)
    with source.open("wb") as file:
        for _ in range(mebibytes):
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _serving(source: Path) -> Iterator[str]:
    command = [sys.executable, Path(__file__).with_name("file_server.py"), source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def _measure(
    url: str, digest: str, mebibytes: int, pairs: int, folder: Path, *, is_synced: bool
) -> dict[str, list[Run]]:
    def ours(ranges: int) -> Callable[[], Run]:
        order = [url, digest, str(mebibytes * MIB), str(folder / "parts"), str(ranges)]
        return lambda: _ours(order)

    workloads: dict[str, Callable[[], Run]] = {
        "curl": lambda: _curl(url, folder / "curl.bin", mebibytes * MIB, is_synced=is_synced),
        STREAM: ours(1),
        RANGES: ours(4),
    }
    return interleaved(workloads, pairs, warm_up=1)


def _ours(order: list[str]) -> Run:
    run = run_child(["-c", OURS, *order])
    return Run(json.loads(run.output), run.processor_seconds, run.peak_mib)


def _curl(url: str, target: Path, size: int, *, is_synced: bool) -> Run:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([shutil.which("curl") or "curl", "--silent", "--show-error", "-o", target, url], check=True)
    if is_synced:
        with target.open("rb") as file:
            os.fsync(file.fileno())
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert target.stat().st_size == size
    target.unlink()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, processor, 0.0)


def _report(
    where: str, arguments: argparse.Namespace, runs: dict[str, list[Run]], targets: dict[str, float]
) -> list[str]:
    curl = [run.seconds for run in runs["curl"]]
    rows, missed = [], []
    for name, own in runs.items():
        ratio = median_ratio(curl, [run.seconds for run in own])
        peak, least = max(run.peak for run in own), targets.get(name)
        verdict = "" if least is None else "pass" if ratio >= least and peak < MOST_MEMORY else "MISS"
        missed += [f"{name} onto {where}"] if verdict == "MISS" else []
        memory = f"{peak:.0f} MiB" if peak else ""
        seconds, processor = (statistics.median(run[column] for run in own) for column in (0, 1))
        rows.append((name, seconds, processor, ratio, "" if least is None else f">= {least}", memory, verdict))
    header = ("", "seconds", "processor seconds", "rate / curl's", "target", "peak memory", "")
    title = f"{arguments.size} MiB onto {where}; medians of {arguments.pairs}, ratios within each round"
    print_table(title, header, rows)
    return missed


if __name__ == "__main__":
    main()

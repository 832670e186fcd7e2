"""What every benchmark shares: interleaved runs in shuffled order, child processes, tables.

Standard library only: a parent that measures the memory of its children must stay small (see `run_child`).
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

CACHE = Path(__file__).parent / ".cache"

T = TypeVar("T")
Found = tuple[Sequence[Sequence[float]], Sequence[float], Sequence[int]]
"""Boxes, their confidences and their classes, as plain lists."""


@dataclass(frozen=True)
class ChildRun:
    """One finished child process.

    Attributes:
        seconds: From the moment before it was started to its end.
        processor_seconds: Time of all processors together, in the program and in the kernel on its behalf; depends
            less on what else the machine does.
        peak_mib: Its largest resident memory.
        output: What it wrote to standard output.
        started: `time.monotonic()` before it was started; the clock is the same in every process.
    """

    seconds: float
    processor_seconds: float
    peak_mib: float
    output: str
    started: float


class Goal(NamedTuple):
    """One measured figure and what it was meant to be.

    Attributes:
        figure: What was measured.
        value: The measurement.
        target: Largest value that passes; `None` for a figure that only informs.
        unit: Written behind both.
    """

    figure: str
    value: float
    target: float | None = None
    unit: str = ""


def run_child(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> ChildRun:
    """Runs a Python process to its end; a crash must never look like a fast run.

    The kernel counts the parent's resident memory at the moment of the fork as the child's, so the parent has to
    be smaller than what it measures: benchmarks that report memory import nothing heavy themselves.

    Raises:
        SystemExit: If the child fails, with everything it wrote.
    """
    command = [sys.executable, *arguments]
    started = time.monotonic()
    with (
        tempfile.TemporaryFile(mode="w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env) as child,
    ):
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}\n{output}{errors.read()}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return ChildRun(seconds, usage.ru_utime + usage.ru_stime, peak, output, started)


def interleaved(
    workloads: Mapping[str, Callable[[], T]], rounds: int, warm_up: int = 3, seed: int = 0
) -> dict[str, list[T]]:
    """Measures all workloads once per round, in an order that is shuffled every time.

    A machine's speed drifts by more than the differences of interest: only values of one round are comparable, and
    a fixed order favours whoever comes second.

    Returns:
        For each workload what it returned, by round.
    """
    order = list(workloads)
    shuffler = random.Random(seed)
    for _ in range(warm_up):
        for name in order:
            workloads[name]()
    results: dict[str, list[T]] = {name: [] for name in workloads}
    for _ in range(rounds):
        shuffler.shuffle(order)
        for name in order:
            results[name].append(workloads[name]())
    return results


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median of the ratios of one round each."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def median_difference(values: Sequence[float], subtrahends: Sequence[float]) -> float:
    """Median of the differences of one round each."""
    return statistics.median(a - b for a, b in zip(values, subtrahends, strict=True))


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def check_same_boxes(ours: Found, theirs: Found, tolerance: float = 1.0) -> int:
    """Makes sure that two sides found the same: same number, same classes, coordinates within a pixel.

    Returns:
        The number of boxes.

    Raises:
        SystemExit: If they did not; a benchmark of different answers means nothing.
    """
    if len(ours[0]) != len(theirs[0]):
        raise SystemExit(f"different answers: {len(ours[0])} boxes here, {len(theirs[0])} by hand")
    left = list(zip(theirs[0], theirs[2], strict=True))
    for box, class_id in zip(ours[0], ours[2], strict=True):
        twin = next((each for each in left if each[1] == class_id and _close(box, each[0], tolerance)), None)
        if twin is None:
            raise SystemExit(f"different answers: nobody else sees class {class_id} at {list(box)}")
        left.remove(twin)
    return len(ours[0])


def _close(a: Sequence[float], b: Sequence[float], tolerance: float) -> bool:
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def minor_faults() -> int:
    """Page faults of this process so far that needed no disk; they dominate small pre-processing."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def print_goals(title: str, goals: Sequence[Goal]) -> None:
    """Prints figures beside their targets, with a verdict."""
    print_table(title, ("figure", "measured", "target", ""), [_goal_cells(goal) for goal in goals])


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table; numbers in columns of equal width."""
    cells = [[_cell(value) for value in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    print(f"\n{title}")
    for index, row in enumerate(cells):
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        if index == 0:
            print("  " + "  ".join("-" * width for width in widths))


def _goal_cells(goal: Goal) -> tuple[str, str, str, str]:
    if goal.target is None:
        return goal.figure, f"{_cell(goal.value)} {goal.unit}".strip(), "", ""
    verdict = "pass" if goal.value <= goal.target else "MISS"
    return goal.figure, f"{_cell(goal.value)} {goal.unit}".strip(), f"<= {goal.target:g} {goal.unit}".strip(), verdict


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"

"""Pre-processing of a 1280 x 720 picture for a 640 x 640 input, inside the loop that a program really runs.

Alone, the same code is up to four times slower or faster: page faults decide, and the allocator and the thread pools
are in another state after a run of the network. So every measured call follows a run, and the faults are printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from graphs import yolov8n_size_graph, yolov8n_size_package
from handwritten import Detector
from inference_models_core import AutoModel
from measuring import Goal, interleaved, median_ratio, minor_faults, print_goals, print_table
from pictures import frame

ROUNDS = 60


class Call(NamedTuple):
    """One pre-processing in the loop."""

    seconds: float
    faults: int


def main() -> None:
    """Prints the tables."""
    hand = Detector(str(yolov8n_size_graph()))
    with AutoModel.from_pretrained(yolov8n_size_package(), device="cpu") as model:
        picture = frame()
        _check_same_tensor(model.pre_process(picture).groups[0].tensor, hand.pre_process(picture)[0])
        calls = interleaved(
            {
                "ours": lambda: _then_run(lambda: model.pre_process(picture), model.forward),
                "by hand": lambda: _then_run(lambda: hand.pre_process(picture), lambda made: hand.run(made[0])),
            },
            ROUNDS,
        )
    _print(calls)


def _then_run(prepare: Callable[[], object], run: Callable[[object], object]) -> Call:
    faults, started = minor_faults(), time.perf_counter()
    prepared = prepare()
    call = Call(time.perf_counter() - started, minor_faults() - faults)
    run(prepared)
    return call


def _check_same_tensor(ours: np.ndarray, theirs: np.ndarray) -> None:
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > 1e-6:
        raise SystemExit("different answers: the two sides prepare different tensors")


def _print(calls: dict[str, list[Call]]) -> None:
    seconds = {side: [call.seconds for call in done] for side, done in calls.items()}
    print_table(
        f"Pre-processing 1280x720 to 640x640 in the loop, medians of {ROUNDS} rounds",
        ("side", "ms", "page faults a call"),
        [
            (side, 1000 * statistics.median(seconds[side]), statistics.median(call.faults for call in done))
            for side, done in calls.items()
        ],
    )
    ratio = median_ratio(seconds["ours"], seconds["by hand"])
    print_goals("Goal", [Goal("ours / by hand, median of paired ratios", ratio, 0.9)])


if __name__ == "__main__":
    main()

"""A fresh process loads the sample detector and predicts once: ours against `handwritten.py`, same file, same picture.

Both must end well and print the same boxes; the times and the memory are printed beside their targets.
"""

from __future__ import annotations

import json
import statistics
from functools import partial
from pathlib import Path

from measuring import ChildRun, Goal, check_same_boxes, interleaved, median_difference, print_goals, run_child

PAIRS = 21
MODEL = "samples/shapes-detector"
HERE = Path(__file__).parent
FIND_FILES = f"""
import json
from inference_models_core import AutoModel
from inference_models_provider_samples.provider import PICTURES
folder = AutoModel.plan("{MODEL}").best.package.directory
print(json.dumps([str(folder / "weights.onnx"), str(sorted(PICTURES.iterdir())[0])]))
"""


def main() -> None:
    """Prints the table."""
    weights, picture = json.loads(run_child(["-c", FIND_FILES]).output)
    runs = interleaved(
        {
            "ours": partial(run_child, [str(HERE / "framework.py"), MODEL, picture]),
            "by hand": partial(run_child, [str(HERE / "handwritten.py"), weights, picture]),
        },
        rounds=PAIRS,
        warm_up=1,
    )
    boxes = check_same_boxes(*(json.loads(runs[side][0].output) for side in ("ours", "by hand")))
    milliseconds = {side: [run.seconds * 1000 for run in finished] for side, finished in runs.items()}
    processor = {side: [run.processor_seconds * 1000 for run in finished] for side, finished in runs.items()}
    memory = {side: _peak(finished) for side, finished in runs.items()}
    print_goals(
        f"Fresh process, {Path(picture).name}, {boxes} boxes alike; medians of {PAIRS} interleaved pairs",
        [
            Goal("ours", statistics.median(milliseconds["ours"]), unit="ms"),
            Goal("by hand", statistics.median(milliseconds["by hand"]), unit="ms"),
            Goal("ours - by hand", median_difference(milliseconds["ours"], milliseconds["by hand"]), 150, "ms"),
            Goal("the same, processor time", median_difference(processor["ours"], processor["by hand"]), unit="ms"),
            Goal("peak memory of ours", memory["ours"], unit="MiB"),
            Goal("peak memory by hand", memory["by hand"], unit="MiB"),
            Goal("peak memory, ours / by hand", memory["ours"] / memory["by hand"], 1.25),
        ],
    )


def _peak(runs: list[ChildRun]) -> float:
    return statistics.median(run.peak_mib for run in runs)


if __name__ == "__main__":
    main()

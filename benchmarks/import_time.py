"""Imports core in fresh, warm processes: the median time, and every heavy module that came with it.

Exits with 1 if a module was imported that must not be; the time is printed beside its target and never decides.
"""

from __future__ import annotations

import json
import statistics

from measuring import Goal, print_goals, run_child

RUNS = 9
HEAVY = ("numpy", "requests", "cv2", "onnxruntime", "torch", "PIL", "rich")
IMPORT = """
import json, sys, time
started = time.perf_counter()
import inference_models_core
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def main() -> None:
    """Prints the median and the verdict on the modules."""
    run_child(["-c", IMPORT])
    runs = [json.loads(run_child(["-c", IMPORT]).output) for _ in range(RUNS)]
    milliseconds = statistics.median(run["seconds"] for run in runs) * 1000
    print_goals(
        f"import inference_models_core, median of {RUNS} fresh processes",
        [
            Goal("time", milliseconds, 100, "ms"),
            Goal("modules loaded in all", len(runs[0]["modules"])),
            Goal(f"of {', '.join(HEAVY)}", len(set(HEAVY).intersection(runs[0]["modules"])), 0),
        ],
    )
    came_along = sorted(set(HEAVY).intersection(*(run["modules"] for run in runs)))
    if came_along:
        raise SystemExit(f"imported although nothing asked for it: {', '.join(came_along)}")


if __name__ == "__main__":
    main()

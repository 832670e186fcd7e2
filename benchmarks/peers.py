"""Ours beside scripts by hand, the reference system and Ultralytics: the table of `docs/performance.md`.

Each peer works in a process of its own; every round measures all of them once, in an order that is shuffled, and the
ratios are medians over rounds. No figure is taken before the peers have been seen to find the same.

`python benchmarks/peers.py` measures everything and writes the page; `... SECTION ...` measures some sections anew.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from measuring import check_same_boxes, interleaved, median_ratio, print_table, run_child
from page import Page
from peer_worker import Worker

HERE = Path(__file__).parent
SIDES = ("ours", "by hand", "reference", "Ultralytics")
RATIOS = ("reference / ours", "Ultralytics / ours", "ours / by hand")
HEADER = ("what", "case", *SIDES, *RATIOS, "target", "")
PAGE = Page(HERE.parent / "docs" / "performance.md", HEADER)
PREPARED_WITHIN, ADAPTIVE_WITHIN = 1.01 / 255, 2.01 / 255
COLD_ROUNDS, ROUNDS, SLOW_ROUNDS = 9, 40, 9


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        what: Kind of work.
        case: Which.
        unit: Of the values.
        values: By side, one for each round.
        targets: What a figure has to be: those of `RATIOS` that begin with a peer at least, everything else at most.
    """

    what: str
    case: str
    unit: str
    values: Mapping[str, Sequence[float]]
    targets: Mapping[str, float]

    def cells(self) -> tuple[str, ...]:
        """As the page shows it."""
        medians = [f"{figure:.3g} {self.unit}" if figure else "" for figure in map(self.figure, SIDES)]
        ratios = [f"{figure:.2f}" if figure else "" for figure in map(self.figure, RATIOS)]
        targets = "; ".join(f"{name} {_sign(name)} {limit:g}" for name, limit in self.targets.items())
        missed = [name for name, limit in self.targets.items() if not _reached(name, self.figure(name), limit)]
        return (self.what, self.case, *medians, *ratios, targets, "missed" if missed else "reached" * bool(targets))

    def figure(self, name: str) -> float | None:
        """Median of a side, or of the ratios of two."""
        sides = name.split(" / ")
        if any(side not in self.values for side in sides):
            return None
        if len(sides) == 1:
            return statistics.median(self.values[name])
        return median_ratio(self.values[sides[0]], self.values[sides[1]])


def _sign(figure: str) -> str:
    return "≥" if figure.endswith("/ ours") else "≤"


def _reached(figure: str, value: float | None, limit: float) -> bool:
    return value is not None and (value >= limit if _sign(figure) == "≥" else value <= limit)


def main(wanted: Sequence[str]) -> None:
    """Measures, prints and writes."""
    _two_processors()
    rows = [row.cells() for name, section in SECTIONS.items() if name in wanted or not wanted for row in section()]
    print_table("Beside peers", HEADER, rows)
    PAGE.write(rows, all_of_them=not wanted)


def _two_processors() -> None:
    """Keeps this process and all of its children on two processors, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def cold_start() -> Iterator[Row]:
    """Fresh processes from start to end; first, since a child's memory counts from its parent's."""
    package, file, picture = json.loads(run_child(["-c", _WRITE_FILES], {**os.environ, "PYTHONPATH": str(HERE)}).output)
    commands = {
        "ours": ["framework.py", package],
        "by hand": ["handwritten.py", f"{package}/weights.onnx"],
        "reference": ["peer_reference.py", package],
        "Ultralytics": ["peer_ultralytics.py", file],
    }
    children = {
        side: partial(run_child, [str(HERE / script), path, picture]) for side, (script, path) in commands.items()
    }
    runs = interleaved(children, COLD_ROUNDS, warm_up=1)
    _check_boxes({side: json.loads(done[0].output.splitlines()[-1]) for side, done in runs.items()})
    seconds = {side: [run.seconds for run in done] for side, done in runs.items()}
    memory = {side: [run.peak_mib for run in done] for side, done in runs.items()}
    yield Row("fresh process to boxes", "time", "s", seconds, {"reference / ours": 8})
    yield Row("fresh process to boxes", "peak memory", "MiB", memory, {"reference / ours": 5})


_WRITE_FILES = f"""
import json, cv2
from peer_cases import graph_with_metadata, yolov8n_size_package
from pictures import frame
picture = "{tempfile.gettempdir()}/peers.png"
cv2.imwrite(picture, frame())
print(json.dumps([str(yolov8n_size_package()), str(graph_with_metadata()), picture]))
"""


def whole_call() -> Iterator[Row]:
    """A picture to boxes with a detector of yolov8n's size."""
    targets = {"ours / by hand": 1.05, "reference / ours": 1.2, "Ultralytics / ours": 1}
    yield _measured(Asked("call", (), "whole call", "1280x720, 640x640 network", targets), SIDES, _check_boxes)


def pre_processing() -> Iterator[Row]:
    """A picture to a tensor, after a run of the network."""
    for mode in ("stretch", "letterbox", "letterbox-reflect-edges", "center-crop", "fit-longer-edge"):
        targets = {"reference / ours": 2, "ours / by hand": 1}
        asked = Asked("pre_process", (mode, "", 720, 1280), "pre-processing", f"{mode}, 1280x720", targets)
        yield _measured(asked, SIDES[:3], _check_tensors)
    for adjustment in ("static crop", "contrast stretching", "histogram equalization", "grey"):
        yield _adjusted(adjustment, 720, 1280, ROUNDS)
    yield _adjusted("adaptive equalization", 1080, 1920, SLOW_ROUNDS)


def _adjusted(adjustment: str, height: int, width: int, rounds: int) -> Row:
    what, targets = ("letterbox", adjustment, height, width), {"reference / ours": 1}
    asked = Asked("pre_process", what, "pre-processing", f"{adjustment}, {width}x{height}", targets, rounds)
    within = ADAPTIVE_WITHIN if adjustment == "adaptive equalization" else PREPARED_WITHIN
    return _measured(asked, ("ours", "reference"), partial(_check_tensors, within=within))


def post_processing() -> Iterator[Row]:
    """A detector's output to boxes, after a run of the network."""
    for count, targets in ((300, {"ours": 1.0}), (1200, {"ours": 2.0}), (3000, {"reference / ours": 2.0})):
        case = f"8,400 places, 80 classes, {count} candidates"
        yield _measured(Asked("post_process", (count,), "post-processing", case, targets), SIDES[:3], _check_boxes)


def masks() -> Iterator[Row]:
    """A segmenter's outputs to boxes and masks on a picture of 1920 x 1080."""
    for share in (0.02, 0.14):
        for form, least in (("rle", 8.0), ("dense", 10.0)):
            case, targets = f"100 of {share:.0%} of 1920x1080, {form}", {"reference / ours": least}
            asked = Asked("masks", (share, form), "masks", case, targets, SLOW_ROUNDS)
            yield _measured(asked, ("ours", "reference"), _check_masks)


def own_share() -> Iterator[Row]:
    """What a call takes beyond the runtime, for each of its pictures."""
    with closing(Worker("ours")) as worker:
        works = {batch: partial(worker.ask, "seconds", "own_share", batch) for batch in (1, 8)}
        seconds = interleaved({str(batch): work for batch, work in works.items()}, ROUNDS)
    values = {batch: [1000 * value for value in found] for batch, found in seconds.items()}
    ratio = median_ratio(values["8"], values["1"])
    yield Row("own share of each picture", "1 in a call", "ms", {"ours": values["1"]}, {})
    yield Row("own share of each picture", f"8 in a call: {ratio:.2f} of 1", "ms", {"ours": values["8"]}, {})


SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "cold_start": cold_start,
    "whole_call": whole_call,
    "pre_processing": pre_processing,
    "post_processing": post_processing,
    "masks": masks,
    "own_share": own_share,
}


class Asked(NamedTuple):
    """What is asked of each peer: the work and its arguments, and how the table names them."""

    work: str
    arguments: tuple[Any, ...]
    what: str
    case: str
    targets: Mapping[str, float]
    rounds: int = ROUNDS


def _measured(asked: Asked, sides: Sequence[str], check: Callable[[Mapping[str, Any]], None]) -> Row:
    with ExitStack() as stack:
        workers = {side: stack.enter_context(closing(Worker(side.lower().replace(" ", "_")))) for side in sides}
        request = (asked.work, *asked.arguments)
        check({side: worker.ask("answer", *request) for side, worker in workers.items()})
        works = {side: partial(worker.ask, "seconds", *request) for side, worker in workers.items()}
        seconds = interleaved(works, asked.rounds)
    values = {side: [1000 * value for value in found] for side, found in seconds.items()}
    return Row(asked.what, asked.case, "ms", values, asked.targets)


def _check_boxes(found: Mapping[str, Any]) -> None:
    for side, boxes in found.items():
        print(f"{check_same_boxes(found['ours'], boxes)} boxes alike: ours, {side}", file=sys.stderr)


def _check_tensors(found: Mapping[str, Any], within: float = PREPARED_WITHIN) -> None:
    import numpy as np

    for side, tensor in found.items():
        apart = float(np.abs(np.subtract(found["ours"], tensor)).max())
        print(f"tensors {255 * apart:.3f} / 255 apart: ours, {side}", file=sys.stderr)
        if apart > within:
            raise SystemExit(f"different answers: ours and {side} prepare tensors that are {apart} apart")


def _check_masks(found: Mapping[str, Any]) -> None:
    import numpy as np
    from inference_models_core.predictions import Masks

    size = (1080, 1920)
    ours, theirs = (
        Masks.from_rle([{"size": size, "counts": counts} for counts in found[side]], size).dense()
        for side in ("ours", "reference")
    )
    if ours.shape != theirs.shape:
        raise SystemExit(f"different answers: {len(ours)} masks here, {len(theirs)} there")
    if len(ours):  # those that are compared as run lengths
        both, either = (ours & theirs).sum((1, 2)), (ours | theirs).sum((1, 2))
        least = float(np.where(either, both / np.maximum(either, 1), 1).min())
        print(f"{len(ours)} masks, least IoU {least:.5f}, {int((ours ^ theirs).sum())} pixels apart", file=sys.stderr)
        if least < 0.99:
            raise SystemExit(f"different answers: a mask's IoU is {least}")


if __name__ == "__main__":
    main(sys.argv[1:])

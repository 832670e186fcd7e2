"""Runs both systems over every row and case, and writes what came of it: `nox -s parity [-- WORDS OF ROWS]`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from parity import adapting, bare, golden, measures, packages, running
from parity.bare import BARE, Bare
from parity.exported import EXPORTED
from parity.matrix import Case
from parity.measures import BARS, Deltas
from parity.pictures import pictures
from parity.rows import ROWS, Row

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
REFERENCE = "inference-models"


@attrs.frozen
class Found:
    """What a row's cases came to, or what one bare file did.

    Attributes:
        name: Of the row or file.
        cases: How many there were.
        deltas: The worst of each measure, but for what is explained.
        explained: The worst of what is beyond the bar for a reason.
        instances: How many boxes, or pictures where there are none, were compared.
        lines: What failed, for people.
        adapt: What of the reference's answers was changed before; see :mod:`parity.adapting`.
    """

    name: str
    cases: int
    deltas: Deltas
    explained: Deltas
    instances: int
    lines: tuple[str, ...]
    adapt: tuple[str, ...] = ()


def compare_row(row: Row, count: int) -> Found:
    """Compares every case of a row on so many pictures."""
    deltas: list[Deltas] = []
    reasons: list[Deltas] = []
    lines: list[str] = []
    instances = 0
    for index, case in enumerate(row.cases):
        with tempfile.TemporaryDirectory() as folder:
            package = packages.write(row, case, Path(folder) / "package")
            given = [picture for picture in pictures(count) if min(picture.shape[:2]) >= row.least_side]
            mine, (other, tensors) = (
                running.ours(row, case, package, given),
                running.theirs(row, case, package, given),
            )
            measured = [measures.compare(*pair) for pair in zip(mine, other, strict=True)]
            measured += _tensor_deltas(running.our_tensors(row, case, package, given), tensors, row, case)
        of_case = measures.worst(measured)
        bad = unexplained(row, case, of_case)
        if bad:
            said = {name: value for name, value in case.items() if value not in (None, False)}
            lines.append(f"{row.name}, case {index} {said}: {_text(of_case, bad)}")
        excused = set(measures.failures(of_case)) - set(bad)
        deltas.append({name: value for name, value in of_case.items() if name not in excused})
        reasons.append({name: value for name, value in of_case.items() if name in excused})
        instances += sum(len(answer.get("xyxy", [0])) for answer in mine)
    worst, excused_worst = measures.worst(deltas), measures.worst(reasons)
    return Found(row.name, len(row.cases), worst, excused_worst, instances, tuple(lines), tuple(row.adapt))


def compare_bare(one: Bare, count: int) -> Found:
    """Compares one bare file on so many pictures."""
    deltas, instances = bare.compare(one, count)
    bad = [name for name in measures.failures(deltas) if deltas[name] > bare.ROUNDING.get((one.runtime, name), 0)]
    reasons = {name: deltas.pop(name) for name in measures.failures(deltas) if name not in bad}
    lines = (f"{one.name}: {_text(deltas, bad)}",) if bad else ()
    return Found(one.name, 1, deltas, reasons, instances, lines)


def unexplained(row: Row, case: Case, deltas: Deltas) -> list[str]:
    """The measures beyond their bars without a reason on the page of differences."""
    beyond = measures.failures(deltas)
    return [name for name in beyond if not adapting.explained(row.name, case, name, deltas[name])]


def _tensor_deltas(ours: running.Tensors, theirs: running.Tensors, row: Row, case: Case) -> list[Deltas]:
    """Largest difference of what the networks see, in shares of the range of a pixel."""
    normalization = case.get("normalization")
    scale = np.array(normalization[1] if normalization else row.std or 1.0).reshape(-1, 1, 1)
    pairs = [_as_wide(*pair) if row.kind == "text" else pair for pair in zip(ours, theirs, strict=True)]
    return [
        {"tensor": float((np.abs(one.astype(float) - other) * scale).max()) if one.shape == other.shape else np.nan}
        for one, other in pairs
    ]


def _as_wide(*lines: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Lines of text filled up with zeros to the same width: how much there is depends on what a line comes with."""
    width = max(line.shape[2] for line in lines)
    return [np.pad(line, ((0, 0), (0, 0), (0, width - line.shape[2]))) for line in lines]


def _text(deltas: Deltas, names: list[str]) -> str:
    return ", ".join(f"{name} {deltas[name]:.3g}" for name in names)


def table(found: list[Found]) -> str:
    """The page's table."""
    shown = [name for name in BARS if any(name in {**one.deltas, **one.explained} for one in found)]
    lines = ["| row | compared | " + " | ".join(shown) + " |", "| --- | ---: |" + " ---: |" * len(shown)]
    for one in found:
        cells = [_cell(name, one) for name in shown]
        lines.append(f"| {one.name} | {one.instances} | " + " | ".join(cells) + " |")
    limits = [_limit(name) for name in shown]
    return "\n".join([*lines, "| **bar** | | " + " | ".join(limits) + " |"])


def _cell(name: str, found: Found) -> str:
    if name not in found.deltas:
        return f"({_number(name, found.explained[name])})" if name in found.explained else ""
    text = _number(name, found.deltas[name])
    text = text if BARS[name].passes(found.deltas[name]) else f"**{text}**"
    return f"{text} ({_number(name, found.explained[name])})" if name in found.explained else text


def _number(name: str, value: float) -> str:
    return f"{value:.4f}" if BARS[name].least else f"{value:.2g}"


def _limit(name: str) -> str:
    bar = BARS[name]
    return "" if bar.limit is None else f"{'≥' if bar.least else '≤'} {bar.limit:.3g}"


def page(found: list[Found], files: list[Found], count: int) -> str:
    """The whole of ``docs/parity.md``."""
    cases = sum(one.cases for one in found)
    adapted = [f"* {one.name}: {_phrases(one.adapt)}" for one in found if one.adapt]
    explained = [f"* {_explanation(one)}" for one in adapting.EXPLAINED]
    return f"""# Parity with the reference

Written by `nox -s parity`, which installs {REFERENCE} {version(REFERENCE)} beside these distributions, lets both open
the same packages ({len(found)} rows, {cases} cases of settings that hold every pair of settings) and asks both about
the same {count} pictures of mixed sizes. Each number is the worst of a row. Boxes and key points differ by up to half
a pixel because the reference rounds them; the IoU of boxes is taken after rounding both.

{table(found)}

"compared" counts boxes, or pictures for tasks without. "tensor" is the largest difference of what the networks see, as
a share of a pixel's range; for pp-ocrv6, "box px" compares pieces in the order in which they are read; score
differences include those of key points; "mask IoU inside" leaves out the first and last row and column of each mask,
and where a mask has fewer than 100 pixels, one of them may differ and counts as 0.99;
"covariance" is relative to the matrix, "depth" to the range of the map, "vector" to the largest component.

Most graphs are built by hand, so that their outputs are known and never a close call. Those of rows that are "exported"
come from Ultralytics' own export, or from torchvision's networks, with seeded weights.

Numbers in parentheses are beyond the bar for a reason that [differences.md](differences.md) gives:

{chr(10).join(explained)}

Where that page says that we answer otherwise, the rest of the answer is compared after the reference's is changed so:

{chr(10).join(adapted)}

## Bare exports beside the library that wrote them

The same {count} pictures, asked of `AutoModel.from_pretrained(FILE)` and of `YOLO(FILE)` of Ultralytics
{version("ultralytics")} with the same thresholds, the file as its export left it. Files are ONNX and TorchScript, "raw"
or with suppression of boxes in the graph ("fused"), of seeded weights. Scores in parentheses are TorchScript's, where
random networks make much of the order in which floats are summed.

{table(files)}
"""


def _explanation(one: adapting.Explained) -> str:
    where = [f"rows of {one.row}"] if one.row else []
    where += [f"{one.setting[0]} {one.setting[1]}"] if one.setting else []
    to = "down to" if BARS[one.measure].least else "up to"
    return f"{one.measure} {to} {one.limit:.2g} for {', '.join(where)}: “{one.phrase}”"


def _phrases(names: tuple[str, ...]) -> str:
    return "; ".join(f"“{adapting.PHRASES[name]}”" for name in names)


def main() -> None:
    """Compares, prints, writes the page when every row ran, and exits with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="compare only rows whose names hold all of these")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--golden", action="store_true", help="write the golden data of rows that passed")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # both say at every load how they replace a resize mode
    rows = [row for row in (*ROWS, *EXPORTED) if all(word in row.name for word in chosen.words)]
    found = [_said(compare_row, row, chosen.pictures) for row in rows]
    if chosen.golden:
        for row, one in zip(rows, found, strict=True):
            if row in ROWS and not one.lines:
                golden.write(row)
    exports = [one for one in BARE if all(word in one.name for word in chosen.words)]
    files = [_said(compare_bare, one, chosen.pictures) for one in exports]
    print(table(found), table(files), sep="\n\n")
    if not chosen.words:
        PAGE.write_text(page(found, files, chosen.pictures))
    sys.exit(1 if any(one.lines for one in (*found, *files)) else 0)


def _said(compare: Callable[[Any, int], Found], asked: Any, count: int) -> Found:
    start = time.perf_counter()
    found = compare(asked, count)
    print(f"{found.name}: {found.cases} cases, {time.perf_counter() - start:.0f} s", flush=True)
    for line in found.lines:
        print(f"    {line}", flush=True)
    return found


if __name__ == "__main__":
    main()

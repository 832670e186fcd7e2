"""Runs both systems over every row and case, and writes what came of it: `nox -s parity [-- WORDS OF ROWS]`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import attrs
import numpy as np

from parity import adapting, golden, measures, packages, running
from parity.matrix import Case
from parity.measures import BARS, Deltas
from parity.pictures import pictures
from parity.rows import ROWS, Row

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
REFERENCE = "inference-models"


@attrs.frozen
class Found:
    """What a row's cases came to.

    Attributes:
        row: Which.
        deltas: The worst of each measure.
        instances: How many boxes, or pictures where there are none, were compared.
        lines: What failed, for people.
    """

    row: Row
    deltas: Deltas
    instances: int
    lines: tuple[str, ...]


def compare_row(row: Row, count: int) -> Found:
    """Compares every case of a row on so many pictures."""
    deltas: list[Deltas] = []
    lines: list[str] = []
    instances = 0
    for index, case in enumerate(row.cases):
        with tempfile.TemporaryDirectory() as folder:
            package = packages.write(row, case, Path(folder) / "package")
            given = pictures(count)
            mine, (other, tensors) = (
                running.ours(row, case, package, given),
                running.theirs(row, case, package, given),
            )
            measured = [measures.compare(*pair) for pair in zip(mine, other, strict=True)]
            measured += _tensor_deltas(running.our_tensors(row, case, package, given), tensors, row, case)
        bad = unexplained(row, case, measures.worst(measured))
        if bad:
            said = {name: value for name, value in case.items() if value not in (None, False)}
            lines.append(f"{row.name}, case {index} {said}: {_text(measures.worst(measured), bad)}")
        deltas += measured
        instances += sum(len(answer.get("xyxy", [0])) for answer in mine)
    return Found(row, measures.worst(deltas), instances, tuple(lines))


def unexplained(row: Row, case: Case, deltas: Deltas) -> list[str]:
    """The measures beyond their bars without a reason on the page of differences."""
    beyond = measures.failures(deltas)
    return [name for name in beyond if not adapting.explained(row.name, case, name, deltas[name])]


def _tensor_deltas(ours: running.Tensors, theirs: running.Tensors, row: Row, case: Case) -> list[Deltas]:
    """Largest difference of what the networks see, in shares of the range of a pixel."""
    normalization = case.get("normalization")
    scale = np.array(normalization[1] if normalization else row.std or 1.0).reshape(-1, 1, 1)
    return [
        {"tensor": float((np.abs(one.astype(float) - other) * scale).max()) if one.shape == other.shape else np.nan}
        for one, other in zip(ours, theirs, strict=True)
    ]


def _text(deltas: Deltas, names: list[str]) -> str:
    return ", ".join(f"{name} {deltas[name]:.3g}" for name in names)


def table(found: list[Found]) -> str:
    """The page's table."""
    shown = [name for name in BARS if any(name in one.deltas for one in found)]
    lines = ["| row | compared | " + " | ".join(shown) + " |", "| --- | ---: |" + " ---: |" * len(shown)]
    for one in found:
        cells = [_cell(name, one.deltas) for name in shown]
        lines.append(f"| {one.row.name} | {one.instances} | " + " | ".join(cells) + " |")
    limits = [_limit(name) for name in shown]
    return "\n".join([*lines, "| **bar** | | " + " | ".join(limits) + " |"])


def _cell(name: str, deltas: Deltas) -> str:
    if name not in deltas:
        return ""
    text = f"{deltas[name]:.2g}" if not BARS[name].least else f"{deltas[name]:.4f}"
    return text if BARS[name].passes(deltas[name]) else f"**{text}**"


def _limit(name: str) -> str:
    bar = BARS[name]
    return "" if bar.limit is None else f"{'≥' if bar.least else '≤'} {bar.limit:.3g}"


def page(found: list[Found], count: int) -> str:
    """The whole of ``docs/parity.md``."""
    cases = sum(len(one.row.cases) for one in found)
    adapted = [f"* {one.row.name}: {_phrases(one.row)}" for one in found if one.row.adapt]
    explained = [f"* {_explanation(one)}" for one in adapting.EXPLAINED]
    return f"""# Parity with the reference

Written by `nox -s parity`, which installs {REFERENCE} {version(REFERENCE)} beside these distributions, lets both open
the same packages ({len(found)} rows, {cases} cases of settings that hold every pair of settings) and asks both about
the same {count} pictures of mixed sizes. Each number is the worst of a row. Boxes and key points differ by up to half
a pixel because the reference rounds them; the IoU of boxes is taken after rounding both.

{table(found)}

"compared" counts boxes, or pictures for tasks without. "tensor" is the largest difference of what the networks see, as
a share of a pixel's range; score differences include those of key points; "covariance" is relative to the matrix,
"depth" to the range of the map, "vector" to the largest component.

Numbers in bold are beyond the bar. [differences.md](differences.md) says why; these, and no more, are taken:

{chr(10).join(explained)}

Where that page says that we answer otherwise, the rest of the answer is compared after the reference's is changed so:

{chr(10).join(adapted)}
"""


def _explanation(one: adapting.Explained) -> str:
    where = [f"rows of {one.row}"] if one.row else []
    where += [f"{one.setting[0]} {one.setting[1]}"] if one.setting else []
    return f"{one.measure} up to {one.limit:.2g} for {', '.join(where)}: “{one.phrase}”"


def _phrases(row: Row) -> str:
    return "; ".join(f"“{adapting.PHRASES[name]}”" for name in row.adapt)


def main() -> None:
    """Compares, prints, writes the page when every row ran, and exits with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="compare only rows whose names hold all of these")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--golden", action="store_true", help="write the golden data of rows that passed")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # both say at every load how they replace a resize mode
    found: list[Found] = []
    for row in ROWS:
        if all(word in row.name for word in chosen.words):
            start = time.perf_counter()
            found.append(compare_row(row, chosen.pictures))
            print(f"{row.name}: {len(row.cases)} cases, {time.perf_counter() - start:.0f} s", flush=True)
            for line in found[-1].lines:
                print(f"    {line}", flush=True)
            if chosen.golden and not found[-1].lines:
                golden.write(row)
    print(table(found))
    if len(found) == len(ROWS):
        PAGE.write_text(page(found, chosen.pictures))
    sys.exit(1 if any(one.lines for one in found) else 0)


if __name__ == "__main__":
    main()

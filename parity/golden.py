"""What we answered when the reference answered the same: compact, so that tests check every row without it.

One file per row: for each array of an answer the values of all answers in one line, as whole numbers of a unit, and
the shapes. Masks are run lengths, maps are sampled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parity import packages, running
from parity.answers import Answer
from parity.matrix import Case
from parity.pictures import SIZES, picture
from parity.rows import Row

FOLDER = Path(__file__).parent.parent / "tests" / "golden"
PER_CASE = 2
#: Pictures that take little room and time.
_SMALL = tuple(index for index, size in enumerate(SIZES) if max(size) <= 320)
_SAMPLES = 16
_MASK_CASES = 3
_MAPS = ("map", "map_confidence", "depth")
_UNITS: Mapping[str, float] = {
    "xyxy": 1 / 64,
    "reading_order": 1 / 64,
    "key_points": 1 / 64,
    "confidence": 1e-5,
    "key_points_confidence": 1e-5,
    "scores": 1e-5,
    "angles": 1e-5,
    "vector": 1e-5,
    "map_confidence": 1e-4,
    "depth": 1e-4,
}
_NOT_A_NUMBER = np.iinfo(np.int32).min


def path_of(row: Row) -> Path:
    """The file of a row."""
    return FOLDER / f"{row.name.replace(' ', '_')}.npz"


def answers(row: Row) -> list[Answer]:
    """What we answer now: for each case so many pictures, thinned as the golden data are."""
    every = _MASK_CASES if row.kind == "masks" else 1  # masks are large
    chosen = list(enumerate(row.cases))[::every]
    return [answer for index, case in chosen for answer in answers_of_case(row, case, index)]


def answers_of_case(row: Row, case: Case, index: int) -> list[Answer]:
    """The same for one case."""
    chosen = [picture(_SMALL[(PER_CASE * index + step) % len(_SMALL)]) for step in range(PER_CASE)]
    with tempfile.TemporaryDirectory() as folder:
        package = packages.write(row, case, Path(folder) / "package")
        return [thinned(answer) for answer in running.ours(row, case, package, chosen)]


def thinned(answer: Answer) -> Answer:
    """The answer with maps sampled at a few rows and columns, and without what needs more digits than it is worth."""
    return {name: _sampled(values) if name in _MAPS else values for name, values in answer.items() if name in _KEPT}


_KEPT = {*_UNITS, *_MAPS, "class_id", "masks", "label", "labels", "text"}


def _sampled(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    rows, columns = (np.linspace(0, size - 1, min(size, _SAMPLES)).astype(int) for size in values.shape)
    return values[np.ix_(rows, columns)]


def write(row: Row) -> None:
    """Writes what we answer now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = answers(row)
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name in found[0]:
        shapes = np.array([np.shape(answer[name]) for answer in found], np.int32)
        values = [_packed(name, np.asarray(answer[name])) for answer in found]
        arrays |= {
            f"{name}.shapes": shapes.reshape(len(found), -1),
            f"{name}.lengths": np.array([len(value) for value in values], np.int32),
            f"{name}.values": np.concatenate(values),
        }
    np.savez_compressed(path_of(row), **arrays)


def read(row: Row) -> list[Answer]:
    """What :func:`write` wrote."""
    with np.load(path_of(row)) as file:
        arrays = dict(file)
    names = [name.removesuffix(".shapes") for name in arrays if name.endswith(".shapes")]
    columns = {name: _unpacked_all(name, arrays) for name in names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _unpacked_all(name: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> list[npt.NDArray[np.generic]]:
    ends = np.cumsum(arrays[f"{name}.lengths"])[:-1]
    parts = np.split(arrays[f"{name}.values"], ends)
    shapes = [tuple(shape.tolist()) for shape in arrays[f"{name}.shapes"]]
    return [_unpacked(name, part, shape) for part, shape in zip(parts, shapes, strict=True)]


def _packed(name: str, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    if name == "masks":
        flat = np.concatenate([[0], values.ravel().astype(np.int8), [0]])
        return np.diff(np.flatnonzero(np.diff(flat)), prepend=0).astype(np.int32)
    scaled = np.round(values.astype(float).ravel() / _UNITS.get(name, 1))
    return np.where(np.isnan(scaled), _NOT_A_NUMBER, scaled).astype(np.int32)


def _unpacked(name: str, values: npt.NDArray[np.int32], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    if name == "masks":
        changes = np.zeros(int(np.prod(shape)) + 1, np.int8)
        at = np.cumsum(values)
        changes[at[0::2]] += 1
        changes[at[1::2]] -= 1
        return np.cumsum(changes[:-1]).astype(bool).reshape(shape)
    if name not in _UNITS:
        return values.reshape(shape)
    return np.where(values == _NOT_A_NUMBER, np.nan, values * _UNITS[name]).reshape(shape)

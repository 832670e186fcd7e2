"""Every row of the parity table against what we answered when the reference answered the same (`nox -s parity`)."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from inference_models_vision.catalog import MODELS

from parity import adapting, golden, measures
from parity.rows import ROWS

LARGEST_FOLDER = 1_000_000
PAGE = Path(__file__).parent.parent / "docs" / "differences.md"
#: Families that the reference does not have.
OURS_ALONE = {("yolo26", "classification")}


def test_names():
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_as_when_the_reference_agreed(row):
    found, expected = golden.answers(row), golden.read(row)
    assert len(found) == len(expected)
    for ours, known in zip(found, expected, strict=True):
        assert not measures.failures(measures.compare(ours, known)), measures.compare(ours, known)
    assert any(len(answer.get("xyxy", [0])) for answer in expected)


def test_the_folder():
    assert {path.name for path in golden.FOLDER.iterdir()} == {golden.path_of(row).name for row in ROWS}
    assert sum(path.stat().st_size for path in golden.FOLDER.iterdir()) < LARGEST_FOLDER


def test_every_family_has_a_row():
    families = {(model.architecture, model.task) for model in MODELS}
    compared = {(row.architecture, row.task) for row in ROWS}
    assert families - compared == OURS_ALONE, "add rows to parity/rows.py, and run nox -s parity -- --golden"


def test_the_page_names_every_difference():
    phrases = {*adapting.PHRASES.values(), *(one.phrase for one in adapting.EXPLAINED)}
    assert {name for row in ROWS for name in row.adapt} <= set(adapting.PHRASES)
    page = PAGE.read_text()
    assert not [phrase for phrase in phrases if phrase not in page]


def boxes(*xyxy, label=0):
    count = len(xyxy)
    return {
        "xyxy": np.array(xyxy, float).reshape(-1, 4),
        "class_id": np.full(count, label),
        "confidence": np.linspace(0.9, 0.5, count),
    }


A, B = (0, 0, 10, 10), (20, 20, 30, 30)


@pytest.mark.parametrize(
    ("ours", "theirs", "beyond"),
    [
        (boxes(A, B), boxes(A, B), []),
        (boxes(A), boxes(A, B), ["other counts"]),
        (boxes(A, label=1), boxes(A), ["other labels"]),
        (boxes((0, 0, 11.1, 10)), boxes(A), ["box px"]),
        (boxes((0, 0, np.nan, 10)), boxes(A), ["box px"]),
        (boxes(A), {**boxes(A), "confidence": np.array([0.9002])}, ["score"]),
    ],
)
def test_the_bars(ours, theirs, beyond):
    assert [name for name in measures.failures(measures.compare(ours, theirs)) if name != "box IoU"] == beyond


def test_masks_and_maps_that_differ():
    plane, other = np.zeros((1, 20, 20), bool), np.zeros((1, 20, 20), bool)
    plane[:, :10], other[:, :11] = True, True
    ours, theirs = {**boxes(A), "masks": plane}, {**boxes(A), "masks": other}
    assert measures.failures(measures.compare(ours, theirs)) == ["mask IoU"]
    assert measures.failures(measures.compare({"map": plane[0]}, {"map": other[0]})) == ["map agreement"]
    assert measures.failures(measures.compare({"map": plane[0]}, {"map": other[0, :10]})) == ["other counts"]

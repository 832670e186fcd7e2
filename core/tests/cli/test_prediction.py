from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from inference_models_core.cli.prediction import Failed, Predicted, one_per_picture, predict_all
from inference_models_core.cli.sources import MissingSource, PictureSource
from inference_models_core.errors import InputError, ModelClosedError, ModelOutputError, UnknownArgumentError


def sources(*names):
    return [PictureSource(Path(name), Path(name)) for name in names]


def double(pictures):
    if any(picture.name == "bad" for picture in pictures):
        raise InputError("bad picture")
    return [picture.name * 2 for picture in pictures]


def test_one_outcome_per_source_in_order_whatever_is_missing():
    missing = MissingSource("gone", InputError("gone"))
    found = list(predict_all(lambda: double, [missing, *sources("a", "bad"), missing, *sources("b")], batch=3))
    assert [type(each) for each in found] == [Failed, Predicted, Failed, Failed, Predicted]
    assert [each.result for each in found if isinstance(each, Predicted)] == ["aa", "bb"]
    assert [str(each.error) for each in found if isinstance(each, Failed)] == ["gone", "bad picture", "gone"]


def test_batches_are_drawn_as_they_are_needed():
    drawn = []

    def endless():
        for number in itertools.count():
            drawn.append(number)
            yield PictureSource(Path(str(number)), Path(str(number)))

    outcomes = predict_all(lambda: double, endless(), batch=4)
    assert [next(outcomes).result for _ in range(5)] == ["00", "11", "22", "33", "44"]
    assert len(drawn) == 8


def test_the_model_is_loaded_once_and_not_for_nothing():
    loads = []

    def load():
        loads.append(1)
        return double

    list(predict_all(load, [MissingSource("gone", InputError("gone"))], batch=1))
    assert loads == []
    list(predict_all(load, sources("a", "b", "c"), batch=1))
    assert loads == [1]


@pytest.mark.parametrize("error", [UnknownArgumentError("x"), ModelClosedError("x"), ZeroDivisionError()])
def test_what_is_no_pictures_fault_ends_the_work(error):
    def fail(pictures):
        raise error

    with pytest.raises(type(error)):
        list(predict_all(lambda: fail, sources("a", "b"), batch=2))


def test_errors_of_loading_are_no_pictures_fault():
    def load():
        raise InputError("cannot load")

    with pytest.raises(InputError):
        list(predict_all(load, sources("a"), batch=1))


def test_time_is_shared_by_the_batch():
    first, second = predict_all(lambda: double, sources("a", "b"), batch=2)
    assert first.milliseconds == second.milliseconds > 0


@pytest.mark.parametrize(
    ("answer", "count", "expected"),
    [([1, 2], 2, [1, 2]), ((1,), 1, (1,)), ("text", 1, ["text"]), ([1, 2], 1, [[1, 2]]), ({}, 1, [{}])],
)
def test_one_per_picture(answer, count, expected):
    assert one_per_picture(answer, count) == expected


@pytest.mark.parametrize("answer", [[1], "ab", None, [1, 2, 3]])
def test_too_few_or_too_many(answer):
    with pytest.raises(ModelOutputError):
        one_per_picture(answer, 2)

import numpy as np
import pytest
from inference_models_core.errors import InputError
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.decoding.confidence import check_count, check_share, resolve_confidence

NAMES = ("cat", "dog", "bird")
TUNED = RecommendedParameters(confidence=0.6)
PER_CLASS = RecommendedParameters(confidence=0.6, per_class_confidence={"dog": 0.2, "unicorn": 0.9})
ONLY_CLASSES = RecommendedParameters(per_class_confidence={"cat": 0.1})


def resolve(confidence, recommended=None, names=NAMES):
    return resolve_confidence(confidence, default=0.4, recommended=recommended, class_names=names)


@pytest.mark.parametrize("number", [0, 1, 0.0, 0.25, 1.0, np.float32(0.25), np.float64(0.25), np.int64(1), np.uint8(0)])
def test_numbers_are_numbers(number):
    found = resolve(number, PER_CLASS)
    assert isinstance(found, float)
    assert found == number


@pytest.mark.parametrize(
    ("word", "recommended", "expected"),
    [
        ("default", None, 0.4),
        ("default", PER_CLASS, 0.4),
        ("best", None, 0.4),
        ("best", RecommendedParameters(), 0.4),
        ("best", TUNED, 0.6),
        ("best", PER_CLASS, [0.6, 0.2, 0.6]),
        ("best", ONLY_CLASSES, [0.1, 0.4, 0.4]),
    ],
)
def test_words(word, recommended, expected):
    np.testing.assert_allclose(resolve(word, recommended), expected)


def test_without_names_there_is_nothing_per_class():
    assert resolve("best", PER_CLASS, ()) == 0.6


@pytest.mark.parametrize(
    "wrong", [True, False, np.True_, "0.5", "Best", None, -0.1, 1.1, float("nan"), [0.5], 1 + 0j, np.array([0.5])]
)
def test_anything_else_is_an_error(wrong):
    with pytest.raises(InputError, match='confidence is "best", "default" or a number from 0 to 1'):
        resolve(wrong)


def test_other_arguments():
    assert check_share("iou_threshold", 1) == 1.0
    assert check_count("max_detections", np.int32(5)) == 5
    for wrong in (0, -1, 2.0, True, "3", None):
        with pytest.raises(InputError, match="max_detections"):
            check_count("max_detections", wrong)

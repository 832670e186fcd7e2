"""YOLO key points from a package directory to points on the picture, against a plain reading box by box."""

import json
import warnings

import numpy as np
import pytest
from inference_models_core.errors import (
    InputError,
    MalformedDocumentError,
    ModelOutputError,
    PackageFileMissingError,
    UnknownArgumentError,
)
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.families.yolo.key_points import Yolo26KeyPointDetection, YoloKeyPointDetection

PICTURE = np.zeros((64, 128, 3), np.uint8)  # letterboxed to 32x64 with 16 pixels above and below
SLOTS, CLASSES = 3, 2
METADATA = [
    {
        "object_class_id": 0,
        "keypoints": {"0": "nose", "1": "ear", "2": "tail"},
        "edges": [{"from": 0, "to": 1}, {"from": 1, "to": 2}],
    },
    {"object_class_id": 1, "keypoints": {"0": "snout", "1": "tail"}, "edges": []},
]
COUNTS = [3, 2]


@pytest.fixture
def load(make_package, document, runner_of):
    def load(
        output,
        of=YoloKeyPointDetection,
        *,
        fused=False,
        known=METADATA,
        names="cat\ndog\n",
        bare=False,
        metadata=None,
        **options,
    ):
        config = {**document(), "post_processing": {"type": "nms", "fused": fused}}
        described = {"preprocessing": config, "graph_files": {"weights": "pose.onnx"}} if bare else {}
        folder, package = make_package(None if bare else config, names, **described, **(metadata or {}))
        if known is not None:
            (folder / "keypoints_metadata.json").write_text(json.dumps(known))
        return of.from_pretrained(folder, package=package, runners={"weights": runner_of(output)}, **options)

    return load


def scattered(seed=0, count=25):
    """Boxes (count, 4) as corners that do not touch, scores, classes, and points (count, SLOTS, 3)."""
    random = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2)[:count] * 12 + 8.0
    half = random.uniform(1, 5, (count, 2))
    scores = random.uniform(0.05, 0.95, count)
    points = np.concatenate(
        [random.uniform(-5, 69, (count, SLOTS, 2)), random.uniform(0, 1, (count, SLOTS, 1))], axis=2
    )
    return np.hstack([places - half, places + half]), scores, random.integers(0, CLASSES, count), points


def raw(boxes, scores, class_ids, points):
    every = np.where(np.arange(CLASSES) == class_ids[:, None], scores[:, None], scores[:, None] / 2)
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.hstack([middle, size, every, points.reshape(len(boxes), -1)]).T.astype(np.float32)


def rows(boxes, scores, class_ids, points):
    return np.hstack([boxes, scores[:, None], class_ids[:, None], points.reshape(len(boxes), -1)]).astype(np.float32)


def on_picture(x, y):
    return min(max(x * 2, 0), 128), min(max((y - 16) * 2, 0), 64)


def check(result, found, threshold, order):
    boxes, scores, class_ids, points = found
    assert len(result) == len(order)
    assert result.class_id.tolist() == class_ids[order].tolist()
    np.testing.assert_allclose(result.confidence, scores[order], atol=1e-6)
    for row, i in enumerate(order):
        corners = [*on_picture(*boxes[i, :2]), *on_picture(*boxes[i, 2:])]
        np.testing.assert_allclose(result.xyxy[row], corners, atol=1e-3)
        for slot, (x, y, score) in enumerate(points[i]):
            counts = slot < COUNTS[class_ids[i]] and score >= threshold
            wanted = (*on_picture(x, y), score) if counts else (0, 0, 0)
            found_point = (*result.key_points[row, slot], result.key_points_confidence[row, slot])
            np.testing.assert_allclose(found_point, wanted, atol=1e-3)


@pytest.mark.parametrize("convert", ["numpy", "torch"])
@pytest.mark.parametrize("kind", ["raw", "fused", "yolo26"])
@pytest.mark.parametrize("seed", range(3))
def test_against_a_plain_reading(load, kind, convert, seed):
    found = scattered(seed)
    output = raw(*found) if kind == "raw" else rows(*found)
    of = Yolo26KeyPointDetection if kind == "yolo26" else YoloKeyPointDetection
    model = load(output, of, fused=kind == "fused")
    batch = output[None]
    if convert == "torch":
        batch = pytest.importorskip("torch").from_numpy(batch)
    (result,) = model.post_process([(batch,)], model.pre_process(PICTURE))
    least = 0.25 if kind == "yolo26" else 0.4
    order = np.flatnonzero(found[1] > least)
    if kind == "raw":
        order = order[np.argsort(-found[1][order])]
    assert 5 < len(order) < 25
    check(result, found, 0.3 if kind == "yolo26" else 0.0, order)
    (result,) = model.post_process([(batch,)], model.pre_process(PICTURE), key_points_threshold=0.6)
    check(result, found, 0.6, order)


def test_names_and_skeletons(load):
    found = scattered()
    model = load(raw(*found))
    assert model.key_point_names == (("nose", "ear", "tail"), ("snout", "tail"))
    assert model.skeletons == (((0, 1), (1, 2)), ())
    (result,) = model(PICTURE)
    assert result.key_point_names == model.key_point_names
    assert result.skeletons == model.skeletons
    assert {row.key_point_names for row in result} == set(model.key_point_names)
    assert result.key_points.dtype == result.key_points_confidence.dtype == np.float32


def test_thresholds_of_key_points_are_not_strict(load):
    boxes, _, _, points = scattered(count=1)
    points[..., :2], points[..., 2] = 30, [[0.25, 0.5, 0.75]]
    model = load(raw(boxes, np.array([0.9]), np.array([0]), points))
    seen = lambda **arguments: model(PICTURE, **arguments)[0].key_points_confidence.tolist()  # noqa: E731
    assert seen() == [[0.25, 0.5, 0.75]]
    assert seen(key_points_threshold=0.5) == [[0, 0.5, 0.75]]
    assert seen(key_points_threshold=1) == [[0, 0, 0]]
    for wrong in (2, -0.1, True, "best"):
        with pytest.raises(InputError, match="key_points_threshold"):
            model(PICTURE, key_points_threshold=wrong)
    with pytest.raises(UnknownArgumentError, match="key_points_threshold"):
        model(PICTURE, keypoints_threshold=0.5)


def test_overlapping_boxes_take_their_key_points_with_them(load):
    boxes = np.array([[10, 20, 30, 40], [11, 20, 31, 40], [40, 20, 60, 40]], float)
    points = np.arange(27.0).reshape(3, 3, 3) + 20
    points[..., 2] = 0.5
    model = load(raw(boxes, np.array([0.6, 0.8, 0.7]), np.array([0, 0, 0]), points))
    (result,) = model(PICTURE)
    np.testing.assert_allclose(result.key_points[:, 0], [on_picture(*points[i, 0, :2]) for i in (1, 2)])
    assert len(model(PICTURE, iou_threshold=1)[0].key_points) == 3
    assert len(model(PICTURE, max_detections=1)[0].key_points) == 1


def test_best_thresholds_per_class(load):
    found = scattered()
    limits = RecommendedParameters(per_class_confidence={"cat": 0.2, "dog": 0.9})
    (result,) = load(raw(*found), recommended_parameters=limits)(PICTURE, confidence="best")
    assert len(result) == (found[1] > np.array([0.2, 0.9])[found[2]]).sum()


def test_nothing_found(load):
    for output, fused in ((np.zeros((15, 10)), False), (np.zeros((0, 15)), True), (np.zeros((15, 0)), False)):
        (result,) = load(output.astype(np.float32), fused=fused)(PICTURE)
        assert result.key_points.shape == (0, 3, 2)
        assert result.key_points_confidence.shape == (0, 3)


def test_numbers_that_are_not_finite(load):
    found = scattered(count=1)
    found[1][:], found[3][0, :, 2] = 0.9, [0.5, np.nan, 0.5]
    found[3][0, 0, 0], found[3][0, 2, 1] = np.inf, 20
    found[2][:] = 0
    (result,) = load(raw(*found))(PICTURE)
    assert result.key_points_confidence.tolist() == [[0, 0, 0.5]]
    assert not result.key_points[0, :2].any()


@pytest.mark.parametrize("fused", [False, True])
def test_a_bare_file_without_key_point_names(load, fused):
    found = scattered()
    options = {"known": "a file of something else", "names": None, "metadata": {"class_names": ("cat", "dog")}}
    model = load(rows(*found) if fused else raw(*found), fused=fused, bare=True, **options)
    (result,) = model(PICTURE)
    assert model.key_point_names == (("point_0", "point_1", "point_2"),) * 2
    assert result.skeletons == ()
    assert (result.key_points_confidence > 0).all()  # the third of a dog, too
    assert next(iter(result)).key_point_names == ("point_0", "point_1", "point_2")


def test_a_bare_file_without_any_names(load):
    found = scattered()
    model = load(rows(*found), fused=True, known=None, bare=True, names=None)
    (result,) = model(PICTURE)
    assert result.key_points.shape[1:] == (3, 2)
    model = load(raw(*found), known=None, bare=True, names=None)
    with pytest.raises(ModelOutputError, match="does not tell classes from key points"):
        model(PICTURE)


def test_packages_without_or_with_wrong_key_points(load):
    output = raw(*scattered())
    with pytest.raises(PackageFileMissingError, match=r"keypoints_metadata\.json"):
        load(output, known=None)
    with pytest.raises(MalformedDocumentError, match=r"class 1 \(dog\)"):
        load(output, known=METADATA[:1])


@pytest.mark.parametrize(
    ("shape", "fused", "bare"),
    [
        ((4 + CLASSES, 20), False, False),  # object detection
        ((4 + CLASSES, 20), False, True),
        ((4 + CLASSES + 4 * 3, 20), False, False),  # other key points
        ((4 + CLASSES + 8, 20), False, True),
        ((3, 20), False, True),
        ((4 + CLASSES + 9,), False, False),
        ((20, 6), True, False),
        ((20, 6), True, True),
        ((20, 5), True, True),
        ((20, 6 + 12), True, False),
        ((20, 6 + 8), True, True),
        ((20, 15, 1), True, True),
    ],
)
def test_outputs_of_another_graph(load, shape, fused, bare):
    names = {"metadata": {"class_names": ("cat", "dog")}, "names": None, "known": None} if bare else {}
    with pytest.raises(ModelOutputError, match="each box should have"):
        load(np.zeros(shape, np.float32), fused=fused, bare=bare, **names)(PICTURE)


def test_a_graph_without_outputs(load):
    model = load(raw(*scattered()))
    with pytest.raises(ModelOutputError, match="reads 1 outputs, the graph gives 0"):
        model.post_process([()], model.pre_process(PICTURE))


@pytest.mark.parametrize("kind", ["raw", "fused", "yolo26"])
def test_whatever_a_graph_gives(load, kind):
    """A prediction with finite numbers, or a typed error."""
    random = np.random.default_rng(9)
    found = scattered()
    output = raw(*found) if kind == "raw" else rows(*found)
    model = load(output, Yolo26KeyPointDetection if kind == "yolo26" else YoloKeyPointDetection, fused=kind == "fused")
    preprocessed = model.pre_process(PICTURE)
    answers = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(200):
            spoiled = _spoiled(random, output, number)
            try:
                (result,) = model.post_process([(spoiled[None],)], preprocessed, confidence=0.0)
            except ModelOutputError:
                continue
            answers += len(result)
            assert np.isfinite(result.xyxy).all()
            assert not np.isnan(result.confidence).any()
            assert np.isfinite(result.key_points).all()
            assert np.isfinite(result.key_points_confidence).all()
            assert (result.key_points >= 0).all()
            assert (result.key_points <= [128, 64]).all()
    assert answers > 500


def _spoiled(random, output, number):
    shape = list(output.shape)
    if number % 4 == 1:
        shape[random.integers(2)] = random.choice([0, 1, 5, 7, 1000])
    if number % 16 == 2:
        shape = shape[: random.integers(3)]
    if shape == list(output.shape) and number % 2:
        spoiled = output.copy()
    else:
        spoiled = random.normal(0, 10.0 ** random.integers(-3, 30), shape).astype(np.float32)
    spoiled[random.random(shape) < 0.1] = random.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 0])
    return spoiled

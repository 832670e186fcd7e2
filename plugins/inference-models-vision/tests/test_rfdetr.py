"""RF-DETR from a package directory to objects on the picture."""

import json

import numpy as np
import pytest
from inference_models_core.errors import InputError, MalformedDocumentError, ModelOutputError, UnknownArgumentError
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.decoding.masks import plane_masks
from inference_models_vision.families.rfdetr.instance_segmentation import RfDetrInstanceSegmentation
from inference_models_vision.families.rfdetr.key_points import RfDetrKeyPointDetection, covariances, fused_scores
from inference_models_vision.families.rfdetr.object_detection import RfDetrObjectDetection

QUERIES = 6
PICTURE = np.zeros((50, 100, 3), np.uint8)
LETTERBOX = {"resize_mode": "letterbox", "dataset_version_resize_dimensions": {"height": 80, "width": 80}}


def logit(probability):
    return np.log(probability / (1 - probability))


def random_outputs(seed=0, queries=QUERIES, classes=4, tail=None):
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([rng.uniform(0.2, 0.8, (queries, 2)), rng.uniform(0.05, 0.5, (queries, 2))], axis=1)
    outputs = [boxes, rng.normal(-0.5, 2, (queries, classes))]
    if tail is not None:
        outputs.append(rng.normal(0, 1, (queries, *tail)))
    return tuple(output.astype(np.float32) for output in outputs)


def naive(outputs, names, removed=(), threshold=0.4, every_pair=False):
    """Score, class name, query and box in network pixels, straight from the description."""
    boxes, logits = outputs[:2]
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    pairs = sorted(((scores[q, c], q, c) for q in range(len(logits)) for c in range(logits.shape[1])), reverse=True)
    found = []
    for score, q, c in pairs[: None if every_pair else len(logits)]:
        if c >= len(names) or names[c] in removed or score <= threshold:
            continue
        cx, cy, w, h = boxes[q].astype(np.float64) * 64
        found.append((score, names[c], q, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]))
    return found


def key_points_document(points):
    return [
        {"object_class_id": class_id, "keypoints": dict(enumerate(names.split())), "edges": []}
        for class_id, names in enumerate(points)
    ]


@pytest.fixture
def load(make_package, document, runner_of):
    def load(
        outputs,
        of=RfDetrObjectDetection,
        names="cat\ndog\nbird\n",
        removed=(),
        metadata=None,
        network=None,
        points=("nose ear tail", "nose ear tail", "nose ear tail"),
        **kw,
    ):
        config = {
            **document(**{"resize_mode": "stretch", **(network or {})}),
            "class_names_operations": [{"type": "class_name_removal", "class_name": name} for name in removed],
        }
        if metadata == "bare":
            metadata = {"preprocessing": config}
        folder, package = make_package(config, names, **(metadata or {}))
        (folder / "keypoints_metadata.json").write_text(json.dumps(key_points_document(points)))
        return of.from_pretrained(folder, package=package, runners={"weights": runner_of(*outputs)}, **kw)

    return load


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("removed", [(), ("dog",), ("cat", "bird"), ("unknown",), ("cat", "dog", "bird")])
def test_against_the_naive_version(load, seed, removed):
    outputs = random_outputs(seed)
    (result,) = load(outputs, removed=removed)(PICTURE)
    expected = naive(outputs, ["cat", "dog", "bird"], removed)
    assert result.class_name.tolist() == [name for _, name, _, _ in expected]
    np.testing.assert_allclose(result.confidence, [score for score, *_ in expected], rtol=1e-5)
    boxes = np.array([box for *_, box in expected]).reshape(-1, 4) * [100 / 64, 50 / 64, 100 / 64, 50 / 64]
    np.testing.assert_allclose(result.xyxy, boxes.clip(0, [100, 50, 100, 50]), atol=1e-3)
    assert result.class_names == tuple(name for name in ("cat", "dog", "bird") if name not in removed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("of", "tail"), [(RfDetrInstanceSegmentation, (16, 16)), (RfDetrKeyPointDetection, (12, 8))])
def test_outputs_of_another_library(load, of, tail, seed):
    torch = pytest.importorskip("torch")
    outputs = random_outputs(seed, tail=tail)
    model = load(outputs, of)
    preprocessed = model.pre_process(PICTURE)
    (result,) = model.post_process([tuple(torch.from_numpy(output[None]) for output in outputs)], preprocessed)
    (expected,) = model(PICTURE)
    np.testing.assert_array_equal(result.xyxy, expected.xyxy)
    if of is RfDetrKeyPointDetection:
        np.testing.assert_array_equal(result.key_points, expected.key_points)
    else:
        np.testing.assert_array_equal(result.masks.dense(), expected.masks.dense())


def test_the_cut_at_the_number_of_queries_comes_before_anything_is_dropped(load):
    boxes = np.tile(np.array([0.5, 0.5, 0.2, 0.2], np.float32), (2, 1))
    logits = np.array([[1, 0.5, 3], [0.9, -5, 2]], np.float32)  # two queries: both places go to what is no class
    (result,) = load((boxes, logits), names="cat\ndog\n")(PICTURE)
    assert len(result) == 0
    (result,) = load((boxes, logits), names="cat\ndog\nbird\n")(PICTURE)
    assert result.class_name.tolist() == ["bird", "bird"]


def test_one_query_may_be_two_things(load):
    boxes = np.tile(np.array([0.5, 0.5, 0.2, 0.2], np.float32), (3, 1))
    logits = np.array([[1, 0.5, -9], [-9, -9, -9], [-9, -9, -9]], np.float32)
    (result,) = load((boxes, logits))(PICTURE)
    assert result.class_name.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(result.xyxy[0], result.xyxy[1])


def test_thresholds_are_strict(load):
    boxes = np.tile(np.array([0.5, 0.5, 0.2, 0.2], np.float32), (2, 1))
    logits = np.array([[0, -9, -9], [-9, logit(0.6), -9]], np.float32)
    model = load((boxes, logits), recommended_parameters=RecommendedParameters(per_class_confidence={"dog": 0.7}))
    names = lambda **arguments: model(PICTURE, **arguments)[0].class_name.tolist()  # noqa: E731
    assert names() == ["dog", "cat"]
    assert names(confidence=0.5) == ["dog"]
    assert names(confidence=0.4999) == ["dog", "cat"]
    assert names(confidence="best") == ["cat"]
    assert names(confidence=0, max_detections=1) == ["dog"]
    assert names(confidence=1) == []
    with pytest.raises(UnknownArgumentError):
        model(PICTURE, iou_threshold=0.5)
    with pytest.raises(InputError, match="max_detections"):
        model(PICTURE, max_detections=0)


def test_boxes_after_two_steps(load):
    """A picture of 100x50 in a letterbox of 80x80: 80x40, 20 pixels above and below; then stretched to 64x64."""
    boxes = np.array([[0.5, 0.5, 0.5, 0.25], [0.5, 0.1, 0.5, 0.1]], np.float32)
    logits = np.array([[3, -9, -9], [2, -9, -9]], np.float32)
    model = load((boxes, logits), network=LETTERBOX)
    preprocessed = model.pre_process(PICTURE)
    assert preprocessed.groups[0].tensor.shape == (1, 3, 64, 64)
    (result,) = model(PICTURE)
    np.testing.assert_allclose(result.xyxy[0], [25, 12.5, 75, 37.5])
    np.testing.assert_allclose(result.xyxy[1], [25, 0, 75, 0])  # lies in the bar
    assert model.input_size == (64, 64)


def test_masks_are_planes_of_the_picture_in_between(load):
    boxes = np.array([[0.5, 0.5, 0.5, 0.25]] * 2, np.float32)
    logits = np.array([[3, -9, -9], [2, -9, -9]], np.float32)
    masks = np.full((2, 16, 16), -1, np.float32)
    masks[0, 4:12, 4:8] = 1
    model = load((boxes, logits, masks), RfDetrInstanceSegmentation, network=LETTERBOX)
    (result,) = model(PICTURE)
    geometry = model.pre_process(PICTURE).groups[0].geometries[0]
    np.testing.assert_array_equal(result.masks.dense(), plane_masks(masks, geometry).dense())
    columns = np.flatnonzero(result.masks[0].any(axis=0))
    assert (result.masks[0].any(axis=1)).all()  # the bars are gone
    assert abs(columns[0] - 25) <= 1
    assert abs(columns[-1] - 49) <= 1
    assert not result.masks[1].any()
    (best,) = model(PICTURE, max_detections=1)
    assert len(best) == len(best.masks) == 1


def test_nothing_found(load):
    outputs = (np.zeros((QUERIES, 4), np.float32), np.full((QUERIES, 4), -9, np.float32))
    assert load(outputs)(PICTURE)[0].xyxy.shape == (0, 4)
    (result,) = load((*outputs, np.zeros((QUERIES, 8, 8), np.float32)), RfDetrInstanceSegmentation)(PICTURE)
    assert result.masks.dense().shape == (0, 50, 100)
    (result,) = load((*outputs, np.zeros((QUERIES, 4 * 3, 8), np.float32)), RfDetrKeyPointDetection)(PICTURE)
    assert result.key_points.shape == (0, 3, 2)
    assert result.covariance.shape == (0, 3, 2, 2)


def test_a_bare_file_without_names(load):
    model = load(random_outputs(1), metadata="bare", names=None)
    (result,) = model(PICTURE)
    assert model.class_names == ("class_0", "class_1", "class_2", "class_3")
    assert len(result) == len(naive(random_outputs(1), model.class_names))


@pytest.mark.parametrize(
    ("of", "shapes"),
    [
        (RfDetrObjectDetection, [(6, 4)]),
        (RfDetrObjectDetection, [(6, 5), (6, 4)]),
        (RfDetrObjectDetection, [(6, 4), (5, 4)]),
        (RfDetrObjectDetection, [(6, 4), (6, 2)]),  # fewer classes than names
        (RfDetrObjectDetection, [(6, 4), (6, 0)]),
        (RfDetrObjectDetection, [(6,), (6, 4)]),
        (RfDetrObjectDetection, [(6, 4), (6, 4, 1)]),
        (RfDetrInstanceSegmentation, [(6, 4), (6, 4)]),
        (RfDetrInstanceSegmentation, [(6, 4), (6, 4), (5, 8, 8)]),
        (RfDetrInstanceSegmentation, [(6, 4), (6, 4), (6, 8)]),
        (RfDetrInstanceSegmentation, [(6, 4), (6, 4), (6, 0, 8)]),
        (RfDetrKeyPointDetection, [(6, 4), (6, 4), (6, 7, 8)]),
        (RfDetrKeyPointDetection, [(6, 4), (6, 4), (6, 8, 3)]),
        (RfDetrKeyPointDetection, [(6, 4), (6, 4), (6, 0, 8)]),
    ],
)
def test_outputs_of_another_family(load, of, shapes):
    with pytest.raises(ModelOutputError):
        load([np.full(shape, 0.5, np.float32) for shape in shapes], of)(PICTURE)


TAILS = {RfDetrObjectDetection: None, RfDetrInstanceSegmentation: (8, 8), RfDetrKeyPointDetection: (12, 8)}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("of", TAILS)
def test_whatever_the_graph_says_there_is_a_result(load, of):
    rng = np.random.default_rng(0)
    model = load(random_outputs(tail=TAILS[of]), of)
    preprocessed = model.pre_process(PICTURE)
    odd = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0, 100, -100], np.float32)
    for seed in range(200):
        queries = int(rng.integers(0, 40))
        outputs = random_outputs(seed, queries, tail=TAILS[of])
        for output in outputs:
            places = rng.random(output.shape) < rng.choice([0, 0.05, 0.5, 1])
            output[places] = rng.choice(odd, int(places.sum()))
        (result,) = model.post_process([tuple(o[None] for o in outputs)], preprocessed, confidence=rng.choice([0, 0.4]))
        assert len(result) <= queries * (3 if of is RfDetrKeyPointDetection else 1)
        assert np.isfinite(result.xyxy).all()
        assert np.isfinite(result.confidence).all()
        if of is RfDetrKeyPointDetection:
            assert np.isfinite(result.key_points).all()
            assert np.isfinite(result.key_points_confidence).all()


def naive_score(score, points):
    total, weights = 0.0, 0.0
    for point in points:
        factor = np.array([[np.exp(point[4]), 0], [point[5], np.exp(point[6])]])
        weight = 1 / (1 + np.exp(-point[2]))
        total += weight * np.trace(np.linalg.inv(factor @ factor.T))
        weights += weight
    fused = score * (total / weights) ** -0.20
    return fused / (1 + fused)


@pytest.mark.parametrize("removed", [(), ("dog",)])
@pytest.mark.parametrize("seed", range(10))
def test_key_points_against_the_naive_version(load, seed, removed):
    slots, names = 3, ["cat", "dog", "bird"]
    outputs = random_outputs(seed, tail=(4 * slots, 8))
    points = outputs[2].reshape(QUERIES, 4, slots, 8)
    points[..., :2] = np.random.default_rng(seed).uniform(-0.1, 1.1, points[..., :2].shape)
    expected = []
    for score, name, q, box in naive(outputs, names, removed, threshold=0, every_pair=True):
        own = points[q, names.index(name)].astype(np.float64)
        expected.append((naive_score(score, own), name, own, box))
    expected = sorted((row for row in expected if row[0] > 0.3), key=lambda row: -row[0])
    model = load(outputs, RfDetrKeyPointDetection, removed=removed)
    (result,) = model(PICTURE, confidence=0.3)
    assert result.class_name.tolist() == [name for _, name, _, _ in expected]
    np.testing.assert_allclose(result.confidence, [score for score, *_ in expected], rtol=1e-5)
    for i, (_, _, own, _) in enumerate(expected):
        scores = 1 / (1 + np.exp(-own[:, 2]))
        seen = scores >= 0.3
        xy = (own[:, :2] * [100, 50]).clip(0, [100, 50])
        np.testing.assert_allclose(result.key_points[i], np.where(seen[:, None], xy, 0), atol=1e-4)
        np.testing.assert_allclose(result.key_points_confidence[i], np.where(seen, scores, 0), rtol=1e-5)
        for k, point in enumerate(own):
            factor = np.array([[np.exp(point[4]), 0], [point[5], np.exp(point[6])]])
            scale = np.diag([100, 50])
            spread = scale @ np.linalg.inv(factor @ factor.T) @ scale if seen[k] else np.full((2, 2), np.nan)
            np.testing.assert_allclose(result.covariance[i, k], spread, rtol=1e-4)


def test_scores_of_extreme_uncertainty():
    points = np.zeros((3, 2, 8))
    points[0, :, 4:7] = 400  # sure beyond what floats hold
    points[1, :, [4, 6]] = -400
    np.testing.assert_allclose(fused_scores(np.array([0.5, 0.5, 0.0]), points), [1, 0, 0], atol=1e-6)


def test_limits_of_key_points(load):
    outputs = random_outputs(3, tail=(12, 8))
    model = load(outputs, RfDetrKeyPointDetection)
    (all_,) = model(PICTURE, confidence=0, key_points_threshold=0)
    assert (all_.key_points_confidence > 0).all()
    (best,) = model(PICTURE, confidence=0, key_points_threshold=0, max_detections=2)
    np.testing.assert_array_equal(best.key_points, all_.key_points[:2])
    (none,) = model(PICTURE, confidence=0, key_points_threshold=1)
    assert not none.key_points.any()
    assert np.isnan(none.covariance).all()
    with pytest.raises(InputError, match="key_points_threshold"):
        model(PICTURE, key_points_threshold=2)
    assert covariances(np.zeros((0, 3, 8)), model.pre_process(PICTURE).groups[0].geometries[0]).shape == (0, 3, 2, 2)


def test_slots_that_are_no_key_point_of_the_class(load):
    outputs = random_outputs(3, tail=(12, 8))
    model = load(outputs, RfDetrKeyPointDetection)
    (before,) = model(PICTURE, confidence=0, key_points_threshold=0)
    model = load(outputs, RfDetrKeyPointDetection, points=("nose tail", "nose tail ear", ""))
    assert model.key_point_names == (("nose", "tail"), ("nose", "tail", "ear"), ())
    (result,) = model(PICTURE, confidence=0, key_points_threshold=0)
    assert set(result.class_id.tolist()) == {0, 1, 2}
    used = np.arange(3) < np.array([2, 3, 0])[result.class_id][:, None]
    np.testing.assert_array_equal(result.key_points_confidence, np.where(used, before.key_points_confidence, 0))
    np.testing.assert_array_equal(result.key_points, np.where(used[..., None], before.key_points, 0))
    assert np.isnan(result.covariance[~used]).all()
    np.testing.assert_array_equal(result.confidence, before.confidence)


def test_a_picture_thinner_in_its_letterbox_than_a_pixel_of_the_mask(load):
    boxes, logits = np.array([[0.5, 0.5, 1, 0.1]], np.float32), np.array([[3, -9, -9]], np.float32)
    model = load((boxes, logits, np.ones((1, 16, 16), np.float32)), RfDetrInstanceSegmentation, network=LETTERBOX)
    (result,) = model(np.zeros((10, 800, 3), np.uint8))
    assert result.masks[0].all()


def test_key_points_of_the_classes_that_are_left(load):
    outputs = random_outputs(3, tail=(12, 8))
    points = ("nose tail", "snout", "beak wing tail")
    model = load(outputs, RfDetrKeyPointDetection, points=points, removed=("dog",))
    assert model.class_names == ("cat", "bird")
    assert model.key_point_names == (("nose", "tail"), ("beak", "wing", "tail"))
    (result,) = model(PICTURE, confidence=0, key_points_threshold=0)
    assert set(result.class_id.tolist()) == {0, 1}
    assert (result.key_points_confidence > 0).sum(axis=1).tolist() == [[2, 3][i] for i in result.class_id]
    with pytest.raises(MalformedDocumentError, match="bird"):
        load(outputs, RfDetrKeyPointDetection, points=points[:2])


def test_key_points_are_fractions_of_width_and_height(load):
    outputs = random_outputs(3, tail=(12, 8))
    outputs[2][..., :2] = 0.5, 0.25
    between = {"resize_mode": "letterbox", "dataset_version_resize_dimensions": {"height": 40, "width": 100}}
    (result,) = load(outputs, RfDetrKeyPointDetection, network=between)(PICTURE, confidence=0, key_points_threshold=0)
    # 100x50 becomes 80x40, 10 pixels left and right: (50, 10) there
    np.testing.assert_allclose(result.key_points, np.broadcast_to([50, 12.5], result.key_points.shape))

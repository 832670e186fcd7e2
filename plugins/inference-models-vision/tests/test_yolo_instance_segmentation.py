"""YOLO and YOLACT masks from a package directory to objects on the picture, against a plain reading box by box."""

import numpy as np
import pytest
from inference_models_core.errors import InputError, ModelOutputError, UnknownArgumentError
from inference_models_core.runner import Runner
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.families.yolact import YolactInstanceSegmentation
from inference_models_vision.families.yolo.instance_segmentation import (
    Yolo26InstanceSegmentation,
    YoloV5InstanceSegmentation,
    YoloV8InstanceSegmentation,
)

PICTURE = np.zeros((64, 128, 3), np.uint8)  # letterboxed to 32x64 with 16 pixels above and below
CLASSES, COEFFICIENTS, STRIDE = 2, 32, 4
LAYOUTS = ("yolov8", "fused", "yolov5", "yolo26", "yolact")
FAMILIES = {
    "yolov8": YoloV8InstanceSegmentation,
    "fused": YoloV8InstanceSegmentation,
    "yolov5": YoloV5InstanceSegmentation,
    "yolo26": Yolo26InstanceSegmentation,
    "yolact": YolactInstanceSegmentation,
}


def scattered(seed=0, count=25):
    """Boxes (count, 4) as corners that do not touch, scores, classes, coefficients, and prototypes."""
    random = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2)[:count] * 12 + 8.0
    half = random.uniform(2, 5, (count, 2))
    scores = random.uniform(0.05, 0.95, count)
    coefficients = random.normal(0, 1, (count, COEFFICIENTS)).astype(np.float32)
    prototypes = random.normal(0, 1, (COEFFICIENTS, 64 // STRIDE, 64 // STRIDE)).astype(np.float32)
    return (
        np.hstack([places - half, places + half]),
        scores,
        random.integers(0, CLASSES, count),
        coefficients,
        prototypes,
    )


def per_class(scores, class_ids):
    return np.where(np.arange(CLASSES) == class_ids[:, None], scores[:, None], scores[:, None] / 2)


def centers(boxes):
    return np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])


def outputs_of(layout, boxes, scores, class_ids, coefficients, prototypes):
    """What a graph of this layout gives for one picture, without the batch axis."""
    every = per_class(scores, class_ids)
    if layout == "yolact":
        return yolact_outputs(boxes, every, coefficients, prototypes)
    if layout == "yolov8":
        rows = np.hstack([centers(boxes), every, coefficients]).T
    elif layout == "yolov5":
        rows = np.hstack([centers(boxes), scores[:, None], every, coefficients])  # objectness: the same number
    else:
        rows = np.hstack([boxes, scores[:, None], class_ids[:, None], coefficients])
    return rows.astype(np.float32), prototypes


def yolact_outputs(boxes, every, coefficients, prototypes):
    priors = np.tile([0.5, 0.4, 0.3, 0.2], (len(boxes), 1))
    wanted = centers(boxes) / 64
    offsets = np.hstack(
        [(wanted[:, :2] - priors[:, :2]) / priors[:, 2:] / 0.1, np.log(wanted[:, 2:] / priors[:, 2:]) / 0.2]
    )
    scores = np.hstack([1 - every.max(axis=1, keepdims=True), every])
    found = (offsets, scores, coefficients, priors, np.moveaxis(prototypes, 0, -1))
    return tuple(output.astype(np.float32) for output in found)


def on_picture(box):
    corners = (box - [0, 16, 0, 16]) * 2
    return corners.clip(0, [128, 64, 128, 64])


def naive_mask(box, coefficients, prototypes, smoothing):
    """The whole plane, cut, without the padding, doubled and doubled, then thresholded; with its doubtful pixels."""
    plane = np.einsum("chw,c->hw", prototypes, coefficients).astype(np.float64)
    plane = 1 / (1 + np.exp(-plane)) if smoothing else plane
    x1, y1, x2, y2 = np.round(box.astype(np.float32) / STRIDE).astype(int).clip(0)
    cut = np.zeros_like(plane)
    cut[y1:y2, x1:x2] = plane[y1:y2, x1:x2]
    shown = cut[4:12]
    weights = [linear(length, length * 8) for length in shown.shape]
    values = weights[0] @ shown @ weights[1].T
    threshold = 0.5 if smoothing else 0.0
    return values > threshold, (np.abs(values - threshold) > 1e-4) | (values == 0)


def linear(source, target):
    places = ((np.arange(target) + 0.5) * source / target - 0.5).clip(0, source - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(source)))


def check(result, found, order, smoothing):
    boxes, scores, class_ids, coefficients, prototypes = found
    assert result.class_id.tolist() == class_ids[order].tolist()
    np.testing.assert_allclose(result.confidence, scores[order], atol=1e-6)
    masks = result.masks.dense()
    assert masks.shape == (len(order), 64, 128)
    for row, i in enumerate(order):
        np.testing.assert_allclose(result.xyxy[row], on_picture(boxes[i]), atol=1e-3)
        mask, sure = naive_mask(boxes[i], coefficients[i], prototypes, smoothing)
        np.testing.assert_array_equal(masks[row][sure], mask[sure])
    assert masks.any()


@pytest.fixture
def load(make_package, document, runner_of):
    def load(outputs, of=YoloV8InstanceSegmentation, *, fused=False, names="cat\ndog\n", bare=False, **options):
        config = {**document(), "post_processing": {"type": "nms", "fused": fused}}
        described = {"preprocessing": config, "graph_files": {"weights": "segment.onnx"}} if bare else {}
        folder, package = make_package(None if bare else config, names, **described)
        return of.from_pretrained(folder, package=package, runners={"weights": runner_of(*outputs)}, **options)

    return load


@pytest.fixture
def loaded(load):
    """Model of a layout and of what its graph gives."""

    def loaded(layout, found, **options):
        outputs = outputs_of(layout, *found)
        return load(outputs, FAMILIES[layout], fused=layout == "fused", **options), outputs

    return loaded


@pytest.mark.parametrize("convert", ["numpy", "torch"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(3))
def test_against_a_plain_reading(loaded, layout, convert, seed):
    found = scattered(seed)
    model, outputs = loaded(layout, found)
    batch = tuple(output[None] for output in outputs)
    if convert == "torch":
        batch = tuple(pytest.importorskip("torch").from_numpy(output) for output in batch)
    (result,) = model.post_process([batch], model.pre_process(PICTURE))
    order = np.flatnonzero(found[1] > (0.25 if layout == "yolo26" else 0.4))
    if layout not in ("fused", "yolo26"):
        order = order[np.argsort(-found[1][order])]
    assert 5 < len(order) < 25
    check(result, found, order, smoothing=layout not in ("yolov5", "yolo26"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_picture_of_a_batch_has_its_own_masks(loaded, layout):
    many = [scattered(seed) for seed in range(3)]
    model, _ = loaded(layout, many[0])
    batch = tuple(np.stack(parts) for parts in zip(*(outputs_of(layout, *found) for found in many), strict=True))
    results = model.post_process([batch], model.pre_process([PICTURE] * 3))
    for result, found in zip(results, many, strict=True):
        alone, _ = loaded(layout, found)
        (expected,) = alone(PICTURE)
        np.testing.assert_array_equal(result.xyxy, expected.xyxy)
        assert result.masks.rle() == expected.masks.rle()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_overlapping_boxes_of_a_class(loaded, layout):
    boxes = np.array([[10, 20, 40, 44], [11, 20, 40, 44], [10, 21, 40, 44]], float)
    found = (boxes, np.array([0.7, 0.9, 0.8]), np.array([0, 0, 1]), *scattered(count=3)[3:])
    model, _ = loaded(layout, found)
    raw = layout not in ("fused", "yolo26")
    scores = lambda **arguments: model(PICTURE, **arguments)[0].confidence.astype(float).round(2).tolist()  # noqa: E731
    assert scores() == ([0.9, 0.8] if raw else [0.7, 0.9, 0.8])
    assert scores(max_detections=1) == ([0.9] if raw else [0.7])
    if raw:
        assert scores(class_agnostic_nms=True) == [0.9]
        assert scores(iou_threshold=0.99) == [0.9, 0.8, 0.7]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_thresholds_per_class(loaded, layout):
    found = scattered()
    tuned = RecommendedParameters(confidence=0.5, per_class_confidence={"dog": 0.7})
    model, _ = loaded(layout, found, recommended_parameters=tuned)
    (result,) = model(PICTURE, confidence="best")
    wanted = found[1] > np.where(found[2] == 1, 0.7, 0.5)
    assert sorted(result.confidence.tolist()) == pytest.approx(sorted(found[1][wanted]))
    assert set(result.class_name) == {"cat", "dog"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_thresholds_are_strict_where_boxes_are_suppressed_here(loaded, layout):
    boxes, _, _, *masks = scattered(count=2)
    model, _ = loaded(layout, (boxes, np.array([0.5, 0.75]), np.array([0, 1]), *masks))
    (result,) = model(PICTURE, confidence=0.5)
    assert len(result) == len(result.masks) == (2 if layout in ("fused", "yolo26") else 1)


def test_the_objectness_decides_and_is_no_class(load):
    """The reference takes the objectness for class 0, and class 0 for class 1."""
    boxes, _, _, coefficients, prototypes = scattered(count=3)
    scores = [[0.9, 0.1, 0.95], [0.9, 0.5, 0.1], [0.3, 0.1, 0.99]]  # objectness, cat, dog
    rows = np.hstack([centers(boxes), scores, coefficients]).astype(np.float32)
    (result,) = load((rows, prototypes), YoloV5InstanceSegmentation)(PICTURE)
    assert result.class_name.tolist() == ["dog", "cat"]
    np.testing.assert_allclose(result.confidence, [0.95, 0.5])


@pytest.mark.parametrize("places", [(0, 1, 2, 3, 4), (4, 0, 1, 2, 3), (1, 4, 0)])
def test_graphs_that_give_their_heads_too(load, places):
    """YOLOv7: boxes, three heads of four axes, prototypes; a runtime may order them its own way."""
    found = scattered()
    rows, prototypes = outputs_of("yolov5", *found)
    heads = [np.zeros((3, side, side, 7 + COEFFICIENTS), np.float32) for side in (8, 4, 2)]
    given = [rows, *heads, prototypes]
    (result,) = load([given[place] for place in places], YoloV5InstanceSegmentation)(PICTURE)
    (expected,) = load((rows, prototypes), YoloV5InstanceSegmentation)(PICTURE)
    assert len(result) > 5
    assert result.masks.rle() == expected.masks.rle()


def test_masks_as_logits(loaded):
    found = scattered()
    model, _ = loaded("yolov8", found)
    order = np.flatnonzero(found[1] > 0.4)
    order = order[np.argsort(-found[1][order])]
    (result,) = model(PICTURE, masks_smoothing_enabled=False)
    check(result, found, order, smoothing=False)
    areas = lambda **arguments: model(PICTURE, **arguments)[0].masks.area.sum()  # noqa: E731
    assert areas() < areas(masks_binarization_threshold=0.3)
    assert areas(masks_binarization_threshold=1) == 0
    assert areas(masks_smoothing_enabled=False) > areas(masks_smoothing_enabled=False, masks_binarization_threshold=2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"masks_binarization_threshold": 2},
        {"masks_binarization_threshold": True},
        {"masks_smoothing_enabled": False, "masks_binarization_threshold": float("nan")},
        {"masks_smoothing_enabled": False, "masks_binarization_threshold": "low"},
        {"confidence": 2},
        {"iou_threshold": -1},
        {"max_detections": 0},
    ],
)
def test_wrong_arguments(loaded, wrong):
    model, _ = loaded("yolov8", scattered())
    with pytest.raises(InputError, match=list(wrong)[-1]):
        model(PICTURE, **wrong)


@pytest.mark.parametrize("layout", ["yolov5", "yolo26", "yolact"])
def test_arguments_of_yolov8_alone(loaded, layout):
    model, _ = loaded(layout, scattered())
    with pytest.raises(UnknownArgumentError, match="masks_smoothing_enabled"):
        model(PICTURE, masks_smoothing_enabled=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_found(loaded, layout):
    model, _ = loaded(layout, scattered())
    (result,) = model(PICTURE, confidence=1)
    assert len(result) == 0
    assert result.masks.dense().shape == (0, 64, 128)
    assert result.masks.rle() == []


def test_a_bare_file_numbers_its_classes(load):
    found = scattered()
    outputs = outputs_of("yolov8", *found)
    (result,) = load(outputs, bare=True, names=None)(PICTURE)
    assert set(result.class_name) == {"class_0", "class_1"}
    assert len(result.class_names) == CLASSES


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("damage", ["names", "missing", "transposed", "prototypes", "flat", "coefficients"])
def test_wrong_outputs_are_told(loaded, load, layout, damage):
    outputs = list(outputs_of(layout, *scattered()))
    names = "cat\ndog\nbird\n" if damage == "names" and layout not in ("fused", "yolo26") else "cat\n"
    if damage == "missing":
        outputs.pop()
    elif damage == "transposed":
        outputs[0] = np.ascontiguousarray(outputs[0].T)
    elif damage == "prototypes":
        outputs[-1] = outputs[-1][..., :0]
    elif damage == "flat":
        outputs[-1] = outputs[-1].ravel()
    elif damage == "coefficients":
        outputs[-1] = np.delete(outputs[-1], 0, axis=-1 if layout == "yolact" else 0)
    model = load(outputs, FAMILIES[layout], fused=layout == "fused", names=names if damage == "names" else "cat\ndog\n")
    with pytest.raises(ModelOutputError):
        model(PICTURE)


def damaged(output, random):
    """An output with other numbers, sometimes another size, and another precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        output = output * np.float32(random.choice([1, 1, 1, 1e6, 1e30]))
        spoilt = random.random(output.shape) < random.choice([0, 0.05, 0.5])
        output[spoilt] = random.choice([np.nan, np.inf, -np.inf, 3e38, -1, 0])
        if random.random() < 0.2:
            output = output[tuple(slice(random.choice([side, side, side, side // 2, 0])) for side in output.shape)]
        return output.astype(random.choice([np.float32, np.float16, np.float64]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_damaged_numbers_give_a_prediction_or_an_error(loaded, layout):
    random = np.random.default_rng(7)
    model, outputs = loaded(layout, scattered())
    preprocessed = model.pre_process(PICTURE)
    answers = 0
    for _ in range(200):
        batch = tuple(damaged(output, random)[None] for output in outputs)
        try:
            (result,) = model.post_process([batch[: random.choice([1, 9, 9, 9])]], preprocessed)
        except ModelOutputError:
            continue
        answers += 1
        assert np.isfinite(result.xyxy).all()
        assert len(result.masks) == len(result)
        assert not np.isnan(result.confidence).any()
    assert answers > 40


class OnePicture:
    """A session of a graph that takes one picture at a time, whose priors have no batch axis."""

    def __init__(self, session, outputs):
        self.__dict__.update(vars(session))
        self.arrays, self.device, self.thread_safe, self.borrows = "numpy", session.device, True, False
        self.outputs, self._given = None, outputs

    def run(self, inputs):
        (tensor,) = inputs.values()
        assert len(tensor) == 1
        return tuple(output if place == 3 else output[None] for place, output in enumerate(self._given))

    def close(self):
        pass


def test_priors_without_a_batch_axis(make_package, document, runner_of):
    found = scattered()
    outputs = outputs_of("yolact", *found)
    inner = runner_of(*outputs, batch=1)._session
    folder, package = make_package(document())
    model = YolactInstanceSegmentation.from_pretrained(
        folder, package=package, runners={"weights": Runner(OnePicture(inner, outputs))}
    )
    first, second = model([PICTURE, PICTURE])
    assert len(first) > 5
    assert first.masks.rle() == second.masks.rle()
    order = np.flatnonzero(found[1] > 0.4)
    check(first, found, order[np.argsort(-found[1][order])], smoothing=True)


def test_yolact_boxes_decode_offsets_to_priors(load):
    """One prior of half the input in its middle, moved by a tenth of its size and grown by e**0.2."""
    outputs = (
        [[1, 0, 0, 1]],
        [[0.1, 0.9, 0]],
        [[1]],
        [[0.5, 0.5, 0.5, 0.25]],
        np.full((16, 16, 1), 9),
    )
    outputs = tuple(np.array(output, np.float32) for output in outputs)
    (result,) = load(outputs, YolactInstanceSegmentation)(PICTURE)
    height = 16 * np.exp(0.2)
    expected = on_picture(np.array([19.2, 32 - height / 2, 51.2, 32 + height / 2]))
    np.testing.assert_allclose(result.xyxy, [expected], atol=1e-3)

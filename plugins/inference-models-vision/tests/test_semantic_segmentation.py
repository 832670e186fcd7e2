"""Semantic segmentation: DeepLabV3+, YOLO26 and RF-DETR."""

import warnings

import numpy as np
import pytest
from inference_models_core.errors import InputError, ModelOutputError, PackageError
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.families.rfdetr.semantic_segmentation import RfDetrSemanticSegmentation
from inference_models_vision.families.semantic_segmentation import (
    DeepLabV3PlusSemanticSegmentation,
    Yolo26SemanticSegmentation,
)
from inference_models_vision.preprocessing.pillow_engine import PillowEngine

FAMILIES = [DeepLabV3PlusSemanticSegmentation, Yolo26SemanticSegmentation, RfDetrSemanticSegmentation]
SIZE = 64
PICTURE = np.zeros((SIZE, SIZE, 3), np.uint8)
NAMES = "background\ncat\ndog\n"


def stripes(*columns):
    """Logits (channels, 16, 16) with one value per channel and quarter of the width."""
    return np.repeat(np.repeat(np.array(columns, np.float32).T[:, None, :], 4, axis=2), 16, axis=1)


LOGITS = stripes((4, 0, 0), (0, 4, 0), (0, 0, 4), (0.1, 0.2, 0))
"""Background, cat, dog, and nothing for sure."""


@pytest.fixture
def load(make_package, runner_of, document):
    def load(family, *outputs, names=NAMES, removed=(), recommended=None, **network):
        said = document(**{"resize_mode": "stretch", **network})
        said["class_names_operations"] = [{"type": "class_name_removal", "class_name": name} for name in removed]
        folder, package = make_package(said, names)
        return family.from_pretrained(
            folder, package=package, runners={"weights": runner_of(*outputs)}, recommended_parameters=recommended
        )

    return load


def classes_of(result):
    """The class in the middle of each quarter."""
    return result.segmentation_map[SIZE // 2, 8::16].tolist()


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (DeepLabV3PlusSemanticSegmentation, [0, 1, 2, 0]),
        (Yolo26SemanticSegmentation, [0, 1, 2, 1]),  # softmax 0.37 is enough here
        (RfDetrSemanticSegmentation, [0, 1, 2, 1]),  # sigmoid 0.55 is enough here
    ],
)
def test_defaults(load, family, expected):
    (result,) = load(family, LOGITS)(PICTURE)
    assert classes_of(result) == expected
    assert result.background_id == 0
    assert result.class_names == ("background", "cat", "dog")
    assert result.class_name.tolist() == ["background", "cat", "dog"]
    expected = 1 / (1 + np.exp(-4)) if family.independent else 1 / (1 + 2 * np.exp(-4))
    np.testing.assert_allclose(result.confidence[SIZE // 2, 8:48:16], expected, atol=1e-5)
    if family is DeepLabV3PlusSemanticSegmentation:
        assert result.confidence[SIZE // 2, 56] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_thresholds(load, family):
    recommended = RecommendedParameters(confidence=0.2, per_class_confidence={"cat": 0.995})
    model = load(family, LOGITS, recommended=recommended)
    assert classes_of(model(PICTURE, confidence=0)[0]) == [0, 1, 2, 1]
    assert classes_of(model(PICTURE, confidence=1)[0]) == [0] * 4
    assert classes_of(model(PICTURE, confidence="best")[0]) == [0, 0, 2, 0]
    with pytest.raises(InputError):
        model(PICTURE, confidence=1.5)


def test_the_threshold_itself_is_enough(load):
    model = load(RfDetrSemanticSegmentation, stripes(*[(0, -1, -1)] * 2, *[(-1, 0, -1)] * 2))
    assert classes_of(model(PICTURE, confidence=0.5)[0]) == [0, 0, 1, 1]
    assert model(PICTURE, confidence=0.5)[0].confidence[SIZE // 2, 8::16].tolist() == [0.5] * 4
    assert model(PICTURE, confidence=0.51)[0].confidence.max() == 0


def test_sigmoids_that_are_all_1_do_not_hide_the_greatest_logit(load):
    model = load(RfDetrSemanticSegmentation, stripes((50, 60, 55), (60, 50, 55), (50, 55, 60), (99, 98, 97)))
    assert classes_of(model(PICTURE)[0]) == [1, 0, 2, 0]


@pytest.mark.parametrize("names", ["background\ncat\ndog\n", "cat\nBackground\ndog\n", "cat\ndog\nBACKGROUND\n"])
def test_a_graph_without_a_channel_for_the_background(load, names):
    (result,) = load(DeepLabV3PlusSemanticSegmentation, stripes((9, 0), (0, 9), (0, 0), (9, 0)), names=names)(PICTURE)
    order = [name.lower() for name in names.split()]
    assert result.background_id == order.index("background")
    # two equal logits are 0.5 each, which is enough for the first
    assert classes_of(result) == [order.index("cat"), order.index("dog"), order.index("cat"), order.index("cat")]


def test_thresholds_without_a_channel_for_the_background(load):
    """They go by name."""
    recommended = RecommendedParameters(per_class_confidence={"background": 0.1, "cat": 0.9999, "dog": 0.2})
    output = stripes((9, 0), (0, 9), (0, 0.1), (9, 0))
    model = load(DeepLabV3PlusSemanticSegmentation, output, names="dog\nbackground\ncat\n", recommended=recommended)
    assert classes_of(model(PICTURE, confidence="best")[0]) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("family", "bar"),
    [(DeepLabV3PlusSemanticSegmentation, 0), (Yolo26SemanticSegmentation, 127), (RfDetrSemanticSegmentation, 255)],
)
def test_fit_longer_edge_is_replaced(load, family, bar):
    model = load(family, LOGITS, resize_mode="fit-longer-edge")
    (group,) = model.pre_process(np.full((32, 64, 3), 255, np.uint8)).groups
    np.testing.assert_allclose(group.tensor[0, :, 0, 0], bar / 255, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("names", "cat", "background"), [("background\ncat\n", 1, 0), ("cat\nbackground\n", 0, 1)])
def test_one_channel_is_binary(load, family, names, cat, background):
    (result,) = load(family, stripes((5,), (-5,), (0.1,), (-9,)), names=names)(PICTURE)
    assert classes_of(result) == [cat, background, cat, background]
    np.testing.assert_allclose(
        result.confidence[SIZE // 2, 8::16], [1 / (1 + np.exp(-5)), 0, 1 / (1 + np.exp(-0.1)), 0], atol=1e-5
    )


def test_binary_with_a_centre_crop(load):
    """Outside of what the network saw is background; not what a logit of 0 or 1 would be."""
    output = np.full((1, 16, 16), 5, np.float32)
    model = load(Yolo26SemanticSegmentation, output, names="cat\nbackground\n", resize_mode="center-crop")
    (result,) = model(np.zeros((104, 80, 3), np.uint8))
    expected = np.ones((104, 80), int)
    expected[20:84, 8:72] = 0
    np.testing.assert_array_equal(result.segmentation_map, expected)
    np.testing.assert_array_equal(result.confidence > 0, expected == 0)


def test_pixels_of_a_removed_class_are_background(load):
    (result,) = load(DeepLabV3PlusSemanticSegmentation, LOGITS, removed=["cat"])(PICTURE, confidence=0)
    assert result.class_names == ("background", "dog")
    assert classes_of(result) == [0, 0, 1, 0]
    assert result.confidence[SIZE // 2, 24] == 0
    with pytest.raises(PackageError, match="background"):
        load(DeepLabV3PlusSemanticSegmentation, LOGITS, removed=["background"])


@pytest.mark.parametrize("names", ["cat\ndog\n", "background\n"])
def test_names_without_a_background_or_nothing_else(load, names):
    with pytest.raises(PackageError) as caught:
        load(Yolo26SemanticSegmentation, LOGITS, names=names)
    assert "class_names.txt" in caught.value.hint


@pytest.mark.parametrize("names", [("cat", "dog", "cow"), None])
def test_a_bare_file(make_package, runner_of, names):
    """It names what it was trained to see; the background comes before."""
    metadata = {"preprocessing": {"network_input": {"training_input_size": {"height": SIZE, "width": SIZE}}}}
    folder, package = make_package(None, None, graph_files={"weights": "a.onnx"}, class_names=names, **metadata)
    model = Yolo26SemanticSegmentation.from_pretrained(folder, package=package, runners={"weights": runner_of(LOGITS)})
    (result,) = model(PICTURE)
    assert classes_of(result) == [1, 2, 3, 2]
    assert model.class_names == ("background", *(names or ("class_0", "class_1", "class_2")))


@pytest.mark.parametrize("output", [np.zeros((5, 16, 16)), np.zeros((1, 16, 16)), np.zeros((16, 16)), np.zeros(3)])
def test_a_graph_of_other_classes(load, output):
    with pytest.raises(ModelOutputError, match="background, cat, dog"):
        load(DeepLabV3PlusSemanticSegmentation, output.astype(np.float32))(PICTURE)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_mixed_sizes(load, family, noise):
    """Each has its own size, in the caller's order, whatever the others are."""
    model = load(family, LOGITS, padding_value=0)
    pictures = [noise(30, 50), noise(200, 90), noise(64, 64)]
    results = model(pictures)
    for pixels, result in zip(pictures, results, strict=True):
        assert result.segmentation_map.shape == result.confidence.shape == pixels.shape[:2]
        (alone,) = model(pixels)
        np.testing.assert_array_equal(alone.segmentation_map, result.segmentation_map)
        width = pixels.shape[1]
        middle = [result.segmentation_map[10, int(width * share)] for share in (0.125, 0.375, 0.625)]
        assert middle == [0, 1, 2]


@pytest.mark.parametrize("family", FAMILIES)
def test_torch(load, family):
    torch = pytest.importorskip("torch")
    model = load(family, LOGITS)
    preprocessed = model.pre_process(PICTURE)
    (expected,) = model.post_process([(LOGITS[None],)], preprocessed)
    for dtype in (torch.float32, torch.float16):
        (found,) = model.post_process([(torch.from_numpy(LOGITS[None]).to(dtype),)], preprocessed)
        np.testing.assert_array_equal(found.segmentation_map, expected.segmentation_map)
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)


def test_rfdetr_sees_what_its_other_tasks_see(load, noise):
    """Pillow's resize, and the size of the data set in between."""
    pixels = noise(90, 140)
    model = load(RfDetrSemanticSegmentation, LOGITS, dataset_version_resize_dimensions={"height": 48, "width": 32})
    assert type(model._parts.engine) is PillowEngine
    (group,) = model.pre_process(pixels).groups
    assert group.tensor.shape[2:] == (SIZE, SIZE)
    assert model(pixels)[0].segmentation_map.shape == (90, 140)


@pytest.mark.parametrize("family", FAMILIES)
def test_whatever_a_graph_gives(load, family):
    """A map of the picture's size with known classes, or a typed error."""
    random = np.random.default_rng(5)
    model = load(family, LOGITS)
    preprocessed = model.pre_process(np.zeros((40, 70, 3), np.uint8))
    shapes = [(3, 16, 16), (3, 16, 16), (2, 16, 16), (3, 1, 1), (3, 7, 90), (1, 16, 16), (3, 0, 4), (16, 16), (3,), ()]
    answers = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            shape = shapes[random.integers(len(shapes))]
            dtype = random.choice([np.float16, np.float32, np.float64])
            output = random.normal(0, 10.0 ** random.choice([-3, 0, 2, 4]), (1, *shape)).astype(dtype)
            share = random.choice([0, 0, 0.05, 1])
            value = random.choice([np.nan, np.inf, -np.inf, np.finfo(dtype).max, -np.finfo(dtype).max])
            output[random.random(output.shape) < share] = value
            outputs = (output,) if random.random() < 0.95 else ()
            try:
                (result,) = model.post_process([outputs], preprocessed)
            except ModelOutputError:
                continue
            answers += 1
            assert result.segmentation_map.shape == (40, 70)
            assert result.segmentation_map.max() < 3
            assert ((result.confidence >= 0) & (result.confidence <= 1)).all()
    assert 60 < answers < 180

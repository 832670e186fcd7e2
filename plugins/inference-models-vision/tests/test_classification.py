"""Classification with one class and with any number of labels."""

import warnings

import numpy as np
import pytest
from inference_models_core.errors import InputError, MalformedDocumentError, ModelOutputError
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.families.classification import (
    DinoV3SigmoidClassification,
    SigmoidClassification,
    SoftmaxClassification,
    YoloClassification,
)
from PIL import Image

SIZE = 64
PICTURE = np.zeros((SIZE, SIZE, 3), np.uint8)
LOGITS = np.array([0.5, 3, -1, 2], np.float32)
SCORES = np.exp(LOGITS) / np.exp(LOGITS).sum()
LABELS = 1 / (1 + np.exp(-LOGITS))
NAMES = "cat\ndog\ncow\nhen\n"
SOFTMAX = [SoftmaxClassification, YoloClassification]
SIGMOID = [SigmoidClassification, DinoV3SigmoidClassification]
BARE = {"network_input": {"training_input_size": {"height": SIZE, "width": SIZE}}}


@pytest.fixture
def load(make_package, runner_of, document):
    def load(family, output, post=None, names=NAMES, removed=(), recommended=None, **network):
        said = {**document(**{"resize_mode": "stretch", **network}), "post_processing": post}
        said["class_names_operations"] = [{"type": "class_name_removal", "class_name": name} for name in removed]
        folder, package = make_package(said, names)
        return family.from_pretrained(
            folder,
            package=package,
            runners={"weights": runner_of(np.asarray(output))},
            recommended_parameters=recommended,
        )

    return load


def activation(family, fused=False):
    return {"type": family.activation, "fused": fused}


@pytest.mark.parametrize("family", SOFTMAX)
@pytest.mark.parametrize(("output", "fused"), [(LOGITS, False), (SCORES, True)])
def test_one_class(load, family, output, fused):
    (result,) = load(family, output, activation(family, fused))(PICTURE)
    np.testing.assert_allclose(result.confidence, SCORES, atol=1e-6)
    assert result.confidence.dtype == np.float32
    assert (result.class_id, result.class_name) == (1, "dog")
    assert [row.class_name for row in result] == ["dog", "hen", "cat", "cow"]
    assert result.image.size == (SIZE, SIZE)


def test_scores_that_the_graph_gives_are_left_alone(load):
    """They need not sum to 1: nothing is applied twice."""
    (result,) = load(SoftmaxClassification, [0.2, 0.9, 0.1, 0.3], activation(SoftmaxClassification, True))(PICTURE)
    np.testing.assert_allclose(result.confidence, [0.2, 0.9, 0.1, 0.3])


@pytest.mark.parametrize("family", SIGMOID)
@pytest.mark.parametrize(("output", "fused"), [(LOGITS, False), (LABELS, True)])
def test_labels(load, family, output, fused):
    (result,) = load(family, output, activation(family, fused))(PICTURE)
    np.testing.assert_allclose(result.confidence, LABELS, atol=1e-6)
    assert result.class_name.tolist() == ["cat", "dog", "hen"]  # 0.62, 0.95 and 0.88
    (few,) = load(family, output, activation(family, fused))(PICTURE, confidence=0.9)
    assert few.class_name.tolist() == ["dog"]


def test_defaults_differ(load):
    output = [0.45, 0.55, 0.4, 0.5]
    found = [load(family, output, activation(family, True))(PICTURE)[0].class_id.tolist() for family in SIGMOID]
    assert found == [[0, 1, 2, 3], [1, 3]]  # the threshold itself is enough


def test_thresholds_of_the_package(load):
    recommended = RecommendedParameters(confidence=0.9, per_class_confidence={"cat": 0.6, "dog": 0.99})
    model = load(SigmoidClassification, LOGITS, activation(SigmoidClassification), recommended=recommended)
    assert model(PICTURE, confidence="best")[0].class_name.tolist() == ["cat"]
    assert model(PICTURE, confidence="default")[0].class_name.tolist() == ["cat", "dog", "hen"]
    assert len(model(PICTURE, confidence=0)[0]) == 4
    assert len(model(PICTURE, confidence=1)[0]) == 0
    with pytest.raises(InputError):
        model(PICTURE, confidence=-1)


def test_removed_classes(load):
    """Scores stay as they are; ids are those of the names that are left, also for thresholds."""
    (one,) = load(SoftmaxClassification, LOGITS, activation(SoftmaxClassification), removed=["dog"])(PICTURE)
    assert (one.class_id, one.class_name, one.class_names) == (2, "hen", ("cat", "cow", "hen"))
    np.testing.assert_allclose(one.confidence, SCORES[[0, 2, 3]], atol=1e-6)
    recommended = RecommendedParameters(confidence=0.1, per_class_confidence={"cow": 0.9})
    model = load(
        SigmoidClassification,
        LOGITS,
        activation(SigmoidClassification),
        removed=["dog"],
        recommended=recommended,
    )
    assert model(PICTURE, confidence="best")[0].class_name.tolist() == ["cat", "hen"]


@pytest.mark.parametrize("family", [*SOFTMAX, *SIGMOID])
@pytest.mark.parametrize("post", [{"type": "nms", "fused": False}, None, "other"])
def test_packages_that_want_something_else(load, family, post):
    other = {"softmax": "sigmoid", "sigmoid": "softmax"}[family.activation]
    post = {"type": other, "fused": False} if post == "other" else post
    if post is None and family in SIGMOID:
        np.testing.assert_allclose(load(family, LOGITS)(PICTURE)[0].confidence, LABELS, atol=1e-6)
        return
    with pytest.raises(MalformedDocumentError, match=r"post_processing\.type"):
        load(family, LOGITS, post)


def test_a_network_that_knows_what_it_gives(load):
    """Whatever the package says."""

    class Eager(SoftmaxClassification):
        fused = False

    (result,) = load(Eager, LOGITS, activation(Eager, True))(PICTURE)
    np.testing.assert_allclose(result.confidence, SCORES, atol=1e-6)


@pytest.mark.parametrize(
    ("output", "fused", "words"),
    [
        (LOGITS, True, "post_processing.fused"),
        ([0.1, np.nan, 0.2, 0.3], True, "from 0 to 1"),
        ([0.1, np.nan, 0.2, 0.3], False, "not finite"),
        ([0.1, np.inf, 0.2, 0.3], False, "not finite"),
        ([0.1, 0.2], False, "4 classes"),
        (np.zeros((4, 1, 1)), False, "(4, 1, 1)"),
        (np.float32(1), False, "()"),
    ],
)
def test_what_is_no_classification(load, output, fused, words):
    model = load(SoftmaxClassification, np.asarray(output, np.float32), activation(SoftmaxClassification, fused))
    with pytest.raises(ModelOutputError) as caught:
        model(PICTURE)
    assert words in f"{caught.value} {caught.value.hint}"


def test_a_class_that_is_ruled_out_by_infinity(load):
    (result,) = load(SoftmaxClassification, [0, 2, -np.inf, 1], activation(SoftmaxClassification))(PICTURE)
    assert result.confidence[2] == 0
    assert result.class_name == "dog"


@pytest.mark.parametrize("family", [*SOFTMAX, *SIGMOID])
def test_a_batch_keeps_its_order_on_every_array_library(load, family):
    model = load(family, LOGITS, activation(family))
    preprocessed = model.pre_process([PICTURE] * 3)
    outputs = np.random.default_rng(2).normal(0, 3, (3, 4)).astype(np.float32)
    results = model.post_process([(outputs,)], preprocessed)
    for row, result in zip(outputs, results, strict=True):
        weights = [np.exp(value) for value in row.astype(float)]
        naive = [w / sum(weights) if family in SOFTMAX else w / (1 + w) for w in weights]
        np.testing.assert_allclose(result.confidence, naive, atol=1e-6)
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.float16):
        found = model.post_process([(torch.from_numpy(outputs).to(dtype),)], preprocessed)
        for first, second in zip(results, found, strict=True):
            np.testing.assert_allclose(first.confidence, second.confidence, atol=2e-3)


@pytest.mark.parametrize("family", [SoftmaxClassification, YoloClassification])
def test_fit_longer_edge_is_replaced(load, family):
    tensor = (
        load(family, LOGITS, activation(family), resize_mode="fit-longer-edge")
        .pre_process(np.full((32, 64, 3), 255, np.uint8))
        .groups[0]
        .tensor
    )
    corner = 127 / 255 if family is YoloClassification else 1
    np.testing.assert_allclose(tensor[0, :, 0, 0], corner, atol=1e-6)


@pytest.mark.parametrize("size", [(SIZE, SIZE), (48, 80)])
def test_a_bare_export_sees_the_square_in_the_middle(make_package, runner_of, noise, size):
    """And its graph ends in the softmax."""
    said = {"network_input": {"training_input_size": {"height": size[0], "width": size[1]}}}
    folder, package = make_package(None, None, preprocessing=said, graph_files={"weights": "cls.onnx"})
    model = YoloClassification.from_pretrained(
        folder, package=package, runners={"weights": runner_of(SCORES, size=size)}
    )
    for pixels in (noise(100, 130), noise(333, 90), noise(30, 40)):
        (group,) = model.pre_process(pixels, input_color_format="rgb").groups
        scale = SIZE / min(pixels.shape[:2])
        whole = (int(pixels.shape[1] * scale), int(pixels.shape[0] * scale))
        left, top = (round((side - SIZE) / 2) for side in whole)
        picture = Image.fromarray(pixels)
        if size == (SIZE, SIZE):
            picture = picture.resize(whole, Image.Resampling.BILINEAR).crop((left, top, left + SIZE, top + SIZE))
        else:
            picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
        expected = np.asarray(picture).transpose(2, 0, 1) / 255
        np.testing.assert_allclose(group.tensor[0], expected, atol=1.01 / 255)
    (result,) = model(noise(50, 60))
    np.testing.assert_allclose(result.confidence, SCORES, atol=1e-6)
    assert result.class_names == ("class_0", "class_1", "class_2", "class_3")


@pytest.mark.parametrize("family", [*SOFTMAX, *SIGMOID])
@pytest.mark.parametrize("fused", [False, True])
def test_whatever_a_graph_gives(load, family, fused):
    """Scores from 0 to 1, or a typed error."""
    random = np.random.default_rng(7)
    model = load(family, LOGITS, activation(family, fused))
    preprocessed = model.pre_process(PICTURE)
    shapes = [(4,), (4,), (4,), (3,), (0,), (1, 4), ()]
    answers = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            dtype = random.choice([np.float16, np.float32, np.float64])
            shape = (1, *shapes[random.integers(len(shapes))])
            output = random.uniform(0, 10.0 ** random.choice([-3, 0, 0, 2, 4]), shape).astype(dtype)
            share = random.choice([0, 0, 0, 0.3, 1])
            output[random.random(shape) < share] = random.choice([np.nan, np.inf, -np.inf, np.finfo(dtype).max])
            try:
                (result,) = model.post_process([(output,) if random.random() < 0.95 else ()], preprocessed)
            except ModelOutputError:
                continue
            answers += 1
            assert ((result.confidence >= 0) & (result.confidence <= 1)).all()
    assert 10 < answers < 150

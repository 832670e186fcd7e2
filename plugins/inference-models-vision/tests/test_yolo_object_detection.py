"""YOLOv8 object detection from a package directory to boxes on the picture."""

import logging

import attrs
import numpy as np
import pytest
from inference_models_core.errors import (
    InputError,
    MalformedDocumentError,
    ModelClosedError,
    ModelOutputError,
    PackageError,
    PackageFileMissingError,
    UnknownArgumentError,
)
from inference_models_core.runner import Runner
from inference_models_core.types.packages import RecommendedParameters
from inference_models_vision.families.yolo.object_detection import YoloObjectDetection


def raw_output(*columns, classes=2, count=20):
    """Columns (cx, cy, w, h, class id, score) in network pixels as an output (4 + classes, count)."""
    output = np.zeros((4 + classes, count), np.float32)
    for i, (*box, class_id, score) in enumerate(columns):
        output[:4, i] = box
        output[4 + class_id, i] = score
    return output


CAT, DOG = 0, 1
OUTPUT = raw_output((32, 32, 16, 8, DOG, 0.6), (16, 40, 8, 8, CAT, 0.9), (33, 32, 16, 8, DOG, 0.5))
PICTURE = np.zeros((64, 128, 3), np.uint8)  # letterboxed to 32x64 with 16 pixels above and below


@pytest.fixture
def load(make_package, document, runner_of):
    def load(*outputs, config=None, names="cat\ndog\n", metadata=None, session=None, **options):
        folder, package = make_package(config or document(), names, **(metadata or {}))
        runner = runner_of(*(outputs or (OUTPUT,)), **(session or {}))
        return YoloObjectDetection.from_pretrained(folder, package=package, runners={"weights": runner}, **options)

    return load


def test_boxes_come_back_in_pixels_of_the_picture(load):
    (result,) = load()(PICTURE)
    assert result.class_name.tolist() == ["cat", "dog"]
    np.testing.assert_allclose(result.confidence, [0.9, 0.6])
    np.testing.assert_allclose(result.xyxy, [[24, 40, 40, 56], [48, 24, 80, 40]])
    assert result.xyxy.dtype == np.float32
    assert result.image.reference is PICTURE
    assert result.image.size == (64, 128)


def test_boxes_are_not_rounded_and_are_clipped(load):
    output = raw_output((32.3, 32.1, 10.5, 7.7, CAT, 0.9), (0, 16, 30, 30, DOG, 0.8))
    (result,) = load(output)(PICTURE)
    np.testing.assert_allclose(result.xyxy[0], [54.1, 24.5, 75.1, 39.9], rtol=1e-6)
    np.testing.assert_allclose(result.xyxy[1], [0, 0, 30, 30])


def test_the_arguments_of_a_call(load):
    model = load(recommended_parameters=RecommendedParameters(per_class_confidence={"dog": 0.7}))
    scores = lambda **arguments: model(PICTURE, **arguments)[0].confidence.tolist()  # noqa: E731
    assert scores() == pytest.approx([0.9, 0.6])
    assert scores(confidence=0.7) == pytest.approx([0.9])
    assert scores(confidence=1) == []
    assert scores(confidence="best") == pytest.approx([0.9])
    assert scores(confidence="default") == pytest.approx([0.9, 0.6])
    assert scores(iou_threshold=1) == pytest.approx([0.9, 0.6, 0.5])
    assert scores(iou_threshold=1, max_detections=2) == pytest.approx([0.9, 0.6])
    assert scores(confidence=0, iou_threshold=0.99, max_detections=1000) == pytest.approx([0.9, 0.6, 0.5])


def test_classes_suppress_each_other_only_when_asked(load):
    model = load(raw_output((32, 32, 16, 8, DOG, 0.6), (33, 32, 16, 8, CAT, 0.5)))
    assert len(model(PICTURE)[0]) == 2
    assert len(model(PICTURE, class_agnostic_nms=True)[0]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"confidance": 0.5}, "'confidence'"),
        ({"iou": 0.5}, "iou_threshold"),
        ({"agnostic_nms": True}, "class_agnostic_nms"),
    ],
)
def test_unknown_arguments_name_the_nearest(load, arguments, words):
    with pytest.raises(UnknownArgumentError, match=words):
        load()(PICTURE, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"confidence": "high"},
        {"confidence": True},
        {"iou_threshold": 1.5},
        {"max_detections": 0},
        {"image_size": 32},
        {"input_color_format": "hsv"},
    ],
)
def test_wrong_arguments(load, arguments):
    (name,) = arguments
    with pytest.raises(InputError, match=name):
        load()(PICTURE, **arguments)


def test_results_are_in_the_order_of_the_pictures(load):
    sizes = [(64, 128), (30, 20), (200, 64), (64, 64)]
    results = load()([np.zeros((*size, 3), np.uint8) for size in sizes])
    assert [result.image.size for result in results] == sizes
    np.testing.assert_allclose(results[3].xyxy[0], [12, 36, 20, 44])


def test_results_of_several_groups_are_in_the_order_of_the_pictures(load):
    model = load()
    pictures = [np.zeros((64, width, 3), np.uint8) for width in (64, 100, 128)]
    single = [model.pre_process(picture) for picture in pictures]
    order = (2, 0, 1)
    groups = tuple(attrs.evolve(single[i].groups[0], indices=(i,)) for i in order)
    together = attrs.evolve(single[0], groups=groups, sources=tuple(one.sources[0] for one in single))
    results = model.post_process(model.forward(together), together)
    assert [result.image.width for result in results] == [64, 100, 128]
    for result, picture in zip(results, pictures, strict=True):
        np.testing.assert_array_equal(result.xyxy, model(picture)[0].xyxy)


def test_static_batches_are_filled_up_and_cut(load):
    model = load(session={"batch": 4})
    results = model([PICTURE] * 6)
    assert len(results) == 6
    assert all(len(result) == 2 for result in results)


def test_the_stages_one_by_one(load):
    model = load()
    preprocessed = model.pre_process(PICTURE)
    (group,) = preprocessed.groups
    assert group.tensor.shape == (1, 3, 64, 64)
    assert group.tensor[0, 0, 0, 0] == np.float32(114) / np.float32(255)
    outputs = model.forward(preprocessed)
    assert outputs[0][0].shape == (1, 6, 20)
    assert len(model.post_process(outputs, preprocessed)[0]) == 2


def test_outputs_of_another_library(load, make_package, document):
    torch = pytest.importorskip("torch")
    model = load()
    preprocessed = model.pre_process([PICTURE, PICTURE])
    batch = torch.from_numpy(np.stack([OUTPUT, OUTPUT * 0]))
    first, second = model.post_process([(batch,)], preprocessed)
    expected = model(PICTURE)[0]
    np.testing.assert_array_equal(first.xyxy, expected.xyxy)
    assert len(second) == 0


def test_half_precision_graphs_get_half_precision_pictures(make_package, document, runner_of):
    folder, package = make_package(document())
    runner = runner_of(OUTPUT.astype(np.float16), dtype="float16")
    model = YoloObjectDetection.from_pretrained(folder, package=package, runners={"weights": runner})
    assert model.pre_process(PICTURE).groups[0].tensor.dtype == np.float16
    assert model(PICTURE)[0].class_name.tolist() == ["cat", "dog"]


FUSED = {"type": "nms", "fused": True}
ROWS = np.array([[8, 20, 24, 28, 0.5, DOG], [0, 16, 64, 48, 0.4, CAT], [0, 0, 0, 0, 0, 0]], np.float32)


def fused_config(document):
    return {**document(), "post_processing": FUSED}


def test_suppressed_in_the_graph(load, document):
    (result,) = load(ROWS, config=fused_config(document))(PICTURE, confidence=float(ROWS[1, 4]))
    assert result.class_name.tolist() == ["dog", "cat"]
    np.testing.assert_allclose(result.xyxy, [[16, 8, 48, 24], [0, 0, 128, 64]])


def test_the_feature_says_so_where_the_configuration_does_not(load, document):
    config = document()
    del config["post_processing"]
    assert len(load(ROWS, config=config, metadata={"features": {"nms_fused": {}}})(PICTURE, confidence=0.4)[0]) == 2


def test_limits_of_suppressed_outputs(load, document, caplog):
    model = load(ROWS, config=fused_config(document))
    assert len(model(PICTURE, confidence=0.1, max_detections=1)[0]) == 1
    with caplog.at_level(logging.WARNING, "inference_models"):
        model(PICTURE, iou_threshold=0.5)
    assert "no effect" in caplog.text


def test_a_wrong_number_of_classes(load, document):
    with pytest.raises(ModelOutputError, match=r"names 3 classes.*7 rows.*6, 20"):
        load(names="a\nb\nc\n")(PICTURE)
    with pytest.raises(ModelOutputError, match=r"names 1 classes.*class 1"):
        load(ROWS, names="a\n", config=fused_config(document))(PICTURE)


@pytest.mark.parametrize("shape", [(6,), (6, 20, 1), (20, 6)])
def test_outputs_of_another_family(load, shape):
    with pytest.raises(ModelOutputError):
        load(np.zeros(shape, np.float32))(PICTURE)


def test_suppressed_outputs_of_another_family(load, document):
    with pytest.raises(ModelOutputError):
        load(np.zeros((3, 5), np.float32), config=fused_config(document))(PICTURE)


def test_a_bare_file_without_names(load, document, caplog):
    metadata = {"preprocessing": document()}
    model = load(metadata=metadata, names=None)
    with caplog.at_level(logging.WARNING, "inference_models"):
        (result,) = model(PICTURE)
    assert "no class names" in caplog.text
    assert model.class_names == ("class_0", "class_1")
    assert result.class_name.tolist() == ["class_0", "class_1"]
    fused = load(ROWS, metadata={"preprocessing": fused_config(document)}, names=None)
    assert fused(PICTURE)[0].class_name.tolist() == ["class_1", "class_0"]


def test_nan_everywhere_is_no_crash(load):
    for value in (np.nan, np.inf, -np.inf):
        (result,) = load(np.full((6, 20), value, np.float32))(PICTURE)
        assert not np.isnan(result.xyxy).any()


def test_fit_longer_edge_becomes_a_letterbox_with_grey_bars(load, document):
    model = load(config=document(resize_mode="fit-longer-edge", padding_value=0))
    tensor = model.pre_process(PICTURE).groups[0].tensor
    assert tensor.shape == (1, 3, 64, 64)
    assert tensor[0, 0, 0, 0] == np.float32(127) / np.float32(255)


def test_dynamic_input_sizes(load, document):
    config = document(
        dynamic_spatial_size_supported=True, dynamic_spatial_size_mode={"type": "pad-to-be-divisible", "value": 32}
    )
    model = load(config=config, session={"size": ("height", "width")})
    assert model.pre_process(PICTURE, image_size=(33, 90)).groups[0].tensor.shape == (1, 3, 64, 96)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ({"size": (32, 64)}, r"\[3, 64, 64\].*\[3, 32, 64\]"),
        ({"dtype": "uint8"}, "uint8"),
    ],
)
def test_package_and_graph_that_contradict_each_other(load, session, words):
    with pytest.raises(PackageError, match=words):
        load(session=session)


def test_damaged_packages(load, document, make_package, runner_of):
    with pytest.raises(MalformedDocumentError, match="color_mode"):
        load(config=document(color_mode="cmyk"))
    with pytest.raises(MalformedDocumentError, match="class_names"):
        load(names="\n")
    folder, package = make_package(None, None)
    (folder / "inference_config.json").unlink()
    with pytest.raises(PackageFileMissingError):
        YoloObjectDetection.from_pretrained(folder, package=package, runners={"weights": runner_of(OUTPUT)})


def test_input_policies_reach_the_loader(load, noise):
    from inference_models_core.errors import ImageTooLargeError, UrlInputForbiddenError

    with pytest.raises(ImageTooLargeError):
        load(max_image_pixels=100)(PICTURE)
    with pytest.raises(UrlInputForbiddenError, match="allow_url_input"):
        load()("https://example.com/a.png")
    with pytest.raises(UrlInputForbiddenError, match="only https"):
        load(allow_url_input=True)("http://example.com/a.png")


def test_a_closed_model(load, runner_of):
    model = load()
    runner: Runner = model._parts.runner
    model.own([runner])
    with model:
        assert len(model(PICTURE)[0]) == 2
    with pytest.raises(ModelClosedError):
        model(PICTURE)

"""``inference_config.json`` and ``class_names.txt``: everything they may say, and what is said about mistakes."""

import copy

import pytest
from inference_models_core.errors import MalformedDocumentError, PackageFileMissingError
from inference_models_core.types.preprocessing import (
    ColorOrder,
    Contrast,
    DynamicSize,
    PreprocessingDeclaration,
    ResizeMode,
    Rounding,
    StaticCrop,
)
from inference_models_vision.configuration.inference_config import NmsParameters, parse_inference_config
from inference_models_vision.configuration.package import package_class_names, package_config, read_class_names

FULL = {
    "image_pre_processing": {
        "auto-orient": {"enabled": True},
        "static-crop": {"enabled": True, "x_min": 10, "x_max": 90, "y_min": 0, "y_max": 100},
        "contrast": {"enabled": True, "type": "Contrast Stretching"},
        "grayscale": {"enabled": True},
    },
    "network_input": {
        "training_input_size": {"height": 384, "width": 640},
        "dataset_version_resize_dimensions": {"height": 500, "width": 600},
        "dynamic_spatial_size_supported": True,
        "dynamic_spatial_size_mode": {"type": "pad-to-be-divisible", "value": 32},
        "color_mode": "bgr",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    },
    "forward_pass": {"static_batch_size": 1, "max_dynamic_batch_size": 16},
    "post_processing": {
        "type": "nms",
        "fused": True,
        "nms_parameters": {
            "max_detections": 300,
            "confidence_threshold": 0.3,
            "iou_threshold": 0.7,
            "class_agnostic": 1,
        },
    },
    "model_initialization": {"depth": 3},
    "class_names_operations": [{"type": "class_name_removal", "class_name": "background"}],
}
SMALLEST = {
    "network_input": {
        "training_input_size": {"height": 64, "width": 32},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
    }
}


def changed(document, path, value):
    document = copy.deepcopy(document)
    *parents, last = path.split("/")
    place = document
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_the_whole_schema():
    config = parse_inference_config(FULL)
    assert config.preprocessing == PreprocessingDeclaration(
        size=(384, 640),
        resize_mode=ResizeMode.LETTERBOX,
        padding_value=114,
        color_order=ColorOrder.BGR,
        divisor=255.0,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        static_crop=StaticCrop(x_min=10, x_max=90, y_min=0, y_max=100),
        grayscale=True,
        contrast=Contrast.STRETCHING,
        dynamic_size=DynamicSize(divisor=32),
        channels=3,
    )
    assert config.auto_orient
    assert config.dataset_size == (500, 600)
    assert (config.static_batch_size, config.max_batch_size) == (1, 16)
    assert (config.post_processing.type, config.post_processing.fused) == ("nms", True)
    assert config.post_processing.nms == NmsParameters(
        max_detections=300, confidence_threshold=0.3, iou_threshold=0.7, class_agnostic=True
    )
    assert config.removed_classes == ("background",)
    assert config.model_initialization == {"depth": 3}


def test_the_smallest_document():
    config = parse_inference_config(SMALLEST)
    assert config.preprocessing == PreprocessingDeclaration(size=(64, 32), divisor=None)
    assert config.preprocessing.rounding is Rounding.TRUNCATE
    assert config.post_processing is None
    assert config.removed_classes == ()
    assert not config.auto_orient


@pytest.mark.parametrize("key", ["image_pre_processing", "forward_pass", "post_processing", "model_initialization"])
def test_null_is_as_absent(key):
    assert parse_inference_config({**SMALLEST, key: None}) == parse_inference_config(SMALLEST)


def test_unknown_keys_are_ignored():
    document = changed(SMALLEST, "network_input/tomorrow", [1])
    assert parse_inference_config({**document, "version": 9}) == parse_inference_config(SMALLEST)


def test_what_is_switched_off_is_not_there():
    document = copy.deepcopy(FULL)
    for settings in document["image_pre_processing"].values():
        settings["enabled"] = False
    declaration = parse_inference_config(document).preprocessing
    assert (declaration.static_crop, declaration.contrast, declaration.grayscale) == (None, None, False)


@pytest.mark.parametrize("mode", [m.value for m in ResizeMode])
def test_every_resize_mode(mode):
    config = parse_inference_config(changed(SMALLEST, "network_input/resize_mode", mode))
    assert config.preprocessing.resize_mode.value == mode


def test_any_size_and_rounding():
    document = changed(FULL, "network_input/dynamic_spatial_size_mode", {"type": "any-size"})
    assert parse_inference_config(document).preprocessing.dynamic_size == DynamicSize(divisor=1)
    document = changed(SMALLEST, "network_input/rounding", "ultralytics")
    assert parse_inference_config(document).preprocessing.rounding is Rounding.ULTRALYTICS


def test_substitutions_replace_mode_and_padding():
    document = changed(FULL, "network_input/resize_mode", "fit-longer-edge")
    rules = {
        "resize_modes": [ResizeMode.LETTERBOX],
        "substitutions": {ResizeMode.FIT_LONGER_EDGE: (ResizeMode.LETTERBOX, 127)},
    }
    declaration = parse_inference_config(document, **rules).preprocessing
    assert (declaration.resize_mode, declaration.padding_value) == (ResizeMode.LETTERBOX, 127)
    with pytest.raises(MalformedDocumentError, match=r"resize_mode: expected one of letterbox.*found stretch"):
        parse_inference_config(SMALLEST, **rules)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("network_input", None, "a value"),
        ("network_input", [], "an object"),
        ("network_input/training_input_size", None, "a value"),
        ("network_input/training_input_size", 640, "an object"),
        ("network_input/training_input_size/height", "640", "a whole number"),
        ("network_input/training_input_size/height", 0, "from 1"),
        ("network_input/training_input_size/width", 10**6, "to 16384"),
        ("network_input/training_input_size/width", 640.0, "a whole number"),
        ("network_input/dynamic_spatial_size_supported", 1, "true or false"),
        ("network_input/dynamic_spatial_size_mode", {"type": "twice"}, "any-size"),
        ("network_input/dynamic_spatial_size_mode", {"type": "pad-to-be-divisible"}, "a value"),
        ("network_input/dynamic_spatial_size_mode/value", 0, "from 1"),
        ("network_input/color_mode", "cmyk", "bgr, rgb"),
        ("network_input/resize_mode", "divisible-padding", "letterbox"),
        ("network_input/rounding", "bankers", "truncate, ultralytics"),
        ("network_input/padding_value", 256, "to 255"),
        ("network_input/padding_value", -1, "from 0"),
        ("network_input/input_channels", 4, "3 channels"),
        ("network_input/input_channels", True, "a whole number"),
        ("network_input/scaling_factor", 0, "other than 0"),
        ("network_input/scaling_factor", "255", "a number"),
        ("network_input/normalization", [[0, 0, 0]], "a list of 2"),
        ("network_input/normalization", [[0, 0], [1, 1]], "a list of 3"),
        ("network_input/normalization", [[0, 0, 0], [1, 0, 1]], "other than 0"),
        ("image_pre_processing", [], "an object"),
        ("image_pre_processing/static-crop/x_min", None, "a value"),
        ("image_pre_processing/static-crop/x_min", 90, "x_min < x_max"),
        ("image_pre_processing/static-crop/y_max", 101, "to 100"),
        ("image_pre_processing/static-crop/enabled", "yes", "true or false"),
        ("image_pre_processing/contrast/type", "More", "Adaptive Equalization"),
        ("image_pre_processing/grayscale/enabled", None, "a value"),
        ("forward_pass/static_batch_size", 0, "from 1"),
        ("post_processing/type", "argmax", "nms, sigmoid, softmax"),
        ("post_processing/fused", "true", "true or false"),
        ("post_processing/nms_parameters/iou_threshold", 2, "from 0 to 1"),
        ("post_processing/nms_parameters/max_detections", None, "a value"),
        ("class_names_operations", {}, "a list"),
        ("class_names_operations", [{"type": "renaming"}], "class_name_removal"),
        ("model_initialization", "x", "an object"),
    ],
)
def test_mistakes_name_file_key_and_expectation(path, value, expected):
    with pytest.raises(MalformedDocumentError) as caught:
        parse_inference_config(changed(FULL, path, value))
    message = str(caught.value)
    assert message.startswith("inference_config.json")
    assert path.rpartition("/")[2] in message
    assert expected in message


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_a_document_that_is_no_object(document):
    with pytest.raises(MalformedDocumentError, match=r"inference_config\.json: expected an object"):
        parse_inference_config(document)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[]", b'{"network_input": NaN}', b"[" * 100_000])
def test_a_broken_file(content, make_package):
    folder, package = make_package()
    (folder / "inference_config.json").write_bytes(content)
    with pytest.raises(MalformedDocumentError, match=r"inference_config\.json"):
        package_config(folder, package)


def test_a_missing_file(make_package):
    folder, package = make_package(names=None)
    with pytest.raises(PackageFileMissingError, match=r"inference_config\.json"):
        package_config(folder, package)
    with pytest.raises(PackageFileMissingError, match=r"class_names\.txt"):
        package_class_names(folder, package)


def test_metadata_wins_over_a_stray_file(make_package):
    folder, package = make_package(FULL, "stray\n", preprocessing=SMALLEST, class_names=("a", "b"))
    assert package_config(folder, package).preprocessing.size == (64, 32)
    assert package_class_names(folder, package) == ("a", "b")
    folder, package = make_package(FULL, "stray\n", preprocessing=SMALLEST)
    assert package_class_names(folder, package) is None


def test_mistakes_in_metadata_name_the_package(make_package):
    folder, package = make_package(preprocessing={"network_input": {}})
    with pytest.raises(MalformedDocumentError, match="pre-processing of test"):
        package_config(folder, package)


def test_class_names(tmp_path):
    path = tmp_path / "class_names.txt"
    path.write_bytes("\ufeff cat \r\n\n  \nhot dog\nñandú".encode())
    assert read_class_names(path) == ("cat", "hot dog", "ñandú")


@pytest.mark.parametrize(("content", "expected"), [(b"", "an empty file"), (b"\n \n", "empty"), (b"\xff\xfe", "UTF-8")])
def test_broken_class_names(tmp_path, content, expected):
    path = tmp_path / "class_names.txt"
    path.write_bytes(content)
    with pytest.raises(MalformedDocumentError, match=rf"class_names\.txt.*{expected}"):
        read_class_names(path)

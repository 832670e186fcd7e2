"""Pre-processing with Pillow's resize, byte for byte."""

import cv2
import numpy as np
import pytest
from inference_models_core.types.preprocessing import ColorOrder, Contrast, PreprocessingDeclaration, StaticCrop
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.engine import CpuEngine
from inference_models_vision.preprocessing.pillow_engine import PillowEngine
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def levels_of(tensor):
    """A tensor divided by 255 as levels (height, width, 3)."""
    levels = tensor.transpose(1, 2, 0) * 255
    assert np.abs(levels - levels.round()).max() < 1e-4
    return levels.round().astype(np.uint8)


def run(images, order=None, dataset_size=None, options=None, **declaration):
    engine = PillowEngine(PreprocessingDeclaration(**declaration), dataset_size=dataset_size)
    return engine(ImageLoader().load(images, order), **(options or {}))


def pillow(pixels, height, width):
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.BILINEAR))


@pytest.mark.parametrize("size", [(37, 61), (480, 640), (5, 300), (48, 64), (2, 2), (700, 33)])
@pytest.mark.parametrize("order", ColorOrder)
@pytest.mark.parametrize("network", ColorOrder)
def test_levels_are_those_of_pillow(size, order, network, noise):
    picture = noise(*size)
    (group,) = run(picture, order, size=(48, 64), color_order=network).groups
    seen = picture if order is network else picture[:, :, ::-1]
    np.testing.assert_array_equal(levels_of(group.tensor[0]), pillow(seen, 48, 64))
    assert group.tensor.dtype == np.float32


def test_the_order_of_channels_that_nobody_declared(noise):
    torch = pytest.importorskip("torch")
    picture = noise(50, 70)  # red, green, blue
    expected = pillow(picture, 32, 32)
    for given in (np.ascontiguousarray(picture[:, :, ::-1]), torch.from_numpy(picture.transpose(2, 0, 1).copy())):
        (group,) = run(given, size=(32, 32)).groups
        np.testing.assert_array_equal(levels_of(group.tensor[0]), expected)


@pytest.mark.parametrize("mode", ["letterbox", "center-crop", "letterbox-reflect-edges"])
def test_every_mode_stretches_where_nothing_says_what_the_data_set_was(mode, noise):
    picture = noise(50, 90)
    (group,) = run(picture, ColorOrder.RGB, size=(32, 32), resize_mode=mode).groups
    np.testing.assert_array_equal(levels_of(group.tensor[0]), pillow(picture, 32, 32))
    np.testing.assert_allclose(group.geometries[0].boxes_to_picture(np.array([[0, 0, 32, 32]])), [[0, 0, 90, 50]])


@pytest.mark.parametrize("mode", ["letterbox", "center-crop", "letterbox-reflect-edges"])
@pytest.mark.parametrize("size", [(50, 90), (90, 50), (20, 20), (200, 300)])
def test_two_steps(mode, size, noise):
    picture, between = noise(*size), (60, 80)
    (group,) = run(picture, ColorOrder.BGR, between, size=(48, 48), resize_mode=mode, padding_value=114).groups
    first = PreprocessingDeclaration(size=between, resize_mode=mode, padding_value=114, divisor=None)
    (step,) = CpuEngine(first)(ImageLoader().load(picture, ColorOrder.BGR)).groups
    np.testing.assert_array_equal(levels_of(group.tensor[0]), pillow(step.tensor[0].transpose(1, 2, 0), 48, 48))
    assert group.geometries == step.geometries
    assert group.geometries[0].network_size == between


def test_stretched_data_sets_need_one_step(noise):
    picture = noise(50, 90)
    (group,) = run(picture, ColorOrder.RGB, (60, 80), size=(32, 32), resize_mode="stretch").groups
    np.testing.assert_array_equal(levels_of(group.tensor[0]), pillow(picture, 32, 32))
    assert group.geometries[0].network_size == (32, 32)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"divisor": 255.0}, lambda x: x / 255),
        ({"divisor": None}, lambda x: x / 255),
        ({"divisor": 2.0}, lambda x: x / 2),
        ({"divisor": 255.0, "mean": MEAN, "std": STD}, lambda x: (x / 255 - np.array(MEAN)) / np.array(STD)),
        ({"divisor": None, "mean": MEAN, "std": STD}, lambda x: (x / 255 - np.array(MEAN)) / np.array(STD)),
        ({"divisor": 2.0, "mean": MEAN, "std": STD}, lambda x: (x / 255 - np.array(MEAN)) / np.array(STD)),
    ],
)
def test_scaling(declared, expected, noise):
    picture = noise(50, 90)
    (group,) = run(picture, ColorOrder.RGB, size=(32, 32), **declared).groups
    values = expected(pillow(picture, 32, 32).astype(np.float64))
    np.testing.assert_allclose(group.tensor[0].transpose(1, 2, 0), values, atol=2e-6, rtol=1e-6)


def test_crop_grey_and_contrast_come_first(noise):
    picture = cv2.GaussianBlur(noise(60, 100), (0, 0), 2)
    crop = StaticCrop(x_min=10, x_max=60, y_min=25, y_max=100)
    declared = {"size": (32, 32), "static_crop": crop, "grayscale": True, "contrast": Contrast.STRETCHING}
    (group,) = run(picture, ColorOrder.RGB, **declared).groups
    from inference_models_vision.preprocessing.contrast import enhance

    gray = enhance(cv2.cvtColor(picture[15:60, 10:60], cv2.COLOR_RGB2GRAY), Contrast.STRETCHING)
    expected = np.repeat(pillow(gray, 32, 32)[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(levels_of(group.tensor[0]), expected)
    switches = ("disable_static_crop", "disable_grayscale", "disable_contrast_enhancement")
    (whole,) = run(picture, ColorOrder.RGB, options=dict.fromkeys(switches, True), **declared).groups
    np.testing.assert_array_equal(levels_of(whole.tensor[0]), pillow(picture, 32, 32))


def test_pictures_of_many_sizes_are_one_batch(noise):
    pictures = [noise(50, 90), noise(20, 20), noise(64, 48, channels=0)]
    declared = {"size": (32, 48), "resize_mode": "letterbox", "dataset_size": (60, 80)}
    (group,) = run(pictures, **declared).groups
    assert group.tensor.shape == (3, 3, 32, 48)
    for i, picture in enumerate(pictures):
        np.testing.assert_array_equal(group.tensor[i], run(picture, **declared).groups[0].tensor[0])

"""The engine against a slow version whose correctness can be seen."""

import itertools
import threading

import cv2
import numpy as np
import pytest
from inference_models_core.types.preprocessing import (
    ColorOrder,
    Contrast,
    PreprocessingDeclaration,
    ResizeMode,
    Rounding,
    StaticCrop,
)
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.contrast import enhance
from inference_models_vision.preprocessing.engine import CpuEngine

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def run(declaration, images, order=None, **options):
    return CpuEngine(declaration)(ImageLoader().load(images, order), **options)


def slow_resize(picture, height, width):
    """Bilinear, pixel centres at halves, edges repeated; floats, not rounded."""

    def weights(new, old):
        centers = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
        below = np.minimum(centers.astype(int), old - 1)
        above = np.minimum(below + 1, old - 1)
        return below, above, centers - below

    y0, y1, dy = weights(height, picture.shape[0])
    x0, x1, dx = weights(width, picture.shape[1])
    values = picture.astype(np.float64)
    upper = values[y0][:, x0] * (1 - dx)[:, None] + values[y0][:, x1] * dx[:, None]
    lower = values[y1][:, x0] * (1 - dx)[:, None] + values[y1][:, x1] * dx[:, None]
    return upper * (1 - dy)[:, None, None] + lower * dy[:, None, None]


def slow_levels(picture, declaration):
    """A BGR picture as the network should see it before scaling: (height, width, 3) levels as floats."""
    crop, (height, width) = declaration.static_crop, picture.shape[:2]
    if crop is not None:
        picture = picture[
            int(crop.y_min / 100 * height) : int(crop.y_max / 100 * height),
            int(crop.x_min / 100 * width) : int(crop.x_max / 100 * width),
        ]
    if declaration.grayscale:
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None], 3, axis=2)
    if declaration.contrast is not None:
        picture = enhance(picture, declaration.contrast)
    canvas = slow_place(picture, declaration)
    return canvas[:, :, ::-1] if declaration.color_order is ColorOrder.RGB else canvas


def slow_place(picture, declaration):
    (height, width), (to_height, to_width) = picture.shape[:2], declaration.size
    mode = declaration.resize_mode
    if mode is ResizeMode.STRETCH:
        return slow_resize(picture, to_height, to_width)
    if mode is ResizeMode.CENTER_CROP:
        canvas = np.zeros((to_height, to_width, 3))
        top, left = (abs(to_height - height) // 2, abs(to_width - width) // 2)
        for y, x in itertools.product(range(to_height), range(to_width)):
            from_y = y + top if height > to_height else y - top
            from_x = x + left if width > to_width else x - left
            if 0 <= from_y < height and 0 <= from_x < width:
                canvas[y, x] = picture[from_y, from_x]
        return canvas
    scale = min(to_height / height, to_width / width)
    if mode is ResizeMode.FIT_LONGER_EDGE:
        return slow_resize(picture, round(height * scale), round(width * scale))
    if declaration.rounding is Rounding.ULTRALYTICS:
        new = (round(height * scale), round(width * scale))
        top, left = round((to_height - new[0]) / 2 - 0.1), round((to_width - new[1]) / 2 - 0.1)
    else:
        new = (int(height * scale), int(width * scale))
        top, left = int((to_height - new[0]) / 2), int((to_width - new[1]) / 2)
    canvas = np.full((to_height, to_width, 3), float(declaration.padding_value))
    canvas[top : top + new[0], left : left + new[1]] = slow_resize(picture, *new)
    return canvas


@pytest.mark.parametrize("mode", ResizeMode)
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("order", ColorOrder)
@pytest.mark.parametrize("size", [(37, 61), (61, 37), (48, 64), (200, 300), (5, 7), (96, 128), (47, 64)])
def test_pixels_against_the_slow_version(mode, rounding, order, size, noise):
    picture = cv2.GaussianBlur(noise(*size), (0, 0), 1)
    declaration = PreprocessingDeclaration(
        size=(48, 64), resize_mode=mode, rounding=rounding, color_order=order, padding_value=114, divisor=None
    )
    (group,) = run(declaration, picture).groups
    expected = slow_levels(picture, declaration).transpose(2, 0, 1)
    assert group.tensor.dtype == np.uint8
    assert group.tensor.shape == (1, *expected.shape)
    assert np.abs(group.tensor[0] - expected).max() <= 1.01  # OpenCV resizes in fixed point


@pytest.mark.parametrize(
    "changes",
    [
        {"static_crop": StaticCrop(x_min=10, x_max=77, y_min=5, y_max=61)},
        {"grayscale": True},
        {"contrast": Contrast.STRETCHING},
        {"contrast": Contrast.HISTOGRAM_EQUALIZATION},
        {"contrast": Contrast.ADAPTIVE_EQUALIZATION},
        {"grayscale": True, "contrast": Contrast.STRETCHING},
        {
            "static_crop": StaticCrop(x_min=0, x_max=50, y_min=20, y_max=100),
            "grayscale": True,
            "contrast": Contrast.ADAPTIVE_EQUALIZATION,
            "color_order": "bgr",
        },
    ],
)
def test_adjustments_against_the_slow_version(changes, noise):
    picture = cv2.GaussianBlur(noise(90, 120), (0, 0), 2)
    declaration = PreprocessingDeclaration(size=(48, 64), resize_mode="letterbox", divisor=None)
    declaration = PreprocessingDeclaration(**{**fields_of(declaration), **changes})
    (group,) = run(declaration, picture).groups
    expected = slow_levels(picture, declaration).transpose(2, 0, 1)
    assert np.abs(group.tensor[0] - expected).max() <= 1.01


def fields_of(declaration):
    import attrs

    return attrs.asdict(declaration, recurse=False)


@pytest.mark.parametrize(
    ("scaling", "exact"),
    [
        ({"divisor": 255.0}, lambda x: x / np.float32(255)),
        ({"divisor": 2.0}, lambda x: x / np.float32(2)),
        (
            {"divisor": 255.0, **IMAGENET},
            lambda x: (x / np.float32(255) - channels(IMAGENET["mean"])) / channels(IMAGENET["std"]),
        ),
        (
            {"divisor": None, "mean": (100, 110, 120), "std": (50, 60, 70)},
            lambda x: (x - channels((100, 110, 120))) / channels((50, 60, 70)),
        ),
        ({"divisor": None}, lambda x: x),
    ],
)
@pytest.mark.parametrize("dtype", [None, "float32", "float16", "uint8"])
def test_scaling_is_exact(scaling, exact, dtype, noise):
    if dtype == "uint8" and scaling != {"divisor": None}:
        pytest.skip("fractions do not fit")
    picture = noise(40, 64)
    declaration = PreprocessingDeclaration(
        size=(48, 64), resize_mode="letterbox", padding_value=114, dtype=dtype, **scaling
    )
    (group,) = run(declaration, picture).groups
    canvas = np.full((48, 64, 3), 114, np.uint8)
    canvas[4:44] = picture[:, :, ::-1]
    levels = canvas.transpose(2, 0, 1)[None].astype(np.float32)
    expected_dtype = dtype or ("uint8" if scaling == {"divisor": None} else "float32")
    assert group.tensor.dtype == expected_dtype
    np.testing.assert_array_equal(group.tensor, exact(levels).astype(expected_dtype))


def channels(values):
    return np.array(values, np.float32)[:, None, None]


@pytest.mark.parametrize("wanted", ColorOrder)
def test_channels_reach_their_place(wanted, encode):
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    declaration = PreprocessingDeclaration(size=(8, 8), color_order=wanted)
    first = 1.0 if wanted is ColorOrder.RGB else 0.0
    for images, order in (
        (red, ColorOrder.RGB),
        (red[:, :, ::-1], None),
        (np.ascontiguousarray(red[:, :, ::-1]), ColorOrder.BGR),
        (encode(red, "PNG"), None),
    ):
        tensor = run(declaration, images, order).groups[0].tensor[0]
        assert (tensor[0] == first).all()
        assert (tensor[1] == 0).all()
        assert (tensor[2] == 1 - first).all()


def test_grey_pictures_fill_three_channels(noise):
    grey = noise(10, 12, 0)
    declaration = PreprocessingDeclaration(size=(10, 12), divisor=None)
    for image in (grey, grey[:, :, None], np.repeat(grey[:, :, None], 3, axis=2)):
        tensor = run(declaration, image).groups[0].tensor[0]
        np.testing.assert_array_equal(tensor, np.stack([grey] * 3))


@pytest.mark.parametrize("contrast", Contrast)
def test_grey_and_equal_channels_get_the_same_contrast(contrast, noise):
    grey = cv2.GaussianBlur(noise(64, 80, 0), (0, 0), 2)
    colored = np.repeat(grey[:, :, None], 3, axis=2)
    difference = np.abs(enhance(grey, contrast).astype(int) - enhance(colored, contrast)[:, :, 1]).max()
    assert difference <= (1 if contrast is Contrast.ADAPTIVE_EQUALIZATION else 0)


def test_adjustments_can_be_switched_off(noise):
    picture = noise(40, 40)
    plain = PreprocessingDeclaration(size=(40, 40), divisor=None)
    rich = PreprocessingDeclaration(
        size=(40, 40),
        divisor=None,
        static_crop=StaticCrop(x_min=10, x_max=90, y_min=10, y_max=90),
        grayscale=True,
        contrast=Contrast.STRETCHING,
    )
    off = {"disable_static_crop": True, "disable_grayscale": True, "disable_contrast_enhancement": True}
    expected = run(plain, picture).groups[0].tensor
    np.testing.assert_array_equal(run(rich, picture, **off).groups[0].tensor, expected)
    for name in off:
        options = {**off, name: False}
        assert not np.array_equal(run(rich, picture, **options).groups[0].tensor, expected), name


def test_one_batch_for_one_size(noise):
    pictures = [noise(20, 30), noise(50, 20), noise(48, 64)]
    declaration = PreprocessingDeclaration(size=(48, 64), resize_mode="letterbox")
    (group,) = run(declaration, pictures).groups
    assert group.indices == (0, 1, 2)
    for i, picture in enumerate(pictures):
        np.testing.assert_array_equal(group.tensor[i], run(declaration, picture).groups[0].tensor[0])
        assert group.geometries[i].picture_size == picture.shape[:2]


def test_groups_of_one_size_each(noise):
    pictures = [noise(20, 40), noise(40, 20), noise(10, 20), noise(30, 30)]
    result = run(PreprocessingDeclaration(size=(64, 64), resize_mode="fit-longer-edge"), pictures)
    assert [group.indices for group in result.groups] == [(0, 2), (1,), (3,)]
    assert [group.tensor.shape[2:] for group in result.groups] == [(32, 64), (64, 32), (64, 64)]
    assert [source.reference is picture for source, picture in zip(result.sources, pictures, strict=True)] == [True] * 4


def test_inputs_are_not_changed(noise):
    picture = noise(64, 64)
    before = picture.copy()
    for contrast in (None, *Contrast):
        for mode in ResizeMode:
            declaration = PreprocessingDeclaration(
                size=(64, 64), resize_mode=mode, contrast=contrast, grayscale=contrast is None
            )
            run(declaration, picture)
    np.testing.assert_array_equal(picture, before)


def test_results_do_not_share_memory(noise):
    engine = CpuEngine(PreprocessingDeclaration(size=(64, 64)))
    first = engine(ImageLoader().load(noise(20, 30, seed=1))).groups[0].tensor
    kept = first.copy()
    engine(ImageLoader().load(noise(20, 30, seed=2)))
    np.testing.assert_array_equal(first, kept)


def test_threads_do_not_disturb_each_other(noise):
    engine = CpuEngine(PreprocessingDeclaration(size=(96, 96), resize_mode="letterbox"))
    pictures = [noise(50 + 7 * i, 60 + 3 * i, seed=i) for i in range(4)]
    expected = [engine(ImageLoader().load(picture)).groups[0].tensor for picture in pictures]
    wrong = []

    def work(i):
        for _ in range(200):
            tensor = engine(ImageLoader().load(pictures[i])).groups[0].tensor
            if not np.array_equal(tensor, expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_extreme_shapes():
    for mode in ResizeMode:
        for shape in ((1, 1, 3), (1, 5000, 3), (5000, 1, 3)):
            declaration = PreprocessingDeclaration(size=(64, 64), resize_mode=mode)
            tensor = run(declaration, np.full(shape, 255, np.uint8)).groups[0].tensor
            assert np.isfinite(tensor).all()
            assert tensor.max() == 1

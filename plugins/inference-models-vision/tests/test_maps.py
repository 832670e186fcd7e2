"""Maps of the whole picture, against loops over pixels that follow the definition."""

import math
import warnings

import numpy as np
import pytest
from inference_models_core.errors import ModelOutputError
from inference_models_core.types.preprocessing import PreprocessingDeclaration, ResizeMode, StaticCrop
from inference_models_vision.decoding.maps import Channels, class_map, value_map
from inference_models_vision.preprocessing.spatial import crop_box, fit

NETWORK = 64
CROP = StaticCrop(x_min=10, x_max=75, y_min=0, y_max=80)
CASES = [
    (mode, picture, crop, stride)
    for mode, picture in [
        (ResizeMode.STRETCH, (50, 90)),
        (ResizeMode.LETTERBOX, (90, 150)),
        (ResizeMode.LETTERBOX, (31, 12)),
        (ResizeMode.CENTER_CROP, (40, 60)),
        (ResizeMode.CENTER_CROP, (100, 40)),
        (ResizeMode.CENTER_CROP, (97, 131)),
    ]
    for crop in (None, CROP, StaticCrop(x_min=0, x_max=70, y_min=0, y_max=60))
    for stride in (1, 4)
]


def way(mode, picture, crop):
    declaration = PreprocessingDeclaration(size=(NETWORK, NETWORK), resize_mode=mode)
    return fit(declaration, picture, crop_box(crop, picture), (NETWORK, NETWORK))


def taps(plane, network, before, after, length):
    """For each pixel of one axis of the region the plane's pixels that it is made of, with weights; none if unseen."""
    before, after = round(plane / network * before), round(plane / network * after)
    seen = plane - before - after
    step = seen / length
    reach = max(step, 1.0)
    for pixel in range(length):
        centre = (pixel + 0.5) * step
        found = {}
        for place in range(seen):
            weight = 1 - abs(place + 0.5 - centre) / reach
            if weight > 0:
                found[place + before] = weight
        inside = {place: weight for place, weight in found.items() if 0 <= place < plane}
        enough = sum(inside.values()) > 0.5 * sum(found.values())
        yield {place: weight / sum(inside.values()) for place, weight in inside.items()} if enough else {}


def resized(plane, geometry):
    """(H, W) of the picture; NaN where the network saw nothing."""
    (height, width), network = plane.shape, geometry.network_size
    rows = list(taps(height, network[0], geometry.pad_top, geometry.pad_bottom, geometry.region_size[0]))
    columns = list(taps(width, network[1], geometry.pad_left, geometry.pad_right, geometry.region_size[1]))
    found = np.full(geometry.picture_size, np.nan)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            if row and column:
                value = sum(plane[i, j] * v * h for i, v in row.items() for j, h in column.items())
                found[y + geometry.offset_y, x + geometry.offset_x] = value
    return found


def naive_classes(logits, geometry, ids, thresholds, background, independent):
    planes = np.stack([resized(plane, geometry) for plane in logits.astype(np.float64)])
    classes = np.full(geometry.picture_size, background)
    confidence = np.zeros(geometry.picture_size)
    for place in np.argwhere(~np.isnan(planes[0])):
        values = planes[:, place[0], place[1]]
        best = int(values.argmax())
        if independent or len(values) == 1:
            score = 1 / (1 + math.exp(-values[best]))
        else:
            score = 1 / sum(math.exp(value - values[best]) for value in values)
        if score >= thresholds[best]:
            classes[tuple(place)], confidence[tuple(place)] = ids[best], score
    return classes, confidence


@pytest.mark.parametrize(("mode", "picture", "crop", "stride"), CASES)
def test_values_against_the_definition(mode, picture, crop, stride):
    geometry = way(mode, picture, crop)
    plane = np.random.default_rng(1).normal(5, 2, (NETWORK // stride,) * 2).astype(np.float32)
    found = value_map(plane, geometry)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.nan_to_num(resized(plane, geometry)), atol=2e-5)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize(("mode", "picture", "crop", "stride"), CASES[1::5])
def test_classes_against_the_definition(mode, picture, crop, stride, channels, independent):
    geometry = way(mode, picture, crop)
    random = np.random.default_rng(channels)
    logits = random.normal(0, 2, (channels, NETWORK // stride, NETWORK // stride)).astype(np.float32)
    ids = random.permutation(channels + 1)[:channels].astype(np.uint8)
    thresholds = random.uniform(0.2, 0.8, channels).astype(np.float32)
    found = class_map(logits, geometry, Channels(ids, thresholds, 7, independent))
    classes, confidence = naive_classes(logits, geometry, ids, thresholds, 7, independent)
    doubtful = np.isclose(confidence, 0) != np.isclose(found[1], 0)  # scores that are the threshold but for rounding
    assert doubtful.mean() < 1e-3
    assert (found[0] == classes)[~doubtful].all()
    np.testing.assert_allclose(found[1][~doubtful], confidence[~doubtful], atol=1e-5)
    assert found[0].dtype == np.uint8
    assert found[1].dtype == np.float32


@pytest.mark.parametrize("picture", [(70, 300), (333, 129), (700, 1100)])
def test_tiles_leave_no_seams(picture):
    """Pictures of many tiles: a ramp stays a ramp."""
    geometry = way(ResizeMode.STRETCH, picture, None)
    ramp = np.add.outer(np.arange(NETWORK), 2 * np.arange(NETWORK)).astype(np.float32)
    y, x = ((np.arange(side) + 0.5) * NETWORK / side - 0.5 for side in picture)
    inner = np.ix_((y >= 0) & (y <= NETWORK - 1), (x >= 0) & (x <= NETWORK - 1))
    expected = np.add.outer(y, 2 * x)[inner]
    middle = np.s_[10:-10, 10:-10]
    np.testing.assert_allclose(value_map(ramp, geometry)[inner][middle], expected[middle], atol=1e-3)


def test_many_classes_and_ties():
    """More than fit into a byte; of equals the first wins."""
    geometry = way(ResizeMode.STRETCH, (NETWORK, NETWORK), None)
    winners = np.arange(NETWORK * NETWORK).reshape(NETWORK, NETWORK) % 300
    logits = np.where(np.arange(300)[:, None, None] == winners, 30, 0).astype(np.float32)
    logits[299] = logits[298] = np.maximum(logits[298], logits[299])
    channels = Channels(np.arange(300, dtype=np.uint16), np.full(300, 0.4, np.float32), 0)
    classes, confidence = class_map(logits, geometry, channels)
    np.testing.assert_array_equal(classes, np.where(winners == 299, 298, winners))
    np.testing.assert_allclose(confidence, np.where(winners >= 298, 0.5, 1), atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("independent", [False, True])
def test_what_depends_on_no_number_is_background(value, independent):
    geometry = way(ResizeMode.STRETCH, (2 * NETWORK, 2 * NETWORK), None)
    logits = np.full((3, NETWORK, NETWORK), 0, np.float32)
    logits[2] = 9
    logits[1, 10, 20] = value
    channels = Channels(np.arange(3, dtype=np.uint8), np.full(3, 0.4, np.float32), 0, independent)
    classes, confidence = class_map(logits, geometry, channels)
    expected = np.full((2 * NETWORK, 2 * NETWORK), 2)
    expected[19:23, 39:43] = 0
    np.testing.assert_array_equal(classes, expected)
    np.testing.assert_array_equal(confidence > 0, expected == 2)
    depth = value_map(logits[1] + 3, geometry)
    np.testing.assert_allclose(depth, np.where(expected == 2, 3, 0))


def test_a_class_that_is_ruled_out_by_infinity():
    geometry = way(ResizeMode.STRETCH, (100, 80), None)
    logits = np.zeros((3, NETWORK, NETWORK), np.float32)
    logits[0], logits[1] = -np.inf, 2
    channels = Channels(np.arange(3, dtype=np.uint8), np.full(3, 0.4, np.float32), 0)
    classes, confidence = class_map(logits, geometry, channels)
    assert (classes == 1).all()
    np.testing.assert_allclose(confidence, 1 / (1 + math.exp(-2)), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4), (0, 4, 4), (2, 0, 4), (2, 4, 0), (1, 2, 3, 4), ()])
def test_what_is_no_map(shape):
    geometry = way(ResizeMode.STRETCH, (10, 10), None)
    channels = Channels(np.arange(3, dtype=np.uint8), np.zeros(3, np.float32), 0)
    with pytest.raises(ModelOutputError):
        class_map(np.zeros(shape, np.float32), geometry, channels)


def test_a_picture_thinner_than_a_pixel_of_the_plane():
    geometry = way(ResizeMode.LETTERBOX, (4, 900), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = value_map(np.full((8, 8), 2, np.float32), geometry)
    np.testing.assert_allclose(found, np.full((4, 900), 2), rtol=1e-5)

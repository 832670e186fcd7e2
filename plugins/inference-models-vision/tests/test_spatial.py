"""Sizes, scales and paddings against formulas written down once more, and the round trip as a property."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core.errors import InputError
from inference_models_core.types.preprocessing import (
    DynamicSize,
    PreprocessingDeclaration,
    ResizeMode,
    Rounding,
    StaticCrop,
)
from inference_models_vision.preprocessing.spatial import crop_box, fit, target_size

side = st.integers(1, 3000)
target_side = st.integers(8, 1280)


def geometry_of(picture, target, mode, rounding=Rounding.TRUNCATE, crop=None):
    declaration = PreprocessingDeclaration(size=target, resize_mode=mode, rounding=rounding, static_crop=crop)
    return fit(declaration, picture, crop_box(crop, picture), target)


def all_sizes(count):
    rng = np.random.default_rng(7)
    yield from [(1, 1), (1, 4000), (4000, 1), (640, 640), (641, 639), (1080, 1920), (720, 1280), (479, 640), (3, 10000)]
    yield from (tuple(map(int, size)) for size in rng.integers(1, 4000, (count, 2)))


def test_letterbox_truncates():
    """``int(side * scale)`` and half of the rest, cut off; in the order of operations of the original."""
    for height, width in all_sizes(5000):
        geometry = geometry_of((height, width), (640, 512), ResizeMode.LETTERBOX)
        scale = min(512 / width, 640 / height)
        new_width, new_height = max(int(width * scale), 1), max(int(height * scale), 1)
        left, top = int((512 - new_width) / 2), int((640 - new_height) / 2)
        assert (geometry.pad_left, geometry.pad_top) == (left, top)
        assert (geometry.pad_right, geometry.pad_bottom) == (512 - new_width - left, 640 - new_height - top)
        assert geometry.scale_x == geometry.scale_y == scale
        assert geometry.network_size == (640, 512)


def ultralytics_letterbox(shape, new_shape):
    """The published steps: ratio, unpadded size, halves of the rest, borders. Returns size (w, h), top, left."""
    ratio = min(new_shape[0] / shape[0], new_shape[1] / shape[1])
    unpadded = round(shape[1] * ratio), round(shape[0] * ratio)
    half_w, half_h = (new_shape[1] - unpadded[0]) / 2, (new_shape[0] - unpadded[1]) / 2
    top, bottom = round(half_h - 0.1), round(half_h + 0.1)
    left, right = round(half_w - 0.1), round(half_w + 0.1)
    assert unpadded[0] + left + right == new_shape[1]
    assert unpadded[1] + top + bottom == new_shape[0]
    return unpadded, top, left


def ultralytics_scale_boxes(net_shape, boxes, shape):
    """The way back as of version 8.4: the gain of each rounded side, padding by which the picture was moved, clip."""
    gain = min(net_shape[0] / shape[0], net_shape[1] / shape[1])
    new_height, new_width = round(shape[0] * gain), round(shape[1] * gain)
    pad_x, pad_y = round((net_shape[1] - new_width) / 2 - 0.1), round((net_shape[0] - new_height) / 2 - 0.1)
    gains = np.array([new_width / shape[1], new_height / shape[0]] * 2)
    boxes = (boxes - np.array([pad_x, pad_y] * 2)) / gains
    return boxes.clip(0, [shape[1], shape[0], shape[1], shape[0]])


def test_letterbox_rounds_as_ultralytics():
    boxes = np.random.default_rng(3).uniform(0, 640, (5, 4)).astype(np.float32)
    for shape in all_sizes(5000):
        if min(shape) * 640 / max(shape) < 1:
            continue  # the original cannot resize to nothing
        geometry = geometry_of(shape, (640, 512), ResizeMode.LETTERBOX, Rounding.ULTRALYTICS)
        unpadded, top, left = ultralytics_letterbox(shape, (640, 512))
        assert (geometry.pad_left, geometry.pad_top) == (left, top)
        assert 512 - geometry.pad_left - geometry.pad_right == unpadded[0]
        assert 640 - geometry.pad_top - geometry.pad_bottom == unpadded[1]
        expected = ultralytics_scale_boxes((640, 512), boxes, shape)
        np.testing.assert_allclose(geometry.boxes_to_picture(boxes), expected, atol=0.01)


def test_the_two_roundings_differ_somewhere():
    differing = sum(
        geometry_of(size, (640, 640), ResizeMode.LETTERBOX)
        != geometry_of(size, (640, 640), ResizeMode.LETTERBOX, Rounding.ULTRALYTICS)
        for size in all_sizes(1000)
    )
    assert differing > 100


def test_reflect_edges_is_placed_as_letterbox():
    for size in all_sizes(50):
        assert geometry_of(size, (320, 640), ResizeMode.LETTERBOX_REFLECT_EDGES) == geometry_of(
            size, (320, 640), ResizeMode.LETTERBOX
        )


def test_center_crop():
    for height, width in all_sizes(2000):
        geometry = geometry_of((height, width), (32, 50), ResizeMode.CENTER_CROP)
        assert geometry.scale_x == geometry.scale_y == 1
        for size, target, before, after in (
            (width, 50, geometry.pad_left, geometry.pad_right),
            (height, 32, geometry.pad_top, geometry.pad_bottom),
        ):
            assert before + after == target - size
            assert abs(before) == math.floor(abs(target - size) / 2)


def test_center_crop_of_a_known_picture():
    geometry = geometry_of((67, 71), (32, 32), ResizeMode.CENTER_CROP)
    assert (geometry.pad_left, geometry.pad_top, geometry.pad_right, geometry.pad_bottom) == (-19, -17, -20, -18)


def test_stretch():
    for height, width in all_sizes(100):
        geometry = geometry_of((height, width), (640, 512), ResizeMode.STRETCH)
        assert (geometry.scale_x, geometry.scale_y) == (512 / width, 640 / height)
        assert (geometry.pad_left, geometry.pad_top, geometry.pad_right, geometry.pad_bottom) == (0, 0, 0, 0)


@given(side, side, target_side, target_side)
def test_fit_longer_edge(height, width, target_height, target_width):
    geometry = geometry_of((height, width), (target_height, target_width), ResizeMode.FIT_LONGER_EDGE)
    new_height, new_width = geometry.network_size
    scale = min(Fraction(target_height, height), Fraction(target_width, width))
    assert new_height <= target_height
    assert new_width <= target_width
    assert new_height == target_height or new_width == target_width
    assert abs(new_height - max(height * scale, 1)) <= Fraction(1, 2)
    assert abs(new_width - max(width * scale, 1)) <= Fraction(1, 2)
    assert geometry.pad_left == geometry.pad_bottom == 0


def crops():
    edges = st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda pair: pair[0] + 5 < pair[1])
    return st.none() | st.builds(lambda x, y: StaticCrop(x_min=x[0], x_max=x[1], y_min=y[0], y_max=y[1]), edges, edges)


@settings(max_examples=300)
@given(
    st.integers(30, 3000),
    st.integers(30, 3000),
    target_side,
    target_side,
    st.sampled_from(ResizeMode),
    st.sampled_from(Rounding),
    crops(),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6),
)
def test_there_and_back(height, width, target_height, target_width, mode, rounding, crop, shares):
    geometry = geometry_of((height, width), (target_height, target_width), mode, rounding, crop)
    points = np.array(shares) * [width, height]
    back = geometry.points_to_picture(geometry.points_to_network(points))
    np.testing.assert_allclose(back, points, atol=1e-6)
    boxes = np.concatenate([points[:1], points[1:2]], axis=1)
    np.testing.assert_allclose(geometry.boxes_to_picture(geometry.boxes_to_network(boxes)), boxes, atol=1e-3)


@settings(max_examples=300)
@given(st.integers(30, 3000), st.integers(30, 3000), st.sampled_from(ResizeMode), st.sampled_from(Rounding), crops())
def test_corners_of_the_region_meet_the_resized_picture(height, width, mode, rounding, crop):
    """Within the pixel that rounding may cost: the arithmetic way agrees with where the pixels really are."""
    geometry = geometry_of((height, width), (640, 480), mode, rounding, crop)
    left, top = geometry.offset_x, geometry.offset_y
    corners = [[left, top], [left + geometry.region_size[1], top + geometry.region_size[0]]]
    (x1, y1), (x2, y2) = geometry.points_to_network(np.array(corners))
    net_height, net_width = geometry.network_size
    assert (x1, y1) == pytest.approx((geometry.pad_left, geometry.pad_top), abs=1e-6)
    assert abs(x2 - (net_width - geometry.pad_right)) <= 1  # truncation can lose a whole pixel: int(107 * 640 / 107)
    assert abs(y2 - (net_height - geometry.pad_bottom)) <= 1


def test_static_crop_cuts_fractions_off():
    crop = StaticCrop(x_min=10, x_max=33, y_min=0, y_max=50)
    assert crop_box(crop, (77, 125)) == (12, 0, 41, 38)
    assert crop_box(None, (77, 125)) == (0, 0, 125, 77)
    with pytest.raises(InputError, match="too small"):
        crop_box(StaticCrop(x_min=10, x_max=20, y_min=0, y_max=100), (4, 4))


def test_input_size_of_a_call():
    fixed = PreprocessingDeclaration(size=(64, 96))
    divisible = PreprocessingDeclaration(size=(64, 96), dynamic_size=DynamicSize(divisor=32))
    anything = PreprocessingDeclaration(size=(64, 96), dynamic_size=DynamicSize())
    assert target_size(fixed, None) == target_size(fixed, (64, 96)) == (64, 96)
    assert target_size(divisible, (33, 64)) == (64, 64)
    assert target_size(divisible, 100) == (128, 128)
    assert target_size(anything, [33, 65]) == (33, 65)
    with pytest.raises(InputError, match="64x96"):
        target_size(fixed, 64)
    for wrong in (0, -1, (1,), (1, 2, 3), "640", 64.0, (64, 0), (64.0, 64)):
        with pytest.raises(InputError, match="image_size"):
            target_size(anything, wrong)

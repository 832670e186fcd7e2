"""The way to the network and back is one value and its own inverse."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.types.geometry import Geometry

scale = st.floats(0.01, 50)
pad = st.integers(-500, 500)
offset = st.integers(0, 1000)
size = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
points = st.lists(st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)), min_size=1, max_size=8)

geometries = st.builds(
    lambda picture, **mapping: Geometry(picture_size=picture, region_size=picture, network_size=(640, 640), **mapping),
    size,
    scale_x=scale,
    scale_y=scale,
    pad_left=pad,
    pad_top=pad,
    offset_x=offset,
    offset_y=offset,
)


@given(geometries, points)
def test_points_go_there_and_back(geometry, xy):
    xy = np.array(xy)
    np.testing.assert_allclose(geometry.points_to_picture(geometry.points_to_network(xy)), xy, atol=1e-6)
    np.testing.assert_allclose(geometry.points_to_network(geometry.points_to_picture(xy)), xy, atol=1e-6)


@given(geometries, points)
def test_the_formula(geometry, xy):
    for (x, y), (network_x, network_y) in zip(xy, geometry.points_to_network(np.array(xy)).tolist(), strict=True):
        expected_x = (x - geometry.offset_x) * geometry.scale_x + geometry.pad_left
        expected_y = (y - geometry.offset_y) * geometry.scale_y + geometry.pad_top
        np.testing.assert_allclose((network_x, network_y), (expected_x, expected_y), atol=1e-6)


@given(geometries, points)
def test_boxes_are_their_corners_clipped_to_the_picture(geometry, xy):
    first = np.array(xy)
    boxes = np.hstack([first, first + 10])
    mapped = geometry.boxes_to_picture(boxes)
    corners = geometry.points_to_picture(boxes.reshape(-1, 2)).reshape(-1, 4)
    height, width = geometry.picture_size
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped[:, 0::2], corners[:, 0::2].clip(0, width), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(mapped[:, 1::2], corners[:, 1::2].clip(0, height), rtol=1e-6, atol=1e-6)


@given(geometries, points)
def test_boxes_to_the_network_keep_their_shape(geometry, xy):
    boxes = np.hstack([np.array(xy), np.array(xy)]).reshape(1, -1, 4)
    mapped = geometry.boxes_to_network(boxes)
    assert mapped.shape == boxes.shape
    np.testing.assert_allclose(mapped[..., :2], geometry.points_to_network(boxes[..., :2]))


def test_no_boxes():
    geometry = Geometry(picture_size=(4, 5), region_size=(4, 5), network_size=(8, 8))
    assert geometry.boxes_to_picture(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_points_are_not_clipped():
    geometry = Geometry(picture_size=(4, 5), region_size=(4, 5), network_size=(8, 8), scale_x=2.0, scale_y=2.0)
    assert geometry.points_to_picture(np.array([[-2.0, 100.0]])).tolist() == [[-1.0, 50.0]]


def test_infinite_boxes_are_clipped():
    geometry = Geometry(picture_size=(4, 5), region_size=(4, 5), network_size=(8, 8), scale_x=2.0, scale_y=2.0)
    inf = float("inf")
    assert geometry.boxes_to_picture(np.array([[-inf, -inf, inf, inf]])).tolist() == [[0.0, 0.0, 5.0, 4.0]]

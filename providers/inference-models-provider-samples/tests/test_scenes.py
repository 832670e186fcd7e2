"""The generator of scenes: the same seed gives the same picture, and the truth about it is true."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import EXTENTS, MAXIMUM_OBJECTS, MINIMUM_VISIBLE, SIZES, generate_scene
from shapes import CLASS_NAMES, SHAPES, bounds, placed

SEEDS = range(12)


@pytest.fixture(scope="module")
def scenes():
    return [generate_scene(seed) for seed in SEEDS]


def test_a_seed_decides_everything(scenes):
    again = generate_scene(SEEDS[3])
    assert np.array_equal(again.image, scenes[3].image)
    assert np.array_equal(again.boxes, scenes[3].boxes)
    assert np.array_equal(again.class_ids, scenes[3].class_ids)


def test_seeds_differ(scenes):
    assert len({scene.image.tobytes() for scene in scenes}) == len(scenes)


def test_pictures_are_bgr_bytes_of_a_listed_size(scenes):
    for scene in scenes:
        assert scene.image.dtype == np.uint8
        assert scene.image.shape[::-1][1:] in SIZES
        assert scene.labels.shape == scene.image.shape[:2]


def test_size_and_count_can_be_asked_for():
    scene = generate_scene(1, width=200, height=120, objects=3)
    assert scene.image.shape == (120, 200, 3)
    assert len(scene.objects) <= 3
    empty = generate_scene(1, width=64, height=64, objects=0)
    assert empty.boxes.shape == (0, 4)
    assert empty.class_ids.shape == (0,)


def test_boxes_lie_inside_the_picture_and_have_an_area(scenes):
    for scene in scenes:
        height, width = scene.image.shape[:2]
        assert 1 <= len(scene.objects) <= MAXIMUM_OBJECTS
        assert scene.boxes.dtype == np.float32
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= [width, height, width, height]).all()
        assert (scene.boxes[:, 2:] - scene.boxes[:, :2] > 1).all()


def test_boxes_enclose_what_is_visible(scenes):
    for scene in scenes:
        for index, box in enumerate(scene.boxes, start=1):
            rows, columns = np.nonzero(scene.labels == index)
            extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(box - extent).max() <= 0.5


def test_objects_are_visible_enough_to_be_recognised(scenes):
    visible = np.concatenate([scene.visible for scene in scenes])
    assert visible.min() >= MINIMUM_VISIBLE
    assert visible.max() <= 1
    assert (visible < 0.98).any(), "no object is hidden or cut at all: the scenes are too easy"


def test_an_object_shows_in_the_picture():
    """Painting follows the layout: against the same ground the pixels change where the label says."""
    scene = generate_scene(8, width=320, height=240, objects=1)
    inside = cv2.erode((scene.labels == 1).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    around = cv2.dilate((scene.labels == 1).astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool) & (
        scene.labels == 0
    )
    difference = scene.image[inside].mean(axis=0) - scene.image[around].mean(axis=0)
    assert np.abs(difference).max() > 10


def test_sizes_span_the_stated_range():
    extents = []
    for seed in range(60):
        scene = generate_scene(seed, width=160, height=120)
        for item in scene.objects:
            box = bounds(item.contours)
            extents.append((box[2:] - box[:2]).max() / 160)
    assert min(extents) >= EXTENTS[0] * 0.99
    assert max(extents) <= EXTENTS[1] * 1.01
    assert min(extents) < 0.06
    assert max(extents) > 0.4


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_shapes_are_placed_where_and_as_large_as_asked(name):
    rng = np.random.default_rng(5)
    contours = placed(SHAPES[name](rng), extent=40, angle=rng.uniform(0, 6), centre=(100, 50))
    box = bounds(contours)
    assert (box[2:] - box[:2]).max() == pytest.approx(40, abs=1e-3)
    assert (box[:2] + box[2:]) / 2 == pytest.approx([100, 50], abs=1e-3)
    assert len(contours) == (2 if name == "ring" else 1)

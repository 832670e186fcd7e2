from __future__ import annotations

import io

import attrs
import numpy as np
import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.predictions import (
    Classification,
    DepthMap,
    Detections,
    GazeDetections,
    ImageSource,
    KeyPointDetections,
    Points,
    Text,
)
from inference_models_core.predictions.drawing.canvas import Canvas
from inference_models_core.predictions.drawing.labels import draw_labels
from inference_models_core.predictions.drawing.palette import INK, WHITE, class_color, color_scale, text_color
from inference_models_core.predictions.drawing.shapes import box, disc, outline, rounded_rectangle, segment
from inference_models_core.predictions.drawing.text import typeface
from PIL import Image

BACKGROUND = (200, 90, 10)  # the fixture's BGR picture, as RGB


def changed(array):
    return (array != BACKGROUND).any(axis=2)


def blank(height=100, width=100):
    return np.zeros((height, width, 3), np.uint8)


def one_box(corners, size=(120, 200), class_id=0):
    pixels = np.full((*size, 3), 128, np.uint8)
    image = ImageSource(reference=pixels, size=size)
    return Detections(xyxy=[corners], class_id=[class_id], confidence=[0.5], image=image)


def test_every_prediction_draws_on_a_copy(build, prediction):
    before = prediction.image.reference.copy()
    picture = prediction.plot()
    assert picture.array.shape == (120, 200, 3)
    assert picture.array.dtype == np.uint8
    assert changed(picture.array).any()
    np.testing.assert_array_equal(prediction.image.reference, before)
    assert not np.shares_memory(picture.array, prediction.image.reference)


def test_empty_results_leave_the_picture_as_it_is(make):
    assert not changed(make(0).plot().array).any()


def test_mixed_colour_orders_give_one_picture(build):
    result = build.detections(3)
    bgr = build.picture()
    rgb = np.ascontiguousarray(bgr[:, :, ::-1])
    pictures = [result.plot(), result.plot(bgr), result.plot(Image.fromarray(rgb))]
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture.array, pictures[0].array)


def test_box_edges_have_the_class_colour_and_the_inside_stays():
    result = one_box([20, 30, 80, 90], class_id=4)
    array = result.plot(labels=False, line_width=2).array
    color = class_color(4)
    for y, x in ((30, 50), (89, 50), (60, 20), (60, 79), (30, 20), (90, 80)):
        assert tuple(array[y, x]) == color
    assert (array[32:88, 22:78] == 128).all()
    outside = np.ones(array.shape[:2], bool)
    outside[29:91, 19:81] = False
    assert (array[outside] == 128).all()


@pytest.mark.parametrize(
    "corners",
    [
        [0, 0, 200, 120],
        [-50, -50, 300, 300],
        [190, 110, 200, 120],
        [5, 5, 5, 5],
        [1e30, 0, 1e30, 5],
        [np.nan, 0, 5, 5],
        [0, 0, np.inf, 5],
        [80, 90, 20, 30],
    ],
)
def test_any_box_can_be_drawn(corners):
    array = one_box(corners).plot().array
    assert array.shape == (120, 200, 3)
    assert ((array != 128).any()) == bool(np.isfinite(corners).all())


def test_a_frame_around_the_whole_picture_is_visible():
    array = one_box([0, 0, 200, 120]).plot(labels=False, line_width=3).array
    color = class_color(0)
    for band in (array[:3], array[-3:], array[:, :3], array[:, -3:]):
        assert (band == color).all()


def test_confident_boxes_lie_on_top(build):
    pixels = blank()
    result = Detections(
        xyxy=[[10, 10, 60, 60]] * 2,
        class_id=[1, 2],
        confidence=[0.9, 0.1],
        image=ImageSource(reference=pixels, size=(100, 100)),
    )
    assert tuple(result.plot(labels=False).array[10, 30]) == class_color(1)


def test_labels_can_be_switched_off(build):
    for result in (build.detections(3), build.classification(), build.text()):
        with_labels, without = result.plot().array, result.plot(labels=False).array
        assert changed(with_labels).sum() > changed(without).sum()


@pytest.mark.parametrize("corners", [(0, 0, 20, 20), (180, 0, 200, 20), (180, 100, 200, 120), (0, 100, 9, 120)])
@pytest.mark.parametrize("text", ["cat 0.50", "a name far too long for such a small picture 0.50"])
def test_labels_stay_inside(corners, text):
    canvas = Canvas(np.full((120, 200, 3), 128, np.uint8), font_size=12)
    draw_labels(canvas, [text], [corners], [(255, 0, 0)])
    left, top, right, bottom = canvas.occupied[0]
    assert left >= 0
    assert top >= 0
    assert right <= 200
    assert bottom <= 120


def test_labels_avoid_each_other():
    canvas = Canvas(np.zeros((300, 400, 3), np.uint8))
    boxes = [(100, 100, 220, 200), (100, 100, 220, 200), (102, 101, 225, 203), (98, 99, 219, 202)]
    draw_labels(canvas, ["cat 0.5"] * 4, boxes, [class_color(i) for i in range(4)])
    covered = np.zeros((300, 400), int)
    for left, top, right, bottom in canvas.occupied:
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1


@pytest.mark.parametrize(
    "name", ["Grüße", "猫", "кошка", "😀", "\ud800", "a\nb\tc", "", "\x00\x1b[31m", "ع", "x" * 5000]
)
def test_any_name_can_be_written(build, name):
    result = attrs.evolve(build.detections(3), class_names=(name,) * 3)
    assert changed(result.plot().array).any()
    scores = Classification(confidence=[0.5, 0.5], class_names=(name, name), image=build.source())
    assert changed(scores.plot().array).any()
    assert Text(text=name, image=build.source()).plot().array.shape == (120, 200, 3)


def test_accents_are_dropped_where_the_font_has_none(monkeypatch):
    from inference_models_core.predictions.drawing import text

    monkeypatch.setattr(text, "_system_font", lambda: None)
    face = typeface(["Grüße é 猫"], 14)
    np.testing.assert_array_equal(face.coverage("é ü 猫"), face.coverage("e u ?"))
    assert face.coverage("e").any()


def test_a_missing_font_is_a_typed_error(build):
    with pytest.raises(InvalidRequestError, match=r"nowhere\.ttf"):
        build.detections(1).plot(font="nowhere.ttf")


@pytest.mark.parametrize("options", [{"opacity": 1.5}, {"opacity": -0.1}, {"line_width": 0}, {"font_size": 0}])
def test_options_are_checked(build, options):
    with pytest.raises(InvalidRequestError):
        build.detections(1).plot(**options)


@pytest.mark.parametrize(("size", "width"), [((64, 64), 1), ((720, 1280), 3), ((2160, 3840), 8)])
def test_lines_grow_with_the_picture(size, width):
    assert Canvas(np.zeros((*size, 3), np.uint8)).line_width == width


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (8, 8)])
def test_tiny_pictures_can_be_drawn_on(size):
    image = ImageSource(reference=np.zeros((*size, 3), np.uint8), size=size)
    height, width = size
    results = [
        Detections(xyxy=[[0, 0, width, height]], class_id=[0], confidence=[1], class_names=("name",), image=image),
        Classification(confidence=[0.5, 0.5], image=image),
        Text(text="some words\nand more", image=image),
        DepthMap(depth=np.ones(size), image=image),
    ]
    for result in results:
        assert result.plot().array.shape == (*size, 3)


def test_masks_are_tinted_and_the_rest_is_not(build):
    result = build.instances(1)
    array = result.plot(labels=False, opacity=0.5, line_width=1).array
    mask = result.masks[0]
    color, inside = np.array(class_color(0)), array[50:60, 40:50].astype(int)
    assert (abs(inside - (color + BACKGROUND) / 2) <= 0.5).all()
    assert (array[35, 25:70] == color).all()  # the mask's upper edge
    rows, columns = np.nonzero(changed(array) & ~mask)
    frame = (abs(rows - 30) <= 1) | (abs(rows - 90) <= 1) | (abs(columns - 20) <= 1) | (abs(columns - 80) <= 1)
    assert frame.all()


def test_opacity_reaches_from_nothing_to_all(build):
    result = build.interactive(1)
    inner = (slice(45, 70), slice(35, 60))
    assert (result.plot(opacity=0).array[inner] == BACKGROUND).all()
    assert (result.plot(opacity=1).array[inner] == class_color(0)).all()


def test_outline_is_the_inner_edge():
    mask = np.ones((6, 8), bool)
    pixels = blank(20, 20)
    outline(pixels, mask, 3, 4, 1, WHITE)
    expected = np.zeros((20, 20), bool)
    expected[4:10, 3:11] = True
    expected[5:9, 4:10] = False
    np.testing.assert_array_equal(pixels[:, :, 0] == 255, expected)


def test_key_points_and_joins():
    pixels = blank()
    result = KeyPointDetections(
        xyxy=[[5, 5, 95, 95]],
        class_id=[0],
        confidence=[0.9],
        key_points=[[[20, 20], [80, 20], [50, 80]]],
        key_points_confidence=[[1, 1, 0]],
        skeletons=[[(0, 1), (1, 2)]],
        image=ImageSource(reference=pixels, size=(100, 100)),
    )
    array = result.plot(labels=False, line_width=2).array
    assert tuple(array[20, 20]) == class_color(0)
    assert tuple(array[20, 80]) == class_color(0)
    assert array[20, 50].any()
    assert not array[80, 50].any()
    assert not array[50, 65].any()


def test_key_points_that_are_not_finite_are_left_out():
    result = KeyPointDetections(
        xyxy=[[5, 5, 95, 95]],
        class_id=[0],
        confidence=[0.9],
        key_points=[[[np.nan, 20], [80, np.inf]]],
        key_points_confidence=[[1, 1]],
        skeletons=[[(0, 1)]],
        image=ImageSource(reference=blank(), size=(100, 100)),
    )
    assert not result.plot(labels=False, line_width=1).array[10:90, 10:90].any()


@pytest.mark.parametrize(
    ("yaw", "pitch", "tip"), [(np.pi / 2, 0, (50, 20)), (-np.pi / 2, 0, (50, 80)), (0, np.pi / 2, (20, 50))]
)
def test_gaze_points_where_the_face_looks(yaw, pitch, tip):
    result = GazeDetections(
        xyxy=[[34, 34, 66, 66]],
        class_id=[0],
        confidence=[1],
        yaw=[yaw],
        pitch=[pitch],
        image=ImageSource(reference=blank(), size=(100, 100)),
    )
    array = result.plot(labels=False, line_width=2).array
    assert tuple(array[tip]) == class_color(0)
    opposite = (100 - tip[0], 100 - tip[1])
    assert not array[opposite].any()


def test_points_are_dots():
    image = ImageSource(reference=blank(), size=(100, 100))
    result = Points(xy=[[30, 40], [np.nan, 5]], class_id=[3, 1], confidence=[1, 1], image=image)
    array = result.plot(labels=False, line_width=2).array
    assert tuple(array[40, 30]) == class_color(3)
    assert not array[60:].any()


def test_segmentation_leaves_the_background(build):
    array = build.segmentation().plot(labels=False, opacity=1).array
    assert (array[110:, :] == BACKGROUND).all()
    assert (array[90:99, 60:140] == class_color(2)).all()
    assert (array[42:58, 72:88] == class_color(9)).all()


def test_depth_uses_the_whole_scale():
    depth = np.tile(np.linspace(2, 4, 256, dtype=np.float32), (10, 1))
    depth[5] = np.nan
    result = DepthMap(depth=depth, image=ImageSource(reference=blank(10, 256), size=(10, 256)))
    array = result.plot(labels=False).array
    np.testing.assert_array_equal(array[0], color_scale())
    assert not array[5].any()
    assert DepthMap(depth=np.ones((4, 4))).plot(blank(4, 4)).array.shape == (4, 4, 3)


def test_the_scale_gets_lighter_with_the_value():
    luminance = color_scale() @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luminance) >= 0).all()


def test_class_colours_differ_and_are_readable():
    colors = np.array([class_color(i) for i in range(20)], float)
    distances = np.linalg.norm(colors[:, None] - colors[None], axis=2)
    assert distances[~np.eye(20, dtype=bool)].min() > 25
    for color in map(class_color, range(100)):
        assert contrast(color, text_color(color)) >= 4.5
    assert class_color(-1) != class_color(0)
    assert (text_color((255, 255, 0)), text_color((0, 0, 120))) == (INK, WHITE)


def contrast(first, second):
    def luminance(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("place", [(50, 50), (0, 0), (99, 3), (-100, -100), (300, 50)])
def test_smooth_shapes_are_cut_at_the_border(place):
    pixels = blank()
    x, y = place
    disc(pixels, x, y, 10, WHITE)
    segment(pixels, (x, y), (x + 30, y + 5), 4, WHITE)
    rounded_rectangle(pixels, (x, y, x + 20, y + 10), 3, WHITE)
    box(pixels, (x, y, x + 20, y + 10), 200, WHITE)
    assert pixels.shape == (100, 100, 3)


def test_a_disc_has_its_area():
    pixels = blank()
    disc(pixels, 50, 50, 20, WHITE)
    assert pixels[:, :, 0].sum() / 255 == pytest.approx(np.pi * 400, rel=0.01)
    np.testing.assert_array_equal(pixels, pixels[::-1, ::-1])


def test_a_picture_saves_and_shows(build, tmp_path):
    picture = build.detections(3).plot()
    target = picture.save(tmp_path / "out.png")
    np.testing.assert_array_equal(np.asarray(Image.open(target)), picture.array)
    assert picture.save(tmp_path / "out.jpg", quality=95).stat().st_size > 0
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture._repr_png_()))), picture.array)
    assert picture.pil.size == (200, 120)
    assert repr(picture) == "Picture(200x120)"

"""Where text is: maps of probabilities with rotated rectangles, recovered, and maps that are none."""

from __future__ import annotations

import numpy as np
import pytest
from inference_models_core.errors import InputError, ModelOutputError, PackageError
from inference_models_core.runner import Runner
from inference_models_core.types.devices import CPU
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.tensors import TensorSpec

pytest.importorskip("pyclipper")
pytest.importorskip("yaml")

import cv2
from inference_models_vision.configuration.pp_ocr import RegionSettings, SideLimit
from inference_models_vision.decoding.text_regions import ordered, text_regions, unclip
from inference_models_vision.families.pp_ocr.detection import PpOcrTextDetection
from inference_models_vision.preprocessing.text_engines import limited_size

SETTINGS = RegionSettings()
RECTANGLES = [
    ((120.0, 60.0), (100.0, 20.0), 0.0),
    ((300.0, 80.0), (160.0, 24.0), 17.0),
    ((120.0, 200.0), (140.0, 30.0), -30.0),
    ((420.0, 220.0), (24.0, 160.0), 5.0),
    ((300.0, 250.0), (60.0, 60.0), 20.0),
]
CORNER = 1.7
"""Both coordinates of a corner within about one pixel of the map: regions are grown on its whole pixels."""


def rendered(rectangles, size=(320, 512), value=0.9):
    """A map with rectangles, drawn four times as large and averaged, so that edges are where they should be."""
    plane = np.zeros((size[0] * 4, size[1] * 4), np.float32)
    for rectangle in rectangles:
        corners = cv2.boxPoints(rectangle)
        cv2.fillPoly(plane, [np.rint(corners * 4 + 1.5).astype(np.int32)], value)
    return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)


def grown(rectangle, ratio=1.5):
    """What should come out: a rectangle grown by its area times the ratio over its perimeter."""
    center, (width, height), angle = rectangle
    distance = width * height * ratio / (2 * (width + height))
    return ordered(cv2.boxPoints((center, (width + 2 * distance, height + 2 * distance), angle)))


def nearest(quads, quad):
    """Distance in pixels of the worst corner of the best quad; corners may begin anywhere where a quad is a square."""
    turned = np.stack([np.roll(quad, k, axis=0) for k in range(4)])
    return np.linalg.norm(quads[:, None] - turned[None], axis=3).max(axis=2).min()


def test_rotated_rectangles_are_recovered_within_a_pixel():
    found = text_regions(rendered(RECTANGLES)[None], (320, 512), SETTINGS)
    assert found.quads.shape == (len(RECTANGLES), 4, 2)
    for rectangle in RECTANGLES:
        center = np.abs(found.quads.mean(axis=1) - rectangle[0]).max(axis=1)
        assert center.min() < 1
        assert nearest(found.quads, grown(rectangle)) < CORNER
    assert ((found.scores > 0.8) & (found.scores <= 0.9)).all()  # pixels on edges are partly text


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("picture", [(320, 512), (640, 1024), (100, 800)])
def test_regions_are_in_pixels_of_the_picture(library, picture):
    plane = rendered(RECTANGLES[:2])[None]
    if library == "torch":
        plane = pytest.importorskip("torch").from_numpy(plane)
    found = text_regions(plane, picture, SETTINGS)
    scale = np.array([picture[1] / 512, picture[0] / 320])
    assert found.quads.dtype == np.float32
    for rectangle in RECTANGLES[:2]:
        assert nearest(found.quads / scale, grown(rectangle)) < CORNER


def test_corners_begin_at_the_upper_left_one_and_go_clockwise():
    found = text_regions(rendered(RECTANGLES[1:2])[None], (320, 512), SETTINGS)
    (quad,) = found.quads
    assert quad[0, 0] < quad[1, 0]
    assert quad[3, 0] < quad[2, 0]
    assert quad[0, 1] < quad[3, 1]
    assert quad[1, 1] < quad[2, 1]


def test_regions_end_where_the_picture_ends():
    found = text_regions(rendered([((0, 0), (200, 40), 0), ((512, 320), (200, 40), 10)])[None], (320, 512), SETTINGS)
    assert len(found.quads) == 2
    assert found.quads.min() == 0
    assert found.quads[..., 0].max() == 512
    assert found.quads[..., 1].max() == 320


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2),
        ({"box_threshold": 0.76}, 1),
        ({"box_threshold": 0.75}, 2),
        ({"threshold": 0.75}, 1),
        ({"threshold": 0.74}, 2),
    ],
)
def test_a_pixel_exceeds_its_threshold_and_a_region_reaches_its_own(changes, count):
    plane = np.zeros((128, 128), np.float32)
    plane[20:40, 20:100], plane[80:100, 20:100] = 0.75, 1
    assert len(text_regions(plane, (128, 128), RegionSettings(**changes)).quads) == count


def test_small_regions_are_no_text():
    plane = np.zeros((64, 128), np.float32)
    plane[10:12, 10:60] = 1  # a line of two pixels, whose outline is one pixel wide
    plane[30:50, 10:60] = 1
    assert len(text_regions(plane, (64, 128), SETTINGS).quads) == 1
    assert len(text_regions(plane, (6, 12), SETTINGS).quads) == 0  # three pixels high in the picture


def test_only_so_many_outlines_are_looked_at():
    plane = rendered(RECTANGLES)
    assert len(text_regions(plane, (320, 512), RegionSettings(max_candidates=2)).quads) == 2


def test_growth_follows_the_ratio():
    quad = np.array([[100, 100], [200, 100], [200, 140], [100, 140]], np.float32)
    for ratio in (0.5, 1.5, 3.0):
        distance = 100 * 40 * ratio / (2 * 140)
        outline = unclip(quad, ratio)
        assert outline[:, 0].min() == pytest.approx(100 - distance, abs=1)
        assert outline[:, 1].max() == pytest.approx(140 + distance, abs=1)


@pytest.mark.parametrize(
    ("picture", "limit", "size"),
    [
        ((736, 1000), SideLimit(), (736, 992)),
        ((100, 200), SideLimit(), (736, 1472)),
        ((2000, 3000), SideLimit(), (1984, 3008)),
        ((2000, 3000), SideLimit(pixels=960, shortest=False), (640, 960)),
        ((100, 200), SideLimit(pixels=960, shortest=False), (96, 192)),
        ((5, 900), SideLimit(pixels=960, shortest=False), (32, 896)),
        ((48, 80), SideLimit(pixels=32, shortest=True), (64, 64)),  # half of a step rounds to even
    ],
)
def test_sizes(picture, limit, size):
    assert limited_size(picture, limit) == size


class MapSession:
    """Gives the mean of the channels, moved to 0 to 1: what is white is text."""

    arrays, thread_safe, borrows, device = "numpy", True, False, CPU

    def __init__(self, size=("h", "w")):
        self.inputs = (TensorSpec(name="x", dtype="float32", shape=("n", 3, *size)),)
        self.outputs = (TensorSpec(name="y"),)
        self.seen = []

    def run(self, inputs):
        (tensor,) = inputs.values()
        self.seen.append(tensor)
        return (np.clip(tensor.mean(axis=1, keepdims=True) / 4.5 + 0.45, 0, 1),)

    def close(self):
        pass


@pytest.fixture
def load(tmp_path):
    def load(session, document=b"{}", **options):
        (tmp_path / "inference.yml").write_bytes(document)
        package = ModelPackage(package_id="test", backend="scripted", directory=tmp_path)
        return PpOcrTextDetection.from_pretrained(
            tmp_path, package=package, runners={"inference": Runner(session)}, **options
        )

    return load


def page(size, *boxes):
    pixels = np.zeros((*size, 3), np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = 255
    return pixels


def test_from_a_picture_to_boxes(load):
    model = load(MapSession(), b"PostProcess: {unclip_ratio: 0}")
    boxes = [(100, 50, 300, 90), (500, 300, 560, 500)]
    (result,) = model(page((600, 800), *boxes))
    found = result.xyxy[np.argsort(result.xyxy[:, 0])]
    np.testing.assert_allclose(found, boxes, atol=2)
    assert result.class_name.tolist() == ["text", "text"]
    assert result.data["polygon"].shape == (2, 4, 2)
    np.testing.assert_array_equal(result.data["polygon"].min(axis=1), result.xyxy[:, :2])
    np.testing.assert_array_equal(result.data["polygon"].max(axis=1), result.xyxy[:, 2:])
    np.testing.assert_allclose(result.to_dict()["predictions"][0]["polygon"], result.data["polygon"][0], rtol=1e-5)


def test_pictures_of_one_size_run_as_one_batch_and_come_back_in_order(load):
    session = MapSession()
    model = load(session)
    pictures = [
        page((600, 800), (100, 50, 300, 90)),
        page((900, 740)),
        page((600, 800), (300, 400, 700, 440), (10, 10, 200, 60)),
        page((900, 740), (10, 600, 300, 650)),
    ]
    together = model(pictures)
    assert [seen.shape for seen in session.seen] == [(2, 3, 736, 992), (2, 3, 896, 736)]
    assert [len(result) for result in together] == [1, 0, 2, 1]
    for picture, result in zip(pictures, together, strict=True):
        np.testing.assert_array_equal(model(picture)[0].xyxy, result.xyxy)


def test_a_page_without_text(load):
    (result,) = load(MapSession())(page((40, 50)))
    assert result.xyxy.shape == (0, 4)
    assert result.data["polygon"].shape == (0, 4, 2)
    assert result.class_names == ("text",)


def test_what_the_network_sees(load):
    session = MapSession()
    red = np.zeros((736, 736, 3), np.uint8)
    red[..., 2] = 255
    load(session)(red)  # BGR, as its training
    document = b"PreProcess: {transform_ops: [{DecodeImage: {img_mode: RGB}}]}"
    load(session, document)(red)
    means, stds = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for tensor, channels in zip(session.seen, ((0, 0, 1), (1, 0, 0)), strict=True):
        expected = [(value - mean) / std for value, mean, std in zip(channels, means, stds, strict=True)]
        np.testing.assert_allclose(tensor[0, :, 5, 5], expected, rtol=1e-5)


def test_a_call_may_ask_for_more_or_less(load):
    model = load(MapSession(), b"PostProcess: {box_thresh: 0.99}")
    picture = page((736, 736), (100, 100, 300, 140)) // 3 * 2
    assert [len(model(picture)[0]), len(model(picture, confidence=0.2)[0])] == [0, 1]
    with pytest.raises(InputError, match="confidence"):
        model(picture, confidence=60)


def test_a_graph_of_one_size_gets_pictures_of_that_size(load):
    session = MapSession(size=(320, 640))
    (result,) = load(session, b"PostProcess: {unclip_ratio: 0}")(page((600, 800), (200, 150, 600, 450)))
    assert session.seen[0].shape == (1, 3, 320, 640)
    np.testing.assert_allclose(result.xyxy, [[200, 150, 600, 450]], atol=2.1 * 600 / 320)  # two pixels of the network


def test_what_it_does_not_take(load):
    with pytest.raises(InputError, match="image_size"):
        load(MapSession())(page((40, 50)), image_size=640)
    with pytest.raises(InputError, match="cut long pictures"):
        load(MapSession(), max_image_pixels=2_000_000)(page((20, 1000)))
    session = MapSession()
    session.inputs = (TensorSpec(name="x", dtype="float32", shape=("n", 1, "h", "w")),)
    with pytest.raises(PackageError):
        load(session)


def fuzzed(generator):
    shape = [(1, 32, 48), (1, 1, 1), (32, 48), (3, 32, 48), (1, 0, 48), (7,), (), (1, 2, 200), (1, 64, 64)]
    plane = generator.random(shape[generator.integers(len(shape))]).astype(
        [np.float32, np.float16, np.float64][generator.integers(3)]
    )
    if plane.size and generator.random() < 0.4:
        plane.reshape(-1)[generator.integers(plane.size)] = [np.nan, np.inf, -np.inf, 2, -3][generator.integers(5)]
    if generator.random() < 0.4:
        plane = plane * 0 + generator.random() if np.isfinite(plane).all() else plane
    return plane


def test_any_output_gives_regions_or_a_typed_error():
    generator = np.random.default_rng(7)
    outcomes = set()
    for _ in range(200):
        output = fuzzed(generator)
        try:
            found = text_regions(output, (int(generator.integers(1, 3000)), int(generator.integers(1, 3000))), SETTINGS)
        except ModelOutputError:
            outcomes.add("error")
            continue
        assert np.isfinite(found.quads).all()
        assert ((found.scores >= 0.6) & (found.scores <= 1)).all()
        outcomes.add("regions" if len(found.quads) else "none")
    assert outcomes == {"error", "regions", "none"}

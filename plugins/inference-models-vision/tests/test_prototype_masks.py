"""Masks out of prototypes, each in its own window, against whole planes that are resized, cut and thresholded."""

import numpy as np
import pytest
from inference_models_core.errors import ModelOutputError
from inference_models_core.types.geometry import Geometry
from inference_models_vision.configuration.inference_config import parse_inference_config
from inference_models_vision.decoding.masks import prototype_masks
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.engine import CpuEngine
from PIL import Image

CHANNELS = 8
BOTTOM_RIGHT = {"static-crop": {"enabled": True, "x_min": 20, "x_max": 100, "y_min": 31, "y_max": 90}}
AT_THE_ORIGIN = {"static-crop": {"enabled": True, "x_min": 0, "x_max": 50, "y_min": 0, "y_max": 70}}
CASES = {  # resize mode, (height, width) of the picture, of the network, of the planes, static crop
    "letterbox": ("letterbox", (180, 320), (64, 64), (16, 16), {}),
    "letterbox, tall and odd": ("letterbox", (331, 173), (64, 96), (16, 24), {}),
    "letterbox, odd everywhere": ("letterbox", (97, 211), (75, 53), (19, 14), {}),
    "stretch": ("stretch", (180, 320), (64, 64), (16, 16), {}),
    "stretch, planes of stride 8": ("stretch", (101, 67), (64, 96), (8, 12), {}),
    "stretch, planes as large as the input": ("stretch", (200, 150), (48, 48), (48, 48), {}),
    "picture smaller than the planes": ("stretch", (11, 9), (64, 64), (16, 16), {}),
    "letterbox, picture smaller than the planes": ("letterbox", (9, 13), (64, 64), (32, 32), {}),
    "center crop of a larger picture": ("center-crop", (101, 133), (64, 64), (16, 16), {}),
    "center crop of a smaller picture": ("center-crop", (41, 37), (64, 64), (16, 16), {}),
    "center crop, larger one way": ("center-crop", (41, 150), (64, 64), (16, 16), {}),
    "static crop and letterbox": ("letterbox", (217, 331), (64, 64), (16, 16), BOTTOM_RIGHT),
    "static crop and stretch": ("stretch", (217, 331), (64, 64), (16, 16), BOTTOM_RIGHT),
    "static crop and center crop": ("center-crop", (217, 331), (64, 64), (16, 16), BOTTOM_RIGHT),
    "static crop at the origin": ("letterbox", (200, 300), (64, 64), (16, 16), AT_THE_ORIGIN),
    "one pixel": ("stretch", (1, 1), (64, 64), (16, 16), {}),
}


def geometry_of(document, mode, picture, network, crop):
    size = {"height": network[0], "width": network[1]}
    config = {**document(resize_mode=mode, training_input_size=size), "image_pre_processing": crop}
    engine = CpuEngine(parse_inference_config(config).preprocessing)
    return engine(ImageLoader().load(np.zeros((*picture, 3), np.uint8))).groups[0].geometries[0]


def random_case(planes, network, seed=0, count=12):
    """Prototypes of smooth shapes, coefficients, and boxes: inside, over the edges, outside, empty, turned around."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 3, (CHANNELS, 5, 5)).astype(np.float32)
    prototypes = np.stack([np.asarray(Image.fromarray(plane).resize(planes[::-1], Image.BICUBIC)) for plane in coarse])
    height, width = network
    middle = random.uniform(0, 1, (count, 2)) * (width, height)
    half = random.uniform(0.05, 0.6, (count, 2)) * (width, height)
    boxes = np.hstack([middle - half, middle + half])
    edges = [
        [0, 0, width, height],
        [-30, -20, width + 9, height + 40],
        [width - 3, height - 3, width, height],
        [0, 0, 2.5, 2.5],
        [width + 5, 3, width + 50, 20],
        [10, 10, 10, 30],
        [30, 30, 10, 10],
        [-np.inf, 5, np.inf, 25],
    ]
    boxes = np.vstack([boxes, edges]).astype(np.float32)
    return prototypes, random.normal(0, 1, (len(boxes), CHANNELS)).astype(np.float32), boxes


def resized(plane, height, width):
    """By linear interpolation, with as much antialiasing as shrinking needs."""
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.BILINEAR))


def naive_values(prototypes, coefficients, box, geometry, *, smoothing):
    """What every pixel of the picture has to exceed the threshold with, from one mask's whole plane."""
    plane = np.einsum("chw,c->hw", prototypes.astype(np.float64), coefficients.astype(np.float64))
    if smoothing:
        plane = 1 / (1 + np.exp(-plane))
    height, width = plane.shape
    net_height, net_width = geometry.network_size
    fractions = np.clip(box.astype(np.float64), -1e5, 1e5) / ([net_width, net_height] * 2)
    x1, y1, x2, y2 = np.round(fractions * ([width, height] * 2))
    xs, ys = np.arange(width)[None], np.arange(height)[:, None]
    plane = np.where((xs >= x1) & (xs < x2) & (ys >= y1) & (ys < y2), plane, 0)
    left, right = (round(width / net_width * pad) for pad in (geometry.pad_left, geometry.pad_right))
    top, bottom = (round(height / net_height * pad) for pad in (geometry.pad_top, geometry.pad_bottom))
    plane = plane[max(top, 0) : height - max(bottom, 0), max(left, 0) : width - max(right, 0)]
    plane = np.pad(plane, ((max(-top, 0), max(-bottom, 0)), (max(-left, 0), max(-right, 0))))
    picture = np.zeros(geometry.picture_size)
    region_height, region_width = geometry.region_size
    y, x = geometry.offset_y, geometry.offset_x
    picture[y : y + region_height, x : x + region_width] = resized(plane, region_height, region_width)
    return picture


def check(masks, prototypes, coefficients, boxes, geometry, *, smoothing, threshold):
    """Every pixel agrees, save those that rounding decides."""
    for mask, row, box in zip(masks.dense(), coefficients, boxes, strict=True):
        values = naive_values(prototypes, row, box, geometry, smoothing=smoothing)
        sure = (np.abs(values - threshold) > 1e-4) | (values == 0)
        np.testing.assert_array_equal(mask[sure], (values > threshold)[sure])
        assert sure.mean() > 0.99 or sure.size < 500


@pytest.mark.parametrize(("smoothing", "threshold"), [(True, 0.5), (False, 0.0), (False, 1.25), (True, 0.3)])
@pytest.mark.parametrize("case", CASES)
def test_as_exact_as_the_whole_plane(document, case, smoothing, threshold):
    mode, picture, network, planes, crop = CASES[case]
    geometry = geometry_of(document, mode, picture, network, crop)
    prototypes, coefficients, boxes = random_case(planes, network)
    masks = prototype_masks(prototypes, coefficients, boxes, geometry, threshold=threshold, smoothing=smoothing)
    assert masks.image_size == picture
    assert masks.area.any()
    check(masks, prototypes, coefficients, boxes, geometry, smoothing=smoothing, threshold=threshold)


@pytest.mark.parametrize("case", CASES)
def test_run_lengths_are_those_of_pycocotools(document, case):
    coco = pytest.importorskip("pycocotools.mask")
    mode, picture, network, planes, crop = CASES[case]
    geometry = geometry_of(document, mode, picture, network, crop)
    masks = prototype_masks(*random_case(planes, network, seed=1), geometry, threshold=0.5, smoothing=True)
    expected = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks.dense()]
    assert masks.rle() == expected


@pytest.mark.parametrize("seed", range(6))
def test_pictures_of_any_size(document, seed):
    random = np.random.default_rng(seed)
    picture, network = random.integers(1, 260, 2), random.integers(16, 97, 2)
    planes = tuple(int(-(-side // random.choice([1, 2, 4, 8]))) for side in network)
    mode = random.choice(["letterbox", "stretch", "center-crop"])
    geometry = geometry_of(document, mode, tuple(picture), network.tolist(), BOTTOM_RIGHT if seed % 2 else {})
    case = random_case(planes, network, seed)
    masks = prototype_masks(*case, geometry, threshold=0.5, smoothing=True)
    check(masks, *case, geometry, smoothing=True, threshold=0.5)


def whole(network, picture=(40, 40)):
    return Geometry(picture_size=picture, region_size=picture, network_size=network)


def test_prototypes_of_another_library_and_of_half_precision(document):
    torch = pytest.importorskip("torch")
    prototypes, coefficients, boxes = random_case((16, 16), (64, 64))
    geometry = geometry_of(document, "letterbox", (90, 160), (64, 64), {})
    masks = [
        prototype_masks(given, coefficients, boxes, geometry, threshold=0.5, smoothing=True).dense()
        for given in (prototypes, torch.from_numpy(prototypes), prototypes.astype(np.float16))
    ]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).mean() < 0.001


def test_no_boxes_and_no_mask():
    prototypes = np.ones((CHANNELS, 10, 10), np.float32)
    masks = prototype_masks(
        prototypes, np.zeros((0, CHANNELS), np.float32), np.zeros((0, 4), np.float32), whole((40, 40)), threshold=0.5
    )
    assert masks.dense().shape == (0, 40, 40)
    assert masks.rle() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_prototypes_that_are_not_finite_spoil_no_other_mask(bad):
    prototypes = np.ones((2, 10, 10), np.float32)
    prototypes[1] = bad
    coefficients = np.array([[1, 0], [1, 1e5]], np.float32)
    boxes = np.array([[0, 0, 40, 40]] * 2, np.float32)
    prototypes[1, 5:] = 0
    masks = prototype_masks(prototypes, coefficients, boxes, whole((40, 40)), threshold=0.5).dense()
    assert masks[:, 24:].all()


@pytest.mark.parametrize("shape", [(CHANNELS - 1, 10, 10), (CHANNELS, 0, 10), (CHANNELS, 10), (1, CHANNELS, 10, 10)])
def test_shapes_that_do_not_fit(shape):
    coefficients, boxes = np.ones((1, CHANNELS), np.float32), np.array([[0, 0, 9, 9]], np.float32)
    with pytest.raises(ModelOutputError, match="prototypes"):
        prototype_masks(np.ones(shape, np.float32), coefficients, boxes, whole((40, 40)), threshold=0.5)


def test_a_negative_threshold_does_not_let_masks_out_of_their_boxes():
    boxes, coefficients = np.array([[8, 8, 24, 24]] * 2, np.float32), np.array([[0], [-2]], np.float32)
    masks = prototype_masks(np.ones((1, 10, 10), np.float32), coefficients, boxes, whole((40, 40)), threshold=-1.0)
    above, below = masks.dense()
    assert above[10:22, 10:22].all()
    assert above.sum() <= 20 * 20
    assert not below.any()

"""Depth with YOLO26."""

import warnings

import numpy as np
import pytest
from inference_models_core.errors import ModelOutputError
from inference_models_vision.families.depth_estimation import Yolo26DepthEstimation

SIZE = 64
RAMP = np.add.outer(np.arange(16), 2 * np.arange(16)).astype(np.float32) + 1
CROP = {"enabled": True, "x_min": 0, "x_max": 50, "y_min": 0, "y_max": 100}


@pytest.fixture
def load(make_package, runner_of, document):
    def load(output=RAMP, crop=None, **network):
        said = document(**{"resize_mode": "stretch", **network})
        if crop:
            said["image_pre_processing"] = {"static-crop": crop}
        folder, package = make_package(said, None)
        return Yolo26DepthEstimation.from_pretrained(folder, package=package, runners={"weights": runner_of(output)})

    return load


def along(length, plane=16):
    """Where the middles of pixels lie between those of the plane; beyond the edge nothing changes."""
    return ((np.arange(length) + 0.5) * plane / length - 0.5).clip(0, plane - 1)


@pytest.mark.parametrize("output", [RAMP, RAMP[None]])
def test_values_are_those_of_the_network(load, output):
    (result,) = load(output)(np.zeros((80, 200, 3), np.uint8))
    np.testing.assert_allclose(result.depth, np.add.outer(along(80), 2 * along(200)) + 1, atol=1e-4)
    assert result.unit == "metre"
    assert result.depth.dtype == np.float32


def test_the_padding_is_not_depth(load):
    (result,) = load(resize_mode="letterbox")(np.zeros((64, 128, 3), np.uint8))
    plane = RAMP[4:12]
    np.testing.assert_allclose(result.depth, np.add.outer(along(64, 8), 2 * along(128)) + plane[0, 0], atol=1e-4)


def test_a_crop_at_the_origin(load):
    """What is cut off is 0, and the map has the picture's size."""
    (result,) = load(crop=CROP)(np.zeros((60, 80, 3), np.uint8))
    assert result.depth.shape == (60, 80)
    assert (result.depth[:, 40:] == 0).all()
    np.testing.assert_allclose(result.depth[:, :40], np.add.outer(along(60), 2 * along(40)) + 1, atol=1e-4)


def test_a_batch_of_mixed_sizes_and_torch(load, noise):
    torch = pytest.importorskip("torch")
    model = load()
    pictures = [noise(30, 50), noise(64, 20), noise(90, 90)]
    results = model(pictures)
    assert [result.depth.shape for result in results] == [(30, 50), (64, 20), (90, 90)]
    preprocessed = model.pre_process(pictures)
    again = model.post_process([(torch.from_numpy(RAMP).expand(3, 1, 16, 16),)], preprocessed)
    for first, second in zip(results, again, strict=True):
        np.testing.assert_array_equal(first.depth, second.depth)


@pytest.mark.parametrize("shape", [(2, 16, 16), (16,), (1, 1, 16, 16), (0, 16), (16, 0)])
def test_what_is_no_depth(load, shape):
    with pytest.raises(ModelOutputError):
        load(np.zeros(shape, np.float32))(np.zeros((SIZE, SIZE, 3), np.uint8))


def test_whatever_a_graph_gives(load):
    """A finite map of the picture's size, or a typed error."""
    random = np.random.default_rng(6)
    model = load()
    preprocessed = model.pre_process(np.zeros((40, 70, 3), np.uint8))
    shapes = [(16, 16), (1, 16, 16), (1, 1), (7, 90), (2, 8, 8), (0, 3), (3,), ()]
    answers = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            dtype = random.choice([np.float16, np.float32, np.float64])
            shape = (1, *shapes[random.integers(len(shapes))])
            output = random.normal(0, 10.0 ** random.choice([-3, 0, 2, 4]), shape).astype(dtype)
            share = random.choice([0, 0, 0.05, 1])
            output[random.random(output.shape) < share] = random.choice([np.nan, np.inf, -np.inf, np.finfo(dtype).max])
            try:
                (result,) = model.post_process([(output,) if random.random() < 0.95 else ()], preprocessed)
            except ModelOutputError:
                continue
            answers += 1
            assert result.depth.shape == (40, 70)
            assert np.isfinite(result.depth).all()
    assert 60 < answers < 160

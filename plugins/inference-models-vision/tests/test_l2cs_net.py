"""L2CS-Net: a face in, two angles out, in both forms that its graphs give them in."""

import warnings

import numpy as np
import pytest
from inference_models_core.errors import ModelOutputError, PackageError
from inference_models_core.runner import Runner
from inference_models_core.types.devices import CPU
from inference_models_core.types.tensors import TensorSpec
from inference_models_vision.families.l2cs_net import BINS, L2csNetGazeDetection, radians

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class Session:
    """A graph that answers with the mean of red and of blue, which are angles then; outputs named as given."""

    arrays = "numpy"
    thread_safe = True
    borrows = False
    device = CPU

    def __init__(self, names=("output_yaw", "output_pitch"), *, bins=False, keep=False, size=448):
        self.inputs = (TensorSpec(name="input", dtype="float32", shape=("batch_size", 3, size, size)),)
        self.outputs = tuple(TensorSpec(name=name) for name in names)
        self._order = [1 if name == "output_pitch" else 0 for name in names]
        if "output_yaw" not in names:
            self._order = list(range(len(names)))
        self._bins, self._keep = bins, keep
        self.seen = []

    def run(self, inputs):
        (tensor,) = inputs.values()
        self.seen.append(tensor)
        angles = [tensor[:, channel].mean(axis=(1, 2)) for channel in (0, 2)]
        if self._bins:
            angles = [logits_of(angle) for angle in angles]
        elif self._keep:
            angles = [angle[:, None] for angle in angles]
        return tuple(angles[i] for i in self._order)

    def close(self):
        pass


def logits_of(angles):
    """Two neighbouring bins that share the weight so that their mean is the angle."""
    bins = (np.degrees(angles) + 180) / 4
    below = np.floor(bins).astype(int)
    logits = np.full((len(angles), BINS), -50.0, np.float32)
    share = bins - below
    rows = np.arange(len(angles))
    logits[rows, below] = np.log(1 - share)
    logits[rows, below + 1] = np.log(share)
    return logits + 7


def face(red, blue, size=(30, 20)):
    """One colour everywhere, RGB."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = red, blue
    return pixels


def angle(level, channel):
    return (level / 255 - MEAN[channel]) / STD[channel]


@pytest.fixture
def load(make_package):
    def load(session=None, **options):
        folder, package = make_package(None, None)
        runners = {"weights": Runner(session or Session())}
        return L2csNetGazeDetection.from_pretrained(folder, package=package, runners=runners, **options)

    return load


@pytest.mark.parametrize(
    "session",
    [
        Session(),
        Session(keep=True),
        Session(bins=True),
        Session(("output_pitch", "output_yaw")),
        Session(("a", "b")),
        Session(("a", "b"), bins=True),
    ],
)
def test_angles_and_boxes(load, session):
    faces = [face(150, 60), face(90, 130, (60, 40)), face(124, 104)]
    results = load(session)(faces, input_color_format="rgb")
    assert len(results) == 3
    for pixels, result in zip(faces, results, strict=True):
        height, width = pixels.shape[:2]
        assert result.xyxy.tolist() == [[0, 0, width, height]]
        assert result.confidence.tolist() == [1]
        assert result.class_name.tolist() == ["face"]
        np.testing.assert_allclose(result.yaw, [angle(pixels[0, 0, 0], 0)], atol=1e-4)
        np.testing.assert_allclose(result.pitch, [angle(pixels[0, 0, 2], 2)], atol=1e-4)
        assert result.image.size == (height, width)


def test_the_usual_colour_order_of_numpy_is_bgr(load):
    (rgb,) = load()(face(150, 60), input_color_format="rgb")
    (bgr,) = load()(face(60, 150))
    assert (rgb.yaw, rgb.pitch) == (bgr.yaw, bgr.pitch)


def test_bins_against_the_definition():
    random = np.random.default_rng(0)
    for logits in random.normal(0, 3, (20, BINS)):
        shares = [np.exp(value) for value in logits]
        degrees = sum(share * (4 * i - 180) for i, share in enumerate(shares)) / sum(shares)
        assert radians(logits.astype(np.float32)) == pytest.approx(degrees * np.pi / 180, abs=1e-6)
    straight = np.where(np.arange(BINS) == 45, 80.0, 0)
    assert radians(straight) == pytest.approx(0, abs=1e-6)
    assert radians(np.where(np.arange(BINS) == 0, 3e38, -3e38)) == pytest.approx(-np.pi)


def test_backends_other_than_numpy(load):
    torch = pytest.importorskip("torch")
    model = load()
    preprocessed = model.pre_process([face(1, 2), face(3, 4)])
    (first, second) = model.post_process([(torch.tensor([0.5, -0.25]), torch.tensor([[0.125], [1]]))], preprocessed)
    assert [first.yaw[0], first.pitch[0], second.yaw[0], second.pitch[0]] == [0.5, 0.125, -0.25, 1]


@pytest.mark.parametrize("size", [(448, 448), (97, 61), (450, 300), (1200, 900), (1, 1), (700, 3)])
def test_pixels_are_within_one_level_of_the_exact_filter(load, noise, size):
    torch = pytest.importorskip("torch")
    session = Session()
    pixels = noise(*size)
    load(session).forward(load(session).pre_process(pixels, input_color_format="rgb"))
    levels = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    exact = torch.nn.functional.interpolate(levels, (448, 448), mode="bilinear", antialias=True, align_corners=False)
    found = session.seen[0][0] * STD[:, None, None] + MEAN[:, None, None]
    assert session.seen[0].dtype == np.float32
    assert np.abs(found - exact[0].numpy()).max() <= 1.001 / 255


@pytest.mark.parametrize("session", [Session(("output_yaw",)), Session(("other",))])
def test_a_graph_with_one_output(load, session):
    with pytest.raises(ModelOutputError):
        load(session)(face(150, 60))


def test_a_graph_of_another_size(load):
    with pytest.raises(PackageError, match="448"):
        load(Session(size=224))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (np.float32(np.nan), "not finite"),
        (np.full(BINS, np.inf), "not finite"),
        (np.float32(30), "degrees"),
        (np.zeros(28), "an output of 28 numbers"),
        (np.zeros(0), "an output of 0 numbers"),
        (np.zeros((90, 90)), "an output of 8100 numbers"),
    ],
)
def test_what_is_no_angle(output, words):
    with pytest.raises(ModelOutputError) as caught:
        radians(output)
    assert words in f"{caught.value} {caught.value.hint}"


SHAPES = [(), (1,), (BINS,), (BINS,), (BINS,), (BINS,), (2,), (0,), (3, BINS)]


def test_whatever_a_graph_gives(load):
    """Angles in their range, or a typed error."""
    random = np.random.default_rng(3)
    model = load()
    preprocessed = model.pre_process([face(1, 2), face(3, 4)])
    answers = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            shapes = [SHAPES[i] for i in random.integers(0, len(SHAPES), 2)]
            outputs = []
            for shape in shapes[: random.choice([0, 1, 2, 2, 2, 2])]:
                output = random.normal(0, 10.0 ** random.choice([-3, -1, 0, 2, 15, 30]), (2, *shape)).astype(np.float32)
                share = random.choice([0, 0, 0, 0.1, 1])
                output[random.random(output.shape) < share] = random.choice([np.nan, np.inf, -np.inf, 3e38, 0])
                outputs.append(output)
            try:
                results = model.post_process([tuple(outputs)], preprocessed)
            except ModelOutputError:
                continue
            for result in results:
                answers += 1
                assert (np.abs([result.yaw, result.pitch]) <= 3.15).all()
    assert 30 < answers < 300

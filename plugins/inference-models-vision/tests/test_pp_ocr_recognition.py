"""What a line says: paths of classes to texts, and lines of any width on their way into the network."""

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

from inference_models_vision.decoding.ctc import best_path, texts_of
from inference_models_vision.families.pp_ocr.recognition import PpOcrTextRecognition

CHARACTERS = ("a", "b", "c", " ")


def scores(*paths):
    """(batch, steps, classes) in which the given classes are the likeliest."""
    numbers = np.random.default_rng(0).random((len(paths), len(paths[0]), len(CHARACTERS) + 1)).astype(np.float32)
    for row, path in zip(numbers, paths, strict=True):
        row[np.arange(len(path)), list(path)] += 1
    return numbers


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([0, 0, 0, 0], ""),
        ([1, 1, 1, 1], "a"),
        ([1, 0, 1, 0], "aa"),
        ([1, 1, 0, 1], "aa"),
        ([0, 1, 2, 2], "ab"),
        ([3, 4, 1, 0], "c a"),
        ([4, 0, 4, 2], "  b"),
    ],
)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_paths_become_texts(path, text, library):
    output = scores(path, [2, 2, 0, 2])
    if library == "torch":
        output = pytest.importorskip("torch").from_numpy(output)
    assert texts_of(best_path(output, 5), CHARACTERS) == [text, "bb"]


@pytest.mark.parametrize("shape", [(2, 0, 5), (0, 3, 5)])
def test_no_steps(shape):
    assert texts_of(best_path(np.zeros(shape, np.float32), 5), CHARACTERS) == [""] * shape[0]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 6), (2, 1, 3, 5), ()])
def test_another_models_output(shape):
    with pytest.raises(ModelOutputError, match=r"inference\.yml"):
        best_path(np.zeros(shape, np.float32), 5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_none(value):
    output = scores([1, 2, 3])
    output[0, 1, 3] = value
    with pytest.raises(ModelOutputError, match="finite"):
        best_path(output, 5)
    output[0, 1, 3] = -np.inf  # the logarithm of nothing
    assert texts_of(best_path(output, 5), CHARACTERS) == ["abc"]


def test_any_output_gives_texts_or_a_typed_error():
    generator = np.random.default_rng(3)
    outcomes = set()
    for _ in range(200):
        shape = tuple(generator.integers(0, 7, generator.integers(1, 5)))
        output = (generator.normal(0, 10, shape if generator.random() < 0.4 else (2, int(shape[0]), 5))).astype(
            [np.float32, np.float16, np.float64][generator.integers(3)]
        )
        if output.size and generator.random() < 0.3:
            output.reshape(-1)[generator.integers(output.size)] = [np.nan, np.inf, -np.inf][generator.integers(3)]
        try:
            texts = texts_of(best_path(output, 5), CHARACTERS)
        except ModelOutputError:
            outcomes.add("error")
            continue
        assert set("".join(texts)) <= set(CHARACTERS)
        outcomes.add("texts")
    assert outcomes == {"error", "texts"}


class ReadingSession:
    """Reads each 32 columns as one step: black is ``a``, white ``b``, grey nothing."""

    arrays, thread_safe, borrows, device = "numpy", True, False, CPU

    def __init__(self, width="w", height=48):
        self.inputs = (TensorSpec(name="x", dtype="float32", shape=("n", 3, height, width)),)
        self.outputs = (TensorSpec(name="y"),)
        self.seen = []

    def run(self, inputs):
        (tensor,) = inputs.values()
        self.seen.append(tensor)
        n, _, _, width = tensor.shape
        steps = tensor.mean(axis=(1, 2)).reshape(n, width // 32, 32).mean(axis=2)
        nothing = np.full_like(steps, 0.5)
        return (np.stack([nothing, -steps, steps, 0 * steps, 0 * steps], axis=2),)

    def close(self):
        pass


@pytest.fixture
def load(tmp_path):
    def load(session, document=b"PostProcess: {character_dict: [a, b, c]}", **options):
        (tmp_path / "inference.yml").write_bytes(document)
        package = ModelPackage(package_id="test", backend="scripted", directory=tmp_path)
        return PpOcrTextRecognition.from_pretrained(
            tmp_path, package=package, runners={"inference": Runner(session)}, **options
        )

    return load


def line(text, height=48):
    """A picture that the session reads as this text."""
    step = np.ones((height, 32 * height // 48, 3), np.uint8)
    return np.concatenate([step * {"a": 0, "b": 255, " ": 128}[letter] for letter in text], axis=1)


def texts(model, pictures):
    return [result.text for result in model(pictures)]


def test_lines_of_any_length_in_the_callers_order(load):
    session = ReadingSession()
    model = load(session)
    wanted = ["ab", "abab" * 6, "", "ba", "a b", "b" * 50, "ba" * 6 + " b"]
    pictures = [line(text) if text else np.full((48, 90, 3), 128, np.uint8) for text in wanted]
    read = ["ab", "abab" * 6, "", "ba", "ab", "b", "ba" * 6 + "b"]
    assert texts(model, pictures) == read
    assert [text for picture in pictures for text in texts(model, picture)] == read


def test_what_a_line_says_does_not_depend_on_the_lines_beside_it(load):
    session = ReadingSession()
    model = load(session)
    model([line("ab"), line("ab" * 20), line("ba")])
    shapes = [seen.shape for seen in session.seen]
    assert shapes == [(2, 3, 48, 320), (1, 3, 48, 1280)]
    alone = model.pre_process(line("ab")).groups[0].tensor
    np.testing.assert_array_equal(alone[0], session.seen[0][0])


@pytest.mark.parametrize(
    ("size", "width", "filled"),
    [
        ((48, 100), 100, 320),
        ((48, 320), 320, 320),
        ((48, 321), 321, 352),
        ((24, 161), 322, 352),
        ((96, 101), 51, 320),
        ((500, 1), 1, 320),
        ((1, 100), 3200, 3200),
    ],
)
def test_widths(load, size, width, filled):
    pixels = np.full((*size, 3), 255, np.uint8)
    (group,) = load(ReadingSession()).pre_process(pixels).groups
    assert group.tensor.shape == (1, 3, 48, filled)
    np.testing.assert_array_equal(group.tensor[..., :width], 1)
    np.testing.assert_array_equal(group.tensor[..., width:], 0)  # exactly: no level of grey is


def test_at_most_eight_lines_run_together(load):
    session = ReadingSession()
    results = texts(load(session), [line("ab" if i % 2 else "ba") for i in range(19)])
    assert [len(seen) for seen in session.seen] == [8, 8, 3]
    assert results == ["ab" if i % 2 else "ba" for i in range(19)]


def test_a_graph_of_one_width(load):
    session = ReadingSession(width=640)
    assert texts(load(session), [line("ab"), line("aabb" * 10)]) == ["ab", "ab" * 10]  # squeezed
    assert {seen.shape for seen in session.seen} == {(2, 3, 48, 640)}


def test_what_it_does_not_take(load):
    with pytest.raises(InputError, match="image_size"):
        load(ReadingSession())(line("ab"), image_size=48)
    with pytest.raises(ModelOutputError, match="belong to different models"):
        load(ReadingSession(), b"PostProcess: {character_dict: [a, b]}")(line("ab"))
    session = ReadingSession()
    session.inputs = (TensorSpec(name="x", dtype="float32", shape=("n", 1, 48, "w")),)
    with pytest.raises(PackageError):
        load(session)


def test_a_result_knows_its_picture(load):
    (result,) = load(ReadingSession())(line("ab"))
    assert (str(result), result.image.size) == ("ab", (48, 64))

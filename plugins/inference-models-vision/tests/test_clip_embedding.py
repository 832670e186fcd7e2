"""CLIP's two graphs: pictures as Pillow resizes them, texts as tokens, one vector each."""

from __future__ import annotations

import io

import numpy as np
import pytest
from inference_models_core.errors import InputError, ModelOutputError, PackageError
from inference_models_core.runner import Runner
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.devices import CPU
from inference_models_core.types.tensors import TensorSpec
from inference_models_vision.families.clip import MEAN, STD, ClipEmbedding
from inference_models_vision.preprocessing.centre_square import resized_centre
from inference_models_vision.text.clip_tokenizer import tokenize
from PIL import Image

SIZE = 32


class Session:
    """A graph that is a function of its one input."""

    arrays = "numpy"
    thread_safe = True
    borrows = False
    device = CPU

    def __init__(self, function, shape, dtype, outputs=1):
        self.inputs = None if shape is None else (TensorSpec(name="x", dtype=dtype, shape=shape),)
        self.outputs = tuple(TensorSpec(name=f"y{i}") for i in range(outputs))
        self._function = function
        self.seen = []

    def run(self, inputs):
        (tensor,) = inputs.values()
        self.seen.append(tensor)
        return self._function(tensor)

    def close(self):
        pass


def means(pictures):
    return (pictures.mean(axis=(2, 3), dtype=np.float32),)


def sums(tokens):
    return (np.stack([tokens.sum(axis=1), tokens[:, 1], tokens.max(axis=1)], axis=1).astype(np.float32),)


def sessions(
    image=means, text=sums, *, image_shape=("n", 3, SIZE, SIZE), text_shape=("n", 77), dtype="float32", tokens="int64"
):
    return Session(image, image_shape, dtype), Session(text, text_shape, tokens)


def model_of(pair=None, batch=None, **options):
    given = {} if batch is None else {"batch": batch}
    runners = {
        name: Runner(session, **given) for name, session in zip(("visual", "textual"), pair or sessions(), strict=True)
    }
    return ClipEmbedding.from_pretrained(None, runners=runners, **options)


def reference(pixels, side):
    """Rows of the whole picture, then columns, then the crop: the recipe, step by step."""
    height, width = pixels.shape[:2]
    short, long = min(height, width), max(height, width)
    scaled = int(side * long / short)
    new_width, new_height = (side, scaled) if width <= height else (scaled, side)
    rows = Image.fromarray(pixels).resize((new_width, height), Image.Resampling.BICUBIC)
    whole = np.asarray(rows.resize((new_width, new_height), Image.Resampling.BICUBIC))
    top, left = round((new_height - side) / 2), round((new_width - side) / 2)
    return whole[top : top + side, left : left + side]


@pytest.mark.parametrize("channels", [0, 3])
@pytest.mark.parametrize(
    "size",
    [
        (32, 32),
        (32, 50),
        (32, 35),
        (97, 32),
        (31, 31),
        (33, 64),
        (64, 33),
        (5, 7),
        (1, 1),
        (1, 90),
        (480, 641),
        (999, 37),
    ],
)
def test_pixels_are_those_of_resizing_all_and_cropping(noise, size, channels):
    pixels = noise(*size, channels)
    found = resized_centre(pixels, SIZE, "BICUBIC").astype(int)
    expected = reference(pixels, SIZE).astype(int)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.01


def test_against_torch_antialiased(noise):
    torch = pytest.importorskip("torch")
    pixels = noise(150, 220)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(planes, (64, int(64 * 220 / 150)), mode="bicubic", antialias=True)
    left = round((scaled.shape[3] - 64) / 2)
    expected = scaled[0, :, :, left : left + 64].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(resized_centre(pixels, 64, "BICUBIC").astype(int) - expected).max() <= 1


def test_a_very_long_picture_costs_no_more():
    strip = np.zeros((2, 400_000, 3), np.uint8)
    strip[:, 199_000:201_000] = 255
    assert (resized_centre(strip, 224, "BICUBIC")[:, 100:124] == 255).all()  # the whole would be 44,800,000 pixels wide


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_tensor(noise, dtype):
    pair = sessions(dtype=dtype)
    pixels = noise(40, 60)
    (embedding,) = model_of(pair).embed_images(pixels[..., ::-1])
    (tensor,) = pair[0].seen
    assert tensor.shape == (1, 3, SIZE, SIZE)
    assert tensor.dtype == dtype
    values = (reference(pixels, SIZE).astype(np.float64) / 255 - MEAN) / STD
    levels = np.abs(tensor[0].transpose(1, 2, 0) - values) * STD * 255
    assert levels.max() < (1.01 if dtype == "float32" else 1.3)
    np.testing.assert_allclose(embedding.vector, values.mean(axis=(0, 1)), atol=0.005)


def test_every_kind_of_picture_gives_the_same_vector(noise, encode, tmp_path):
    pixels = noise(40, 60)
    file = encode(pixels, "PNG")
    (tmp_path / "a.png").write_bytes(file)
    model = model_of()
    kinds = [file, tmp_path / "a.png", str(tmp_path / "a.png"), Image.open(io.BytesIO(file)), pixels[..., ::-1]]
    vectors = [embedding.vector for embedding in model.embed_images(kinds)]
    vectors.append(model.embed_images(pixels, input_color_format="rgb")[0].vector)
    for vector in vectors[1:]:
        np.testing.assert_array_equal(vector, vectors[0])
    assert not np.allclose(model.embed_images(pixels)[0].vector, vectors[0])
    (grey,) = model.embed_images(noise(20, 30, 0))
    assert grey.vector.shape == (3,)
    assert grey.image.size == (20, 30)


@pytest.mark.parametrize(
    ("batch", "runs"),
    [
        (None, [32, 32, 6]),
        (BatchSupport(), [32, 32, 6]),
        (BatchSupport(maximum=50), [50, 20]),
        (BatchSupport(minimum=8, maximum=64), [64, 8]),
    ],
)
def test_at_most_32_at_once_unless_the_graph_says_otherwise(noise, batch, runs):
    pair = sessions()
    model = model_of(pair, batch)
    pictures = [noise(9 + i % 3, 12, seed=i) for i in range(70)]
    texts = [f"text number {i}" for i in range(70)]
    vectors = np.stack([embedding.vector for embedding in model.embed_images(pictures)])
    text_vectors = np.stack([embedding.vector for embedding in model.embed_text(texts)])
    assert [len(tensor) for tensor in pair[0].seen] == runs
    assert [len(tensor) for tensor in pair[1].seen] == runs
    alone = model_of()
    for i in (0, 31, 32, 69):
        np.testing.assert_allclose(vectors[i], alone.embed_images(pictures[i])[0].vector, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(text_vectors[i], alone.embed_text(texts[i])[0].vector)


def test_a_graph_of_one_picture(noise):
    pair = sessions(image_shape=(1, 3, SIZE, SIZE), text_shape=(1, 77))
    model = model_of(pair)
    assert len(model.embed_images([noise(9, 9), noise(8, 12)])) == 2
    assert len(model.embed_text(["a", "b", "c"])) == 3
    assert [len(tensor) for session in pair for tensor in session.seen] == [1] * 5


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_texts_become_tokens_of_the_graphs_type(dtype):
    pair = sessions(tokens=dtype)
    found = model_of(pair).embed_text(["a cat", "", "a dog"])
    (tokens,) = pair[1].seen
    assert tokens.dtype == dtype
    np.testing.assert_array_equal(tokens, tokenize(["a cat", "", "a dog"]))
    assert [embedding.image for embedding in found] == [None] * 3
    np.testing.assert_array_equal(model_of(pair).embed_text("a cat")[0].vector, found[0].vector)


def test_vectors_are_raw_and_compared_by_direction():
    ramp = np.arange(2 * 4, dtype=np.float32).reshape(2, 4) * 10

    def some(inputs):
        return (ramp[: len(inputs)],)

    model = model_of(sessions(image=some, text=some))
    found = model.embed_text(["a", "b"])
    np.testing.assert_array_equal(np.stack([embedding.vector for embedding in found]), ramp)
    cosines = model.compare_embeddings(np.zeros((4, 4, 3), np.uint8), ["a", "b"])
    first, second = ramp / np.linalg.norm(ramp, axis=1, keepdims=True)
    np.testing.assert_allclose(cosines, [[1, first @ second]], rtol=1e-6)


def test_sizes_come_from_the_graphs():
    model = model_of(sessions(text_shape=("n", 16)))
    assert (model.image_size, model.context_length) == (SIZE, 16)
    with pytest.raises(InputError, match="more than the 14 tokens"):
        model.embed_text("dog " * 15)
    unsaid = model_of(sessions(image_shape=None, text_shape=None))
    assert (unsaid.image_size, unsaid.context_length) == (224, 77)
    assert model_of(sessions(image_shape=("n", 3, "h", "w")), image_size=48).image_size == 48


@pytest.mark.parametrize(
    ("shapes", "options"),
    [
        ({"image_shape": ("n", 3, 32, 40)}, {}),
        ({"image_shape": ("n", 4, 32, 32)}, {}),
        ({"image_shape": ("n", 32)}, {}),
        ({"text_shape": ("n", 77, 512)}, {}),
        ({"text_shape": ("n",)}, {}),
        ({"dtype": "uint8"}, {}),
        ({}, {"image_size": 40}),
    ],
)
def test_graphs_that_are_not_clips(shapes, options):
    with pytest.raises(PackageError):
        model_of(sessions(**shapes), **options)


def test_a_text_network_of_two_inputs():
    pair = sessions()
    pair[1].inputs *= 2
    with pytest.raises(PackageError, match="2 inputs"):
        model_of(pair)


def test_nothing_to_embed():
    model = model_of()
    with pytest.raises(InputError, match="empty"):
        model.embed_images([])
    with pytest.raises(InputError, match="empty"):
        model.embed_text([])
    with pytest.raises(InputError, match="rgb"):
        model.embed_images(np.zeros((4, 4, 3), np.uint8), input_color_format="hsv")


def wrong_output(rng):
    """Any array a broken graph could give."""
    rank, dtype = rng.integers(0, 4), rng.choice(["float32", "float64", "float16", "int64", "bool", "complex64"])
    shape = tuple(rng.integers(0, 5, rank))
    values = rng.normal(0, 10.0 ** rng.integers(-3, 60), shape)
    if values.size and rng.random() < 0.5:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf])
    with np.errstate(all="ignore"):
        return np.asarray(values).astype(dtype)


@pytest.mark.filterwarnings("error")
def test_any_output_gives_vectors_or_a_typed_error(noise):
    rng = np.random.default_rng(0)
    good = 0
    pictures = [noise(9, 9, seed=i) for i in range(3)]
    for _ in range(400):
        output = wrong_output(rng)
        model = model_of(sessions(image=lambda _, output=output: (output,), text=lambda _, output=output: (output,)))
        for embed, inputs in ((model.embed_images, pictures), (model.embed_text, ["a", "b", "c"])):
            try:
                found = embed(inputs)
            except ModelOutputError:
                continue
            good += 1
            assert len(found) == 3
            assert all(np.isfinite(embedding.vector).all() and len(embedding.vector) for embedding in found)
    assert 10 < good < 400


def test_torch_outputs(noise):
    torch = pytest.importorskip("torch")
    model = model_of(sessions(image=lambda pictures: tuple(map(torch.from_numpy, means(pictures)))))
    vector = model.embed_images(noise(9, 9))[0].vector
    np.testing.assert_array_equal(vector, model_of().embed_images(noise(9, 9))[0].vector)
    assert isinstance(vector, np.ndarray)

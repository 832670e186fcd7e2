"""Everything a picture may be given as."""

import os
from pathlib import Path

import numpy as np
import pytest
from inference_models_core.errors import (
    ImageDecodeError,
    ImageNotFoundError,
    ImageTooLargeError,
    InputError,
    UrlInputForbiddenError,
)
from inference_models_core.types.preprocessing import ColorOrder
from inference_models_vision.images.loading import ImageLoader
from PIL import Image


@pytest.fixture
def rgb(noise):
    return noise(12, 20)


def rgb_of(picture):
    pixels = picture.pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels if picture.order is ColorOrder.RGB else pixels[:, :, ::-1]


def load_one(image, order=None, **options):
    (picture,) = ImageLoader(**options).load(image, order)
    return picture


def every_kind(rgb, encode, folder):
    """The same picture as everything that needs no further package."""
    data = encode(rgb, "PNG")
    path = folder / "pïcture.png"
    path.write_bytes(data)
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[4:16, 10:30] = bgr
    return {
        "str": str(path),
        "Path": path,
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "pil": Image.fromarray(rgb),
        "bgr array": bgr,
        "view": wide[4:16, 10:30],
        "negative strides": rgb[:, :, ::-1],
        "read-only": np.frombuffer(bgr.tobytes(), np.uint8).reshape(bgr.shape),
        "bgra array": np.dstack([bgr, np.full(bgr.shape[:2], 7, np.uint8)]),
    }


def test_every_kind_gives_the_same_pixels(rgb, encode, tmp_path):
    for name, image in every_kind(rgb, encode, tmp_path).items():
        picture = load_one(image)
        np.testing.assert_array_equal(rgb_of(picture), rgb, err_msg=name)
        assert picture.source.reference is image
        assert picture.source.size == (12, 20)


def test_mixed_lists_keep_their_order(rgb, encode, tmp_path):
    images = list(every_kind(rgb, encode, tmp_path).values())
    images.insert(1, np.zeros((5, 6, 3), np.uint8))
    for container in (list, tuple):
        pictures = ImageLoader().load(container(images))
        assert [p.source.size for p in pictures] == [(12, 20), (5, 6), *[(12, 20)] * 10]
        assert all(p.source.reference is image for p, image in zip(pictures, images, strict=True))


def test_declared_order_counts_for_arrays_only(rgb, encode):
    assert load_one(rgb, ColorOrder.RGB).order is ColorOrder.RGB
    assert load_one(rgb).order is ColorOrder.BGR
    for encoded in (encode(rgb, "PNG"), Image.fromarray(rgb)):
        np.testing.assert_array_equal(rgb_of(load_one(encoded, ColorOrder.BGR)), rgb)


@pytest.mark.parametrize("shape", [(12, 20), (12, 20, 1)])
def test_grey_arrays(shape, noise):
    grey = noise(12, 20, 0)
    np.testing.assert_array_equal(load_one(grey.reshape(shape)).pixels, grey)


def test_arrays_are_not_copied(rgb):
    assert np.shares_memory(load_one(rgb).pixels, rgb)


def test_batches_are_as_many_pictures(noise):
    batch = np.stack([noise(4, 6, seed=i) for i in range(3)])
    pictures = ImageLoader().load(batch)
    for picture, image in zip(pictures, batch, strict=True):
        np.testing.assert_array_equal(picture.pixels, image)
        assert np.shares_memory(picture.source.reference, batch)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float16", "bfloat16", "float64"])
def test_tensors(channels, kind, noise):
    torch = pytest.importorskip("torch")
    chw = np.ascontiguousarray(noise(12, 20, channels).transpose(2, 0, 1))
    tensor = torch.from_numpy(chw)
    if kind != "uint8":
        tensor = (tensor / 255).to(getattr(torch, kind))
    picture = load_one(tensor)
    expected = chw[0] if channels == 1 else chw[:3].transpose(1, 2, 0)
    tolerance = 1 if kind == "bfloat16" else 0
    assert picture.order is ColorOrder.RGB
    assert np.abs(picture.pixels.astype(int) - expected).max() <= tolerance
    (declared,) = ImageLoader().load(tensor, ColorOrder.BGR)
    assert declared.order is ColorOrder.BGR


def test_tensor_layouts(noise):
    torch = pytest.importorskip("torch")
    hwc = noise(12, 20)
    batch = np.stack([noise(12, 20, seed=i) for i in range(2)])
    np.testing.assert_array_equal(load_one(torch.from_numpy(hwc)).pixels, hwc)
    for layout in (batch, np.ascontiguousarray(batch.transpose(0, 3, 1, 2))):
        pictures = ImageLoader().load(torch.from_numpy(layout))
        for picture, image in zip(pictures, batch, strict=True):
            np.testing.assert_array_equal(picture.pixels, image)
    with_gradient = torch.zeros((3, 4, 5), requires_grad=True)
    assert load_one(with_gradient).pixels.shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ([], ["empty"]),
        (np.zeros((0, 8, 8, 3), np.uint8), ["empty"]),
        (np.zeros((8, 8, 3), np.float32), ["float32", "uint8", "* 255"]),
        (np.zeros((8, 8, 3), np.int64), ["int64", "uint8"]),
        (np.zeros((8, 8), bool), ["bool", "uint8"]),
        (np.zeros((3, 8, 9), np.uint8), ["(3, 8, 9)", "transpose"]),
        (np.zeros((8,), np.uint8), ["(8,)"]),
        (np.zeros((0, 8, 3), np.uint8), ["(0, 8, 3)"]),
        (np.zeros((1, 2, 8, 8, 3), np.uint8), ["(1, 2, 8, 8, 3)"]),
        (None, ["NoneType"]),
        (7, ["int"]),
        ({"image": 1}, ["dict"]),
        ([np.zeros((8, 8, 3), np.uint8), None], ["image 1", "NoneType"]),
        ([[np.zeros((8, 8, 3), np.uint8)]], ["image 0", "list"]),
        ([np.zeros((2, 8, 8, 3), np.uint8)], ["image 0", "(2, 8, 8, 3)"]),
    ],
)
def test_what_is_no_picture(image, words):
    with pytest.raises(InputError) as caught:
        ImageLoader().load(image)
    for word in words:
        assert word in str(caught.value)


def test_tensors_that_are_no_picture():
    torch = pytest.importorskip("torch")
    cases = [
        (torch.zeros((3, 4, 5), dtype=torch.int32), "int32"),
        (torch.full((3, 4, 5), 200.0), "from 200 to 200"),
        (torch.full((3, 4, 5), float("nan")), "from nan to nan"),
        (torch.zeros((7, 8, 9), dtype=torch.uint8), r"\(7, 8, 9\)"),
        (torch.zeros((5,), dtype=torch.uint8), r"\(5,\)"),
        (torch.zeros((3, 0, 9), dtype=torch.uint8), r"\(3, 0, 9\)"),
    ]
    for tensor, words in cases:
        with pytest.raises(InputError, match=words):
            ImageLoader().load(tensor)


def test_files_that_cannot_be_read(tmp_path):
    missing = tmp_path / "no" / "such.png"
    with pytest.raises(ImageNotFoundError, match=r"such\.png") as caught:
        ImageLoader().load(missing)
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(InputError, match="directory"):
        ImageLoader().load(str(tmp_path))
    with pytest.raises(InputError):
        ImageLoader().load("a\0b.png")
    text = tmp_path / "notes.txt"
    text.write_text("not a picture")
    with pytest.raises(ImageDecodeError, match=r"notes\.txt"):
        ImageLoader().load(text)
    with pytest.raises(ImageNotFoundError, match="file: addresses"):
        ImageLoader().load("file:///etc/passwd")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_files_without_permission(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(InputError, match="secret"):
        ImageLoader().load(path)


def test_the_pixel_cap_counts_for_arrays_and_pil():
    for image in (np.zeros((10, 11, 3), np.uint8), Image.new("RGB", (11, 10))):
        assert load_one(image, max_pixels=110).source.size == (10, 11)
        with pytest.raises(ImageTooLargeError, match="11x10"):
            load_one(image, max_pixels=109)


@pytest.mark.parametrize("url", ["http://example.com/a.png", "HTTPS://example.com/a.png"])
def test_urls_are_refused_unless_allowed(url):
    with pytest.raises(UrlInputForbiddenError, match="allow_url_input=True") as caught:
        ImageLoader().load(url)
    assert isinstance(caught.value, PermissionError)


def test_a_pil_image_that_was_not_decoded_yet(rgb, encode, tmp_path):
    path = Path(tmp_path / "lazy.png")
    path.write_bytes(encode(rgb, "PNG")[:-60])
    with Image.open(path) as image, pytest.raises(ImageDecodeError):
        ImageLoader().load(image)


def test_the_query_of_a_url_is_not_shown():
    with pytest.raises(UrlInputForbiddenError) as caught:
        ImageLoader().load("https://example.org/a.jpg?signature=hidden")
    assert "https://example.org/a.jpg" in str(caught.value)
    assert "hidden" not in str(caught.value)

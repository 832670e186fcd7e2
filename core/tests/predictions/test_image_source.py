from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from inference_models_core.errors import ImageDecodeError, InputError, InvalidRequestError
from inference_models_core.predictions import ImageSource
from inference_models_core.predictions.pixels import rgb_pixels
from inference_models_core.types.preprocessing import ColorOrder
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
BGR = np.ascontiguousarray(RGB[:, :, ::-1])
GREY = RGB[:, :, 0]


def encoded(orientation=None):
    buffer = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.fromarray(RGB).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def sixteen_bit():
    return Image.fromarray((GREY.astype(np.uint16) << 8) + 17)


CASES = {
    "numpy is BGR": (BGR, None, RGB),
    "numpy BGR": (BGR, ColorOrder.BGR, RGB),
    "numpy RGB": (RGB, ColorOrder.RGB, RGB),
    "BGRA": (np.dstack([BGR, GREY]), None, RGB),
    "RGBA": (np.dstack([RGB, GREY]), ColorOrder.RGB, RGB),
    "grey": (GREY, None, np.dstack([GREY] * 3)),
    "grey with an axis": (GREY[:, :, None], None, np.dstack([GREY] * 3)),
    "floats 0 to 1": (BGR.astype(np.float32) / 255, None, RGB),
    "floats 0 to 255": (BGR.astype(np.float64), None, RGB),
    "16 bits": (BGR.astype(np.uint16) * 257, None, RGB),
    "int32": (BGR.astype(np.int32), None, RGB),
    "mask": (GREY > 128, None, np.dstack([(GREY > 128) * np.uint8(255)] * 3)),
    "PIL": (Image.fromarray(RGB), None, RGB),
    "PIL, the colour order is for arrays": (Image.fromarray(RGB), ColorOrder.BGR, RGB),
    "PIL grey": (Image.fromarray(GREY), None, np.dstack([GREY] * 3)),
    "PIL on the side": (Image.open(io.BytesIO(encoded(orientation=6))), None, np.rot90(RGB, -1)),
    "PIL 16 bits": (sixteen_bit(), None, np.dstack([GREY] * 3)),
    "bytes": (encoded(), None, RGB),
    "bytearray": (bytearray(encoded()), None, RGB),
    "bytes upside down": (encoded(orientation=3), None, RGB[::-1, ::-1]),
    "bytes on the side": (encoded(orientation=6), None, np.rot90(RGB, -1)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_picture_loads_as_rgb(case):
    picture, order, expected = CASES[case]
    pixels = ImageSource(reference=picture, size=expected.shape[:2], color_order=order).load()
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected)


TENSORS = {
    "is RGB": (lambda torch: torch.from_numpy(RGB).permute(2, 0, 1), None),
    "BGR": (lambda torch: torch.from_numpy(BGR).permute(2, 0, 1), ColorOrder.BGR),
    "floats": (lambda torch: torch.from_numpy(RGB).permute(2, 0, 1) / 255, None),
    "gradient": (lambda torch: (torch.from_numpy(RGB).permute(2, 0, 1) / 255).requires_grad_(), None),
    "NCHW": (lambda torch: torch.from_numpy(RGB).permute(2, 0, 1)[None], None),
    "HWC": (lambda torch: torch.from_numpy(RGB), None),
}


@pytest.mark.parametrize("case", TENSORS)
def test_tensors_load_as_rgb(case):
    torch = pytest.importorskip("torch")
    tensor, order = TENSORS[case]
    source = ImageSource(reference=tensor(torch), size=(6, 9), color_order=order)
    np.testing.assert_array_equal(source.load(), RGB)


def test_tensors_of_one_channel_and_half_precision_load():
    torch = pytest.importorskip("torch")
    grey = np.dstack([GREY] * 3)
    np.testing.assert_array_equal(rgb_pixels(torch.from_numpy(GREY)), grey)
    np.testing.assert_array_equal(rgb_pixels(torch.from_numpy(GREY)[None]), grey)
    assert abs(rgb_pixels(torch.from_numpy(GREY)[None].bfloat16() / 255).astype(int) - grey).max() <= 2


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_load(tmp_path, kind):
    file = tmp_path / "bild ü.png"
    file.write_bytes(encoded(orientation=6))
    source = ImageSource(reference=kind(file), size=(9, 6))
    np.testing.assert_array_equal(source.load(), np.rot90(RGB, -1))
    assert source.to_dict() == {"height": 9, "width": 6, "path": str(file)}
    assert repr(source) == f"ImageSource({file}, 6x9)"


def test_arrays_are_referenced():
    source = ImageSource(reference=BGR, size=(6, 9))
    assert source.reference is BGR
    assert np.shares_memory(source.load(), BGR)
    assert repr(source) == "ImageSource(ndarray, 9x6)"
    assert source.path is None


@pytest.mark.parametrize("size", [[6, 9], np.array([6, 9]), (6, 9)])
def test_sizes_are_plain(size):
    source = ImageSource(reference=BGR, size=size)
    assert source.size == (6, 9)
    assert type(source.height) is int
    assert (source.height, source.width) == (6, 9)


@pytest.mark.parametrize(
    "picture",
    [
        3,
        None,
        object(),
        np.zeros(4),
        np.zeros((2, 3, 5)),
        np.zeros((2, 2, 2, 2)),
        np.zeros((0, 5, 3)),
        np.full((2, 2), "a"),
    ],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(InputError):
        rgb_pixels(picture)


@pytest.mark.parametrize("picture", [b"", b"not a picture", encoded()[:60], "missing.png", Path("missing.png")])
def test_what_cannot_be_decoded_is_refused(picture):
    with pytest.raises(ImageDecodeError) as caught:
        rgb_pixels(picture)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("url", ["http://example.com/a.png", "HTTPS://example.com/a.png"])
def test_urls_are_not_opened_again(url):
    with pytest.raises(InputError, match="not read again") as caught:
        rgb_pixels(url)
    assert "plot(image=...)" in caught.value.hint


def test_plotting_without_a_picture_says_what_to_do(build):
    import attrs

    result = attrs.evolve(build.detections(1), image=None)
    with pytest.raises(InvalidRequestError) as caught:
        result.plot()
    assert "plot(image=...)" in caught.value.hint
    assert result.plot(build.picture()).array.shape == (120, 200, 3)


def test_plotting_on_a_picture_of_another_size_is_refused(build):
    with pytest.raises(InputError, match="100x50"):
        build.detections(1).plot(np.zeros((50, 100, 3), np.uint8))

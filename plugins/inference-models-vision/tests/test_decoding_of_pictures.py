"""Encoded pictures: sizes from headers, EXIF, bombs, damage."""

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from inference_models_core.errors import ImageDecodeError, ImageTooLargeError, InputError
from inference_models_core.types.preprocessing import ColorOrder
from inference_models_vision.images.decoding import decode, pixels_of_pil
from inference_models_vision.images.header import Header, read_header
from PIL import Image, ImageOps

LIMIT = 64_000_000
LOSSLESS = [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PPM", {}), ("GIF", {})]


def rgb_of(data, max_pixels=LIMIT):
    pixels, order = decode(data, max_pixels=max_pixels, name="picture")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels[:, :, ::-1] if order is ColorOrder.BGR else pixels


@pytest.mark.parametrize(("image_format", "options"), LOSSLESS)
def test_pixels_come_back(image_format, options, encode, noise):
    pixels = noise(31, 47)
    if image_format == "GIF":
        pixels = pixels // 128 * 255  # eight colours survive the palette
    np.testing.assert_array_equal(rgb_of(encode(pixels, image_format, **options)), pixels)


@pytest.mark.parametrize(
    ("image_format", "options", "name"),
    [
        ("PNG", {}, "png"),
        ("JPEG", {}, "jpeg"),
        ("JPEG", {"progressive": True}, "jpeg"),
        ("WEBP", {"lossless": True}, "webp"),
        ("WEBP", {"lossless": False}, "webp"),
        ("BMP", {}, "bmp"),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (31, 47), (300, 7)])
def test_headers_give_the_size(image_format, options, name, size, encode, noise):
    data = encode(noise(*size), image_format, **options)
    assert read_header(data) == Header(name, size[1], size[0])


def test_webp_with_alpha_gives_the_size(encode, noise):
    assert read_header(encode(noise(20, 30, 4), "WEBP")) == Header("webp", 30, 20)


def test_webp_that_old_opencv_misreads_goes_to_pillow(encode, noise):
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = {"save_all": True, "append_images": [Image.new("RGB", (30, 20))]}
    for options in ({"exif": exif}, frames):
        assert read_header(encode(noise(20, 30), "WEBP", **options)) is None


def test_old_bitmaps_give_the_size():
    core_header = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 5, 7, 1, 24)
    assert read_header(core_header) == Header("bmp", 5, 7)
    upside_down = b"BM" + bytes(12) + struct.pack("<Iii", 40, 5, -7)
    assert read_header(upside_down) == Header("bmp", 5, 7)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_headers_cut_anywhere_are_no_crash(image_format, encode, noise):
    data = encode(noise(20, 30), image_format)
    for length in range(64):
        header = read_header(data[:length])
        assert header is None or (header.width, header.height) == (30, 20)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("image_format", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_exif_orientation(orientation, image_format, options, encode):
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24] = (250, 10, 10), (10, 250, 10), (10, 10, 250)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(pixels, image_format, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
        from_pil = pixels_of_pil(image, max_pixels=LIMIT, name="picture")
    found = rgb_of(data).astype(int)
    assert found.shape == expected.shape == ((48, 32, 3) if orientation > 4 else (32, 48, 3))
    assert np.abs(found - expected).max() <= 12  # JPEG decoders differ a little
    np.testing.assert_array_equal(from_pil, expected)


def png_bomb(width, height):
    """A PNG whose data would inflate to width x height."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_header():
    bomb = png_bomb(30_000, 30_000)
    assert len(bomb) < 200_000
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ImageTooLargeError, match=r"30000x30000 pixels.*64,000,000"):
        decode(bomb, max_pixels=LIMIT, name="bomb.png")
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert seconds < 1  # decoding it would take ten


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_the_cap_is_exact(image_format, encode, noise):
    data = encode(noise(20, 30), image_format)
    assert rgb_of(data, max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(ImageTooLargeError):
        rgb_of(data, max_pixels=599)


def test_a_bomb_in_a_format_of_pillow_is_refused():
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, "TIFF", compression="group4")
    with pytest.raises(ImageTooLargeError, match="9000x9000"):
        decode(buffer.getvalue(), max_pixels=LIMIT, name="bomb.tiff")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_pictures_are_errors(image_format, share, capfd, encode, noise):
    data = encode(noise(200, 300), image_format)
    with pytest.raises(ImageDecodeError, match="picture"):
        decode(data[: int(len(data) * share)], max_pixels=LIMIT, name="picture")


@pytest.mark.parametrize("data", [b"", b"hello", bytes(1000), b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"])
def test_what_is_no_picture_is_an_error(data):
    with pytest.raises(ImageDecodeError):
        decode(data, max_pixels=LIMIT, name="x")


def test_mutated_pictures_never_crash_or_give_nothing(capfd, encode, noise):
    rng = np.random.default_rng(5)
    decoded = 0
    for image_format in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
        original = np.frombuffer(encode(noise(24, 24), image_format), np.uint8)
        for _ in range(60):
            data = original.copy()
            places = rng.integers(0, len(data), 3)
            data[places] = rng.integers(0, 256, 3)
            try:
                pixels, _ = decode(data.tobytes(), max_pixels=1_000_000, name="x")
            except (ImageDecodeError, ImageTooLargeError):
                continue
            assert pixels.dtype == np.uint8
            decoded += 1
    assert decoded > 30  # most changes only hit pixels


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(image_format, encode):
    first = np.full((20, 30, 3), 200, np.uint8)
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(first, image_format, save_all=True, append_images=[Image.new("RGB", (30, 20))], **options)
    np.testing.assert_array_equal(rgb_of(data), first)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_modes_of_pil(mode):
    gray = np.tile(np.repeat(np.array([0, 255], np.uint8), 8), (4, 1))
    image = Image.fromarray(gray.astype(np.uint16) * 256 + 9) if mode == "I;16" else Image.fromarray(gray).convert(mode)
    assert image.mode == mode
    pixels = pixels_of_pil(image, max_pixels=LIMIT, name="picture")
    assert pixels.dtype == np.uint8
    shown = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    np.testing.assert_array_equal(shown, gray)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_of_unknown_range_are_errors(mode):
    with pytest.raises(InputError, match=repr(mode)):
        pixels_of_pil(Image.new(mode, (4, 4)), max_pixels=LIMIT, name="picture")

"""Encoded pictures to pixels: the pixel cap first, then OpenCV, and Pillow for what OpenCV does not read well."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import ImageDecodeError, ImageTooLargeError, InputError
from inference_models_core.types.preprocessing import ColorOrder

from inference_models_vision.images.header import read_header
from inference_models_vision.opencv import cv2

if TYPE_CHECKING:
    import numpy.typing as npt

_ENDINGS = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_PILLOW_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""All that decode in the process itself; Pillow's EPS reader, for one, would start Ghostscript."""
_EXIF_ORIENTATION = 0x0112


def decode(data: bytes | bytearray, *, max_pixels: int, name: str) -> tuple[npt.NDArray[np.uint8], ColorOrder]:
    """Decodes a picture, turned as its EXIF orientation says; of several frames the first.

    Args:
        data: The encoded picture.
        max_pixels: Most pixels accepted; checked in the header, before anything is decoded or allocated.
        name: What to call the picture in errors: its path, or ``"the given bytes"``.

    Returns:
        (H, W) or (H, W, 3) uint8, and the order of its channels.

    Raises:
        ImageTooLargeError: If it has more pixels.
        ImageDecodeError: If it is no picture, is truncated or damaged, or its format is unknown.
    """
    header = read_header(data)
    if header is None:
        return _decode_with_pillow(data, max_pixels, name)
    check_pixels(header.height, header.width, max_pixels, name)
    ending = _ENDINGS.get(header.format)
    if ending is not None and data.rfind(ending) < 0:
        raise ImageDecodeError(f"{name} is truncated: its {header.format.upper()} data has no end")
    pixels = _decode_with_opencv(data)
    if pixels is None:
        raise ImageDecodeError(f"{name} is damaged or truncated: its {header.format.upper()} data cannot be decoded")
    check_pixels(pixels.shape[0], pixels.shape[1], max_pixels, name)
    return pixels, ColorOrder.BGR


def check_pixels(height: int, width: int, max_pixels: int, name: str) -> None:
    """Refuses a picture that is too large.

    Raises:
        ImageTooLargeError: If height times width exceeds ``max_pixels``.
    """
    if height * width > max_pixels:
        raise ImageTooLargeError(
            f"{name} has {width}x{height} pixels, more than the limit of {max_pixels:,}",
            hint="raise the limit with LoadOptions(max_image_pixels=...) if you trust the picture",
        )


def pixels_of_pil(image: Any, *, max_pixels: int, name: str) -> npt.NDArray[np.uint8]:
    """Pixels of a PIL image, turned as its EXIF orientation says.

    Args:
        image: A ``PIL.Image.Image``, possibly not decoded yet.
        max_pixels: Most pixels accepted.
        name: What to call it in errors.

    Returns:
        (H, W) uint8 for greyscale, else (H, W, 3) uint8 RGB; transparency is dropped, 16-bit values keep their high
        byte.

    Raises:
        ImageTooLargeError: If it has more pixels.
        ImageDecodeError: If its data is damaged.
        InputError: If its mode has no 8-bit equivalent.
    """
    check_pixels(image.height, image.width, max_pixels, name)
    try:
        return _array_of_pil(_upright(image), name)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise ImageDecodeError(f"{name} cannot be decoded: {error}") from error


def _decode_with_opencv(data: bytes | bytearray) -> npt.NDArray[np.uint8] | None:
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # applies EXIF itself
    except cv2.error:
        return None
    return pixels  # type: ignore[no-any-return]  # None where it cannot be decoded, whatever the stubs say


def _decode_with_pillow(
    data: bytes | bytearray, max_pixels: int, name: str
) -> tuple[npt.NDArray[np.uint8], ColorOrder]:
    from PIL import Image

    Image.init()
    try:  # Pillow raises KeyError for a format that it was built without
        image = Image.open(io.BytesIO(data), formats=[each for each in _PILLOW_FORMATS if each in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"{name} is too large to be opened: {error}") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageDecodeError(f"{name} is not a picture of a known format") from error
    with image:
        return pixels_of_pil(image, max_pixels=max_pixels, name=name), ColorOrder.RGB


def _upright(image: Any) -> Any:
    if image.getexif().get(_EXIF_ORIENTATION, 1) == 1:
        return image
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _array_of_pil(image: Any, name: str) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I;16"):  # Pillow's own conversion would clip everything above 255
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise InputError(
            f"{name} has the mode {image.mode!r}, whose range of values is unknown",
            hint='scale it to 0-255 and convert it: image.convert("L")',
        )
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))

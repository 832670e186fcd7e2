"""Sizes of encoded pictures, read from their first bytes so that a bomb is refused before it is decoded.

Covers what is common and what OpenCV decodes well; anything else is left to Pillow. Formats: PNG (W3C, IHDR), JPEG
(ITU-T T.81, B.2.2), WebP (RFC 9649), BMP (Windows BITMAPCOREHEADER and BITMAPINFOHEADER).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_MAX_JPEG_SEGMENTS = 4096
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN_OR_END = frozenset({0xD9, 0xDA})
_WEBP_ANIMATION_OR_EXIF = 0x02 | 0x08


class Header(NamedTuple):
    """What the first bytes of an encoded picture say.

    Attributes:
        format: ``"png"``, ``"jpeg"``, ``"webp"`` or ``"bmp"``.
        width: In pixels, before any EXIF orientation.
        height: The same.
    """

    format: str
    width: int
    height: int


def read_header(data: bytes | bytearray) -> Header | None:
    """Reads format and size.

    Args:
        data: The encoded picture.

    Returns:
        The header, or ``None`` for any other format, for a damaged header, and for WebP files with animation or EXIF
        data, which OpenCV before 4.12 does not read as it should.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _png_size(data)
    elif data.startswith(b"\xff\xd8\xff"):
        size = _jpeg_size(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data)
    elif data.startswith(b"BM"):
        size = _bmp_size(data)
    else:
        return None
    return None if size is None else Header(_FORMATS[data[0]], *size)


_FORMATS = {0x89: "png", 0xFF: "jpeg", ord("R"): "webp", ord("B"): "bmp"}


def _png_size(data: bytes | bytearray) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes | bytearray) -> tuple[int, int] | None:
    position = 2
    for _ in range(_MAX_JPEG_SEGMENTS):
        if position + 9 > len(data) or data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker in _JPEG_FRAME:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        if marker in _JPEG_SCAN_OR_END:
            return None
        position += _jpeg_segment_length(data, position, marker)
    return None


def _jpeg_segment_length(data: bytes | bytearray, position: int, marker: int) -> int:
    if marker == 0xFF:  # a fill byte before the marker
        return 1
    if marker in _JPEG_WITHOUT_LENGTH:
        return 2
    return int(2 + struct.unpack_from(">H", data, position + 2)[0])


def _webp_size(data: bytes | bytearray) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        if data[20] & _WEBP_ANIMATION_OR_EXIF:
            return None
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _bmp_size(data: bytes | bytearray) -> tuple[int, int] | None:
    if len(data) < 26:
        return None
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)

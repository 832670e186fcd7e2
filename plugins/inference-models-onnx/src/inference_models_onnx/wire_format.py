"""The wire format of protocol buffers, as far as reading needs it: bounded, without any library.

Source: https://protobuf.dev/programming-guides/encoding/. A message is a row of fields; each field is a tag (field
number and wire type) and a payload. Nothing is copied: a reader walks over bytes and gives positions, so that the
gigabytes of a large tensor are stepped over and never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from inference_models_core.errors import PackageError, UnsafeModelFileError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAX_FIELDS = 5_000_000
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MASK = (1 << 64) - 1
_SIGN = 1 << 63


def number_tag(field: int) -> int:
    """Tag of a field that holds a number."""
    return field << 3 | _VARINT


def length_tag(field: int) -> int:
    """Tag of a field that holds text, bytes, a message or packed numbers."""
    return field << 3 | _LENGTH


class WireReader:
    """Walks over the fields of messages inside one file.

    Args:
        data: The file's bytes.
        name: Its name, for errors.
    """

    __slots__ = ("_data", "_left", "name")

    def __init__(self, data: bytes | mmap.mmap, name: str) -> None:
        self._data = data
        self._left = MAX_FIELDS
        self.name = name

    def fields(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The fields of the message between two positions.

        Args:
            start: First byte.
            stop: Byte after the last.

        Yields:
            ``(tag, a, b)``: the tag is ``number * 8 + wire type``, so that a known field with an unexpected wire type
            looks like an unknown one, as the format demands. For a varint ``a`` is its value, unsigned; for all others
            the payload lies between ``a`` and ``b``.

        Raises:
            PackageError: If a field does not end inside the message, or is none.
            UnsafeModelFileError: If the file has more fields than any real one.
        """
        data = self._data
        while start < stop:
            self._left -= 1
            tag = data[start]
            start += 1
            if tag > 127:
                tag, start = self._varint(start - 1)
            wire_type = tag & 7
            if wire_type == _LENGTH:
                length = data[start]
                start += 1
                if length > 127:
                    length, start = self._varint(start - 1)
                end = start + length
                if end > stop:
                    self._truncated(start, length, stop)
                yield tag, start, end
                start = end
            elif wire_type == _VARINT:
                value = data[start]
                start += 1
                if value > 127:
                    value, start = self._varint(start - 1)
                yield tag, value, start
            else:
                end = start + self._fixed_size(wire_type, start)
                yield tag, start, end
                start = end
            if tag < 8 or tag >> 32 or self._left < 0:
                self._refuse(tag, start)
        if start > stop:
            self._truncated(stop, start - stop, stop)

    def _varint(self, position: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._data[position]
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & _MASK, position
        raise PackageError(f"not a valid ONNX file: {self.name}: a number at byte {position} does not end")

    def _fixed_size(self, wire_type: int, position: int) -> int:
        if wire_type == _FIXED64:
            return 8
        if wire_type == _FIXED32:
            return 4
        raise PackageError(f"not a valid ONNX file: {self.name}: wire type {wire_type} at byte {position - 1}")

    def _truncated(self, position: int, needed: int, stop: int) -> NoReturn:
        raise PackageError(
            f"truncated ONNX file: {self.name}: byte {position} begins a field of {needed} bytes, "
            f"{max(stop - position, 0)} are left",
            hint="fetch the file again",
        )

    def _refuse(self, tag: int, position: int) -> NoReturn:
        if self._left < 0:
            raise UnsafeModelFileError(f"{self.name} has more than {MAX_FIELDS} fields")
        raise PackageError(f"not a valid ONNX file: {self.name}: field number {tag >> 3} before byte {position}")

    def text(self, start: int, stop: int, limit: int = 65_536) -> str:
        """The text between two positions; bytes that are no UTF-8 become replacement characters.

        Raises:
            UnsafeModelFileError: If it is longer than ``limit`` bytes.
        """
        if stop - start > limit:
            raise UnsafeModelFileError(f"{self.name}: a name of {stop - start} bytes at byte {start}")
        return self._data[start:stop].decode("utf-8", errors="replace")

    def packed(self, start: int, stop: int) -> Iterator[int]:
        """The signed numbers of a packed field."""
        while start < stop:
            value, start = self._varint(start)
            yield signed(value)
        if start > stop:
            self._truncated(stop, start - stop, stop)


def signed(value: int) -> int:
    """A varint as the 64-bit signed number that it stands for."""
    return value - (1 << 64) if value & _SIGN else value

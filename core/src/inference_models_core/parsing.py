"""Strict readers for metadata from outside: JSON documents of packages, providers and plugins.

Every reader knows the path of the value it reads, so that an error says exactly where: file, key, what was expected
and what was found. Nothing is coerced (``"true"`` and ``1`` are not booleans), sizes and depths are capped, unknown
keys are ignored: documents may grow.

A manifest parser of a plugin gets this module as its ``readers`` argument::

    def parse(manifest, readers):
        fields = readers.Fields(manifest, "packageManifest")
        opset = fields.integer("opset", minimum=1)
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from inference_models_core.errors import MalformedDocumentError, PackageFileMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

T = TypeVar("T")
D = TypeVar("D")

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
MAX_ITEMS = 10_000
MAX_VALUES = 400_000
"""Values in one document: what fits into its bytes as honest metadata, and 50 MB of memory at most."""
MAX_TEXT = 64 * 1024
MAX_INTEGER = 2**53
_MAX_DIGITS = 400
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SHA256 = re.compile("[0-9a-f]{64}")
_MD5 = re.compile("[0-9a-f]{32}")
_MISSING: Any = object()


def read_json(path: Path) -> Fields:
    """Reads a JSON object from a file.

    Args:
        path: The file.

    Returns:
        Its fields; errors name the file.

    Raises:
        PackageFileMissingError: If the file does not exist or cannot be read.
        MalformedDocumentError: If it is too large, not UTF-8, not JSON, nested too deep or not an object.
    """
    return Fields(parse_json(read_bytes(path), path.name), path.name)


def read_bytes(path: Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Reads a small file whole; errors as for :func:`read_json`."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise PackageFileMissingError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > limit:
        malformed(path.name, f"at most {limit} bytes", f"more than {limit} bytes")
    return content


def parse_json(content: bytes | str, where: str) -> Any:
    """Parses JSON with the caps of this module; ``where`` names the document in errors.

    Args:
        content: The document, in UTF-8 where it is bytes.
        where: Its name.

    Returns:
        Plain values. They are bounded in number and depth; the caps on lists, texts and numbers are those of the
        readers, so that one oversized field spoils what it belongs to and not the whole document.

    Raises:
        MalformedDocumentError: If it is too large, not UTF-8, not JSON, or nested too deep.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        _check_size(text, where)
        document = json.loads(text, parse_constant=_number, parse_int=_whole_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedDocumentError):
            raise
        raise MalformedDocumentError(f"{where}: not valid JSON: {error}") from error
    _check_depth(document, where)
    return document


def _check_size(text: str, where: str) -> None:
    """Before parsing: eight megabytes of empty objects would become two hundred of memory."""
    if len(text) > MAX_DOCUMENT_BYTES:
        malformed(where, f"at most {MAX_DOCUMENT_BYTES} bytes", "more")
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        malformed(where, f"at most {MAX_VALUES} values", "more")


def _whole_number(text: str) -> int:
    if len(text) > _MAX_DIGITS:  # the time to read one grows with the square of its length
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999, NaN: no other JSON reader could read back what was made of it
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def _check_depth(document: Any, where: str) -> None:
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [child for container in level for child in _children(container) if isinstance(child, (dict, list))]
        if not level:
            return
    malformed(where, f"at most {MAX_DEPTH} levels", "deeper nesting")


def _children(container: dict[str, Any] | list[Any]) -> Collection[Any]:
    return container.values() if isinstance(container, dict) else container


def malformed(where: str, expected: str, found: str) -> NoReturn:
    """Raises :class:`MalformedDocumentError` with the path, what was expected and what was found."""
    raise MalformedDocumentError(f"{where}: expected {expected}, found {found}")


def describe(value: Any) -> str:
    """A value as errors show it: short, with its JSON type."""
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} with {len(value)} entries"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_text(value: Any, where: str, *, choices: Collection[str] | None = None) -> str:
    """Text of at most ``MAX_TEXT`` characters that UTF-8 can express, one of ``choices`` if given."""
    if not isinstance(value, str):
        malformed(where, "text", describe(value))
    if len(value) > MAX_TEXT:
        malformed(where, f"text of at most {MAX_TEXT} characters", f"{len(value)} characters")
    if not value.isascii() and _LONE_SURROGATE.search(value):  # asking for ASCII takes no time
        malformed(where, "text", f"half a character in {describe(value)}")
    if choices is not None and value not in choices:
        malformed(where, f"one of {', '.join(sorted(choices))}", describe(value))
    return value


def as_integer(value: Any, where: str, *, minimum: int = -MAX_INTEGER, maximum: int = MAX_INTEGER) -> int:
    """A whole number in a range; booleans and floats are refused."""
    if not isinstance(value, int) or isinstance(value, bool):
        malformed(where, "a whole number", describe(value))
    if not minimum <= value <= maximum:
        malformed(where, f"a whole number from {minimum} to {maximum}", str(value))
    return value


def as_number(value: Any, where: str, *, minimum: float = -1e300, maximum: float = 1e300) -> float:
    """A finite number in a range; booleans are refused."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        malformed(where, "a number", describe(value))
    if not minimum <= value <= maximum:
        malformed(where, f"a number from {minimum:g} to {maximum:g}", str(value))
    return float(value)


def as_boolean(value: Any, where: str) -> bool:
    """``true`` or ``false``, nothing that looks like it."""
    if not isinstance(value, bool):
        malformed(where, "true or false", describe(value))
    return value


def as_sha256(value: Any, where: str) -> str:
    """A SHA-256 digest: exactly 64 hex digits in lower case. Spellings that other tools forgive are refused."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        malformed(where, "64 lower-case hex digits", describe(value))
    return value


def as_md5(value: Any, where: str) -> str:
    """An MD5 digest: exactly 32 hex digits in lower case."""
    if not isinstance(value, str) or not _MD5.fullmatch(value):
        malformed(where, "32 lower-case hex digits", describe(value))
    return value


def as_json(value: Any, where: str, *, depth: int = MAX_DEPTH) -> Any:
    """Any JSON value whose parts respect the caps: for fields that only their owner understands.

    Args:
        value: The value.
        where: Its path.
        depth: Levels that are left.

    Returns:
        A copy: objects with text as keys, lists, text, numbers, booleans, ``None``.

    Raises:
        MalformedDocumentError: If a part is something else, or too large.
    """
    if isinstance(value, str):
        return as_text(value, where)
    if isinstance(value, dict) and len(value) <= MAX_ITEMS and depth > 0:
        return {as_text(key, where): as_json(entry, where, depth=depth - 1) for key, entry in value.items()}
    if isinstance(value, list) and len(value) <= MAX_ITEMS and depth > 0:
        return [as_json(entry, where, depth=depth - 1) for entry in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return as_integer(value, where) if isinstance(value, int) else as_number(value, where)
    malformed(where, f"JSON of at most {MAX_DEPTH} levels and {MAX_ITEMS} entries in one place", describe(value))


def as_object(value: Any, where: str) -> Fields:
    """An object, as fields."""
    return Fields(value, where)


def as_list(
    value: Any, where: str, item: Callable[[Any, str], T], *, length: int | None = None, maximum: int = MAX_ITEMS
) -> tuple[T, ...]:
    """A list whose items ``item(value, where)`` reads, of a given length if one is given, else of at most so many."""
    if not isinstance(value, list):
        malformed(where, "a list", describe(value))
    if len(value) > maximum:
        malformed(where, f"at most {maximum} items", str(len(value)))
    if length is not None and len(value) != length:
        malformed(where, f"a list of {length}", f"a list of {len(value)}")
    return tuple(item(entry, f"{where}[{index}]") for index, entry in enumerate(value))


class Fields:
    """The fields of one JSON object; every reader takes a key and gives a value of one type or an error.

    A key that is absent or ``null`` gives ``default`` where one is passed; without a default it is an error.
    """

    __slots__ = ("_beginning", "_mapping", "where")

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            malformed(where, "an object", describe(value))
        self._mapping: Mapping[str, Any] = value
        self._beginning = f"{where}: " if " " not in where and ":" not in where else f"{where}."
        self.where = where

    def __contains__(self, key: str) -> bool:
        return self._mapping.get(key) is not None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The object itself."""
        return self._mapping

    def read(self, key: str, reader: Callable[..., T], default: D = _MISSING, **limits: Any) -> T | D:
        """Reads one field with any reader of this module or of the same shape ``(value, where, **limits)``."""
        value = self._mapping.get(key)
        if value is not None:
            return reader(value, self._beginning + key, **limits)
        if default is _MISSING:
            malformed(self._beginning + key, "a value", "null" if key in self._mapping else "nothing")
        return default

    def text(self, key: str, default: D = _MISSING, **limits: Any) -> str | D:
        """Text; see :func:`as_text`."""
        return self.read(key, as_text, default, **limits)

    def integer(self, key: str, default: D = _MISSING, **limits: Any) -> int | D:
        """A whole number; see :func:`as_integer`."""
        return self.read(key, as_integer, default, **limits)

    def number(self, key: str, default: D = _MISSING, **limits: Any) -> float | D:
        """A number; see :func:`as_number`."""
        return self.read(key, as_number, default, **limits)

    def boolean(self, key: str, default: D = _MISSING) -> bool | D:
        """A boolean; see :func:`as_boolean`."""
        return self.read(key, as_boolean, default)

    def fields(self, key: str, default: D = _MISSING) -> Fields | D:
        """An object; see :func:`as_object`."""
        return self.read(key, as_object, default)

    def items(self, key: str, item: Callable[[Any, str], T], default: D = _MISSING, **limits: Any) -> tuple[T, ...] | D:
        """A list; see :func:`as_list`."""
        return self.read(key, lambda value, where: as_list(value, where, item, **limits), default)

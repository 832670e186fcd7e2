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
MAX_TEXT = 64 * 1024
MAX_INTEGER = 2**53
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
    """Parses JSON with the caps of this module; ``where`` names the document in errors."""
    try:
        document = json.loads(content, parse_constant=lambda text: malformed(where, "a finite number", text))
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedDocumentError):
            raise
        raise MalformedDocumentError(f"{where}: not valid JSON: {error}") from error
    _check_limits(document, where)
    return document


def _check_limits(document: Any, where: str) -> None:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value, where)]
        if not level:
            return
    malformed(where, f"at most {MAX_DEPTH} levels", "deeper nesting")


def _children(value: Any, where: str) -> Collection[Any]:
    if not isinstance(value, (dict, list)):
        return ()
    if len(value) > MAX_ITEMS:
        malformed(where, f"at most {MAX_ITEMS} entries in one place", str(len(value)))
    return value.values() if isinstance(value, dict) else value


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
    """Text of at most ``MAX_TEXT`` characters, one of ``choices`` if given."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        malformed(where, "text", describe(value))
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


def as_object(value: Any, where: str) -> Fields:
    """An object, as fields."""
    return Fields(value, where)


def as_list(value: Any, where: str, item: Callable[[Any, str], T], *, length: int | None = None) -> tuple[T, ...]:
    """A list whose items ``item(value, where)`` reads, of a given length if one is given."""
    if not isinstance(value, list):
        malformed(where, "a list", describe(value))
    if len(value) > MAX_ITEMS:
        malformed(where, f"at most {MAX_ITEMS} items", str(len(value)))
    if length is not None and len(value) != length:
        malformed(where, f"a list of {length}", f"a list of {len(value)}")
    return tuple(item(entry, f"{where}[{index}]") for index, entry in enumerate(value))


class Fields:
    """The fields of one JSON object; every reader takes a key and gives a value of one type or an error.

    A key that is absent or ``null`` gives ``default`` where one is passed; without a default it is an error.
    """

    __slots__ = ("_mapping", "where")

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            malformed(where, "an object", describe(value))
        self._mapping: Mapping[str, Any] = value
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
        where = f"{self.where}: {key}" if " " not in self.where and ":" not in self.where else f"{self.where}.{key}"
        if value is None:
            if default is _MISSING:
                malformed(where, "a value", "null" if key in self._mapping else "nothing")
            return default
        return reader(value, where, **limits)

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

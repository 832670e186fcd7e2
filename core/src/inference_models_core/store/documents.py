"""Small JSON files of the cache: written whole or not at all, read as data from a stranger."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypeVar

from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.log import debug
from inference_models_core.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from inference_models_core.store.layout import Layout

T = TypeVar("T")


def read_document(path: Path) -> parsing.Fields | None:
    """Reads an object; ``None`` if nothing is there, it cannot be read, or it is damaged."""
    try:
        return parsing.Fields(parsing.parse_json(read_small_file(path), path.name), path.name)
    except FileNotFoundError:
        return None
    except (OSError, MalformedDocumentError) as error:
        debug("%s counts as absent: %s", path, error)
        return None


def read_value(path: Path, key: str, reader: Callable[[Any, str], T]) -> T | None:
    """Reads one field with a reader of ``parsing``; ``None`` if it, or the document, is missing or damaged."""
    fields = read_document(path)
    try:
        return None if fields is None else fields.read(key, reader)
    except MalformedDocumentError as error:
        debug("%s counts as absent: %s", path, error)
        return None


def read_small_file(path: Path) -> bytes:
    """Reads a regular file of at most ``parsing.MAX_DOCUMENT_BYTES``.

    Raises:
        FileNotFoundError: If nothing is there.
        OSError: If it cannot be read, or is no regular file.
        MalformedDocumentError: If it is longer.
    """
    with os.fdopen(files.open_existing(path), "rb") as file:
        content = file.read(parsing.MAX_DOCUMENT_BYTES + 1)
    if len(content) > parsing.MAX_DOCUMENT_BYTES:
        parsing.malformed(path.name, f"at most {parsing.MAX_DOCUMENT_BYTES} bytes", "more")
    return content


def write_document(path: Path, content: Mapping[str, Any], mode: int = 0o600) -> None:
    """Replaces a file: readers see the old one or the new one, also after a power cut.

    Args:
        path: The file; its folder must exist.
        content: Plain JSON values.
        mode: Its permissions, whatever the umask.

    Raises:
        OSError: If it cannot be written; nothing is left behind.
    """
    write_file(path, json.dumps(content, ensure_ascii=True, sort_keys=True, indent=1).encode(), mode)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """The same for bytes."""
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        _write_new(temporary, content, mode)
        files.replace(temporary, path)
    except BaseException:
        files.remove(temporary)
        raise
    files.sync_folder(path.parent)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    fd = files.create(path, mode)
    try:
        files.set_mode(fd, mode)
        files.write(fd, content)
        files.sync(fd)
    finally:
        os.close(fd)


def write_quietly(layout: Layout, path: Path, content: Mapping[str, Any]) -> None:
    """Writes what only saves time later, and makes its folder; that it cannot be written is a detail."""
    try:
        layout.make(path.parent)
        write_document(path, content, layout.file_mode)
    except OSError as error:
        debug("%s is not written: %s", path, error)

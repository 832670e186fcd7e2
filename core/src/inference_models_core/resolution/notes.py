"""Small files in which a cache keeps what it remembers: written whole or not at all, put aside when damaged.

That something cannot be remembered never fails a load: it is told once, and the provider is asked again next time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from inference_models_core.errors import MalformedDocumentError, UnsafeCacheError
from inference_models_core.log import debug, logger
from inference_models_core.parsing import MAX_DOCUMENT_BYTES, parse_json
from inference_models_core.store.documents import read_small_file, write_file
from inference_models_core.store.quarantine import put_aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inference_models_core.resolution.scope import Scope

T = TypeVar("T")


def read_note(path: Path, read: Callable[[Any, str], T], scope: Scope) -> T | None:
    """Reads a document.

    Args:
        path: The file.
        read: Makes a value of the parsed document, given its name for errors.
        scope: Whether the cache may be written.

    Returns:
        The value; ``None`` if there is no such file, it may not be read, or it is damaged. A damaged one is put aside
        with one warning.

    Raises:
        UnsafeCacheError: If something else than a file is in its place.
    """
    try:
        return read(parse_json(read_small_file(path), path.name), path.name)
    except UnsafeCacheError:
        raise
    except MalformedDocumentError as error:
        put_aside(scope.layout, path, error.message, writable=scope.writable)
    except FileNotFoundError:
        pass
    except OSError as error:
        debug("%s cannot be read: %s", path, error)
    return None


def write_note(path: Path, document: Any, scope: Scope) -> bool:
    """Writes a document: readers see the old one or the new one, also after a power failure.

    Args:
        path: The file; its folder is made if it is missing.
        document: Plain JSON values.
        scope: Whether the cache may be written, and for whom.

    Returns:
        Whether it is written: not where nothing can be, nor if the document is larger than readers accept or holds a
        number that JSON has not; but for the first, a warning says why.

    Raises:
        UnsafeCacheError: If something else than a folder is in the place of its folder.
    """
    if not scope.writable:
        return False
    try:
        content = _serialised(document)
        scope.layout.make(path.parent)
        write_file(path, content, scope.layout.file_mode)
    except UnsafeCacheError:
        raise
    except (OSError, ValueError) as error:
        logger().warning("%s cannot be remembered: %s", path, error)
        return False
    return True


def _serialised(document: Any) -> bytes:
    content = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"{len(content)} bytes are more than {MAX_DOCUMENT_BYTES}")
    return content

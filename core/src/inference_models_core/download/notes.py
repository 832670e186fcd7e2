"""What stands beside a part: who writes it, and what it is a part of. Never a URL."""

from __future__ import annotations

import json
import os
import platform
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.download.intervals import Interval, Intervals, union
from inference_models_core.errors import InferenceModelsError
from inference_models_core.parsing import Fields, as_integer, as_list, parse_json
from inference_models_core.store import files
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_BYTES = 1 << 20


@attrs.frozen(kw_only=True, repr=False)
class Note(Value):
    """What a part is a part of.

    Attributes:
        etag: As the server sent it.
        last_modified: As the server sent it.
        size: Of the whole file; ``None`` if unknown.
        source: Tells one origin and path from others; see :func:`~inference_models_core.download.sources.source_of`.
        done: Which bytes are there; ``None``: all from the start to the end of the part.
    """

    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None
    source: str | None = None
    done: Intervals | None = None

    @property
    def strong_etag(self) -> str | None:
        """The ETag, if equal ones mean equal bytes (RFC 9110, 8.8.1)."""
        return self.etag if self.etag and self.etag.startswith('"') else None


def note_path(part: Path) -> Path:
    """The file beside a part."""
    return part.with_suffix(".json")


def temporary_path(part: Path) -> Path:
    """Where a note is written before it gets its name."""
    return part.with_suffix(".tmp")


def write_note(part: Path, note: Note, started: float) -> None:
    """Writes a note: readers see the old one or the new one. It is not synced: after a power failure the hash decides.

    Args:
        part: The part it belongs to.
        note: What to say.
        started: When the part was created, in seconds since the epoch.
    """
    owner = {"pid": os.getpid(), "host": platform.node(), "started": started}
    temporary = temporary_path(part)
    files.remove(temporary)
    fd = files.create(temporary)
    try:
        files.write(fd, json.dumps(owner | attrs.asdict(note)).encode())
    finally:
        os.close(fd)
    files.replace(temporary, note_path(part))


def read_note(part: Path) -> Note | None:
    """The note beside a part; ``None`` if there is none that can be read: such a part is of no use."""
    try:
        fd = files.open_existing(note_path(part))
        with os.fdopen(fd, "rb") as file:
            document = parse_json(file.read(_MAX_BYTES), note_path(part).name)
        return _note(Fields(document, note_path(part).name))
    except (OSError, InferenceModelsError):
        return None


def _note(fields: Fields) -> Note:
    return Note(
        etag=fields.text("etag", None),
        last_modified=fields.text("last_modified", None),
        size=fields.integer("size", None, minimum=0),
        source=fields.text("source", None),
        done=union(fields.items("done", _interval)) if "done" in fields else None,
    )


def _interval(value: Any, where: str) -> Interval:
    start, stop = as_list(value, where, lambda entry, place: as_integer(entry, place, minimum=0), length=2)
    return start, stop


def validator(headers: Mapping[str, str], name: str) -> str | None:
    """A header by which a server tells this content from others; ``None`` if it is of no use."""
    text = headers.get(name, "").strip()
    return text if text and text.isascii() and text.isprintable() and len(text) <= 1024 else None

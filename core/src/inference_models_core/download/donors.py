"""What earlier downloads left: copied into an own part, never written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.download import locks
from inference_models_core.download.intervals import Intervals, clipped, length, prefix, union
from inference_models_core.download.notes import Note, read_note
from inference_models_core.download.parts import parts_in, remove_dead_parts
from inference_models_core.store import files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from inference_models_core.download.parts import Part
    from inference_models_core.download.values import RemoteFile


@attrs.frozen
class Donor:
    """A part that somebody else left."""

    path: Path
    note: Note
    done: Intervals


def adopt(part: Part, file: RemoteFile, sources: Collection[str]) -> None:
    """Copies what the best donor has, says so in the note of the part, and removes dead donors.

    Args:
        part: An empty part.
        file: What is to be downloaded.
        sources: Of its URLs.
    """
    found = [_donor(path, file, sources) for path in parts_in(part.path.parent) if path != part.path]
    donors = [donor for donor in found if donor is not None]
    for donor in sorted(donors, key=lambda each: length(each.done), reverse=True):
        if _copy(donor, part):
            break
    remove_dead_parts(part.path.parent, idle_seconds=float("inf"))


def _donor(path: Path, file: RemoteFile, sources: Collection[str]) -> Donor | None:
    """The part, if what it holds can be trusted to be of this file, or to be found out if it is not."""
    note = read_note(path)
    if note is None or (None not in (note.size, file.size) and note.size != file.size):
        return None
    if not file.has_digest and (note.source not in sources or note.strong_etag is None):
        return None
    try:
        there = path.lstat().st_size
    except OSError:
        return None
    size = file.size if file.size is not None else note.size
    done = union(((0, there),)) if note.done is None else clipped(note.done, there)
    if size is not None and (there > size or not file.has_digest):
        # Without a digest, one byte has to be asked for again: only the server can tell that all are still right.
        done = () if there > size else clipped(done, size - 1)
    return Donor(path, note, done) if done else None


def _copy(donor: Donor, part: Part) -> bool:
    """Whether it worked; a donor whose owner is alive is left alone."""
    try:
        fd = files.open_existing(donor.path)
    except OSError:
        return False
    try:
        if locks.take(fd, shared=True) is False:
            return False
        copied = union((start, files.copy_at(fd, part.fd, start, stop)) for start, stop in donor.done)
    finally:
        locks.close(fd)
    if not copied:
        return False
    is_prefix = prefix(copied) == length(copied)
    part.describe(attrs.evolve(donor.note, done=None if is_prefix else copied))
    return True

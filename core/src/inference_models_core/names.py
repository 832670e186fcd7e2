"""One validator for every name that comes from outside, and the only way from such a name to a folder's name.

Files of packages keep their names on disk, so those follow the rules of POSIX and Windows on every system. Ids never
become parts of a path: :func:`slug` turns them into one.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from inference_models_core.parsing import describe, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_IDENTIFIER = 255
MAX_MODEL_ID = 1024
MAX_HANDLE = 1024
MAX_SEGMENT = 255

_SEGMENT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.ASCII | re.IGNORECASE)
_RESERVED = {"model_config.json", "model_dependencies", "dependencies"}
"""First segments that core itself puts into a package's folder (``core.md`` 7.3 of the reference's description)."""
_UNREADABLE = re.compile(r"[^a-z0-9]+", re.ASCII)
_PREFIX = 32
_DIGEST = 32


def check_handle(handle: str, where: str) -> str:
    """Checks the name of a file inside a package.

    Args:
        handle: Relative path with ``/`` between segments; segments of ``A-Z a-z 0-9 . _ -``.
        where: Document and key the name was read from, for the error.

    Returns:
        The handle, unchanged.

    Raises:
        MalformedDocumentError: If it could leave the package's folder, is no file name on some system, or is one that
            the folder needs for itself.
    """
    if not isinstance(handle, str):
        malformed(where, "the name of a file", describe(handle))
    if len(handle) > MAX_HANDLE:
        malformed(where, f"a file name of at most {MAX_HANDLE} characters", f"{len(handle)} characters")
    expected = _expected_instead(handle)
    if expected:
        malformed(where, expected, describe(handle))
    return handle


@functools.lru_cache(maxsize=1024)
def _expected_instead(handle: str) -> str:
    """What a name should be that it is not; empty for a good one. Thousands of packages share a few names."""
    segments = handle.split("/")
    faults = filter(None, map(_fault_of_segment, segments))
    if segments[0].lower() in _RESERVED:
        return next(faults, "a file name that the package's folder does not need for itself")
    return next(faults, "")


def _fault_of_segment(segment: str) -> str:
    if not _SEGMENT.fullmatch(segment) or len(segment) > MAX_SEGMENT:
        return "a relative file name of letters, digits, '.', '_', '-' and '/'"
    if segment.endswith("."):
        return "a file name without '.' or '..' or a dot at the end"
    if _DEVICE.fullmatch(segment):
        return "a file name that is no device on Windows"
    if segment.startswith(".") and segment.lower().endswith(".lock"):
        return "a file name that is none of a lock"
    return ""


def check_handles(handles: Iterable[str], where: str) -> None:
    """Checks the names of all files of a package, each alone and together.

    Args:
        handles: The names.
        where: Document and key they were read from, for the error.

    Raises:
        MalformedDocumentError: If one is not allowed, two are the same where upper and lower case are not told apart,
            or one is a file and a folder.
    """
    clash = _clash(tuple([check_handle(handle, where) for handle in handles]))
    if clash is not None:
        malformed(where, f"file names that do not clash with {describe(clash[0])}", describe(clash[1]))


@functools.lru_cache(maxsize=256)
def _clash(files: tuple[str, ...]) -> tuple[str, str] | None:
    """Two paths that are one on some system."""
    folders = {folder for file in files for folder in _folders(file)}
    taken: dict[str, str] = {}
    for path in (*files, *sorted(folders)):
        folded = path.lower()  # handles are ASCII: no Unicode forms to fold
        if folded in taken:
            return taken[folded], path
        taken[folded] = path
    return None


def _folders(handle: str) -> Iterator[str]:
    return (handle[:index] for index, character in enumerate(handle) if character == "/")


def check_identifier(text: str, where: str, *, longest: int = MAX_IDENTIFIER) -> str:
    """Checks the id of a package or a model, or the name of a dependency.

    Args:
        text: The id, as it came from outside.
        where: Document and key it was read from, or the argument, for the error.
        longest: Most characters it may have; :data:`MAX_MODEL_ID` for ids of models.

    Returns:
        The id, unchanged.

    Raises:
        MalformedDocumentError: If it is empty, too long, has white space around it, or a character that does not
            print: control, bidirectional, surrogate, private or unassigned.
    """
    if not isinstance(text, str):
        malformed(where, "an id", describe(text))
    if not 1 <= len(text) <= longest:
        malformed(where, f"an id of 1 to {longest} characters", f"{len(text)} characters")
    if not text.isprintable() or text != text.strip():
        malformed(where, "an id of characters that print, with no space around it", ascii(text[:80]))
    return text


def slug(*texts: str) -> str:
    """A name for a folder or a file that stands for any texts.

    Args:
        texts: Ids; anything may stand in them.

    Returns:
        A readable beginning and 128 bits of a digest: lower-case ASCII letters, digits and ``-``, at most 65 of them,
        no device name on Windows. Different texts, or the same split otherwise, never give the same name, also where
        the file system folds upper and lower case or Unicode forms.
    """
    import hashlib

    digest = hashlib.sha256()
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "big") + content)
    readable = _UNREADABLE.sub("-", "-".join(texts)[: 4 * _PREFIX].lower())[:_PREFIX].strip("-")
    return f"{readable or 'id'}-{digest.hexdigest()[:_DIGEST]}"

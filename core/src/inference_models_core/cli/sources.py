"""From what the user typed to pictures: files, folders, patterns, URLs.

Folders are walked one at a time and patterns are expanded by us, so that a command means the same on every system.
What is held in memory is the names of one folder, or the matches of one pattern, never pictures.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from inference_models_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PICTURE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".heic", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tif", ".tiff", ".webp",
})  # fmt: skip
"""What counts as a picture in a folder; a file that is named is taken whatever its suffix."""
_UNNAMED = "picture"


@attrs.frozen
class PictureSource:
    """One picture to predict on.

    Attributes:
        reference: What the model gets: a path, or a URL as text.
        place: Where its annotated copy belongs below the output folder.
    """

    reference: Path | str
    place: Path

    def __str__(self) -> str:
        return str(self.reference)


@attrs.frozen
class MissingSource:
    """Something the user typed that leads to no picture.

    Attributes:
        text: What the user typed.
        error: Why there is none.
    """

    text: str
    error: InputError

    def __str__(self) -> str:
        return self.text


def find_pictures(
    sources: Iterable[str], *, recursive: bool = False, skip: Path | None = None
) -> Iterator[PictureSource | MissingSource]:
    """Expands what the user typed, in that order; folders and patterns sorted by name.

    Args:
        sources: Files, folders, glob patterns (``**`` for any depth), URLs.
        recursive: Whether to descend into the folders of folders; hidden ones are left out.
        skip: A folder to leave out while walking: the output folder, which may lie inside.

    Yields:
        Pictures, and what could not be found.
    """
    for source in sources:
        found = False
        for picture in _expand(source, recursive, skip):
            found = True
            yield picture
        if not found:
            yield MissingSource(source, InputError(_why_nothing(source, recursive)))


def _expand(source: str, recursive: bool, skip: Path | None) -> Iterator[PictureSource]:
    if "://" in source:
        return iter([PictureSource(source, Path(_name_of_url(source)))])
    path = Path(source).expanduser()
    if path.is_dir():
        return _walk(path, path, recursive, skip)
    if path.exists():
        return iter([PictureSource(path, Path(path.name))])
    return _match(path) if glob.has_magic(source) else iter(())


def _walk(folder: Path, root: Path, recursive: bool, skip: Path | None) -> Iterator[PictureSource]:
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in visible:
        path = folder / entry.name
        if recursive and entry.is_dir(follow_symlinks=False):
            if skip is None or path.resolve() != skip.resolve():
                yield from _walk(path, root, recursive, skip)
        elif path.suffix.lower() in PICTURE_SUFFIXES and entry.is_file():
            yield PictureSource(path, path.relative_to(root))


def _match(pattern: Path) -> Iterator[PictureSource]:
    root = _fixed_part(pattern)
    for match in sorted(glob.glob(str(pattern), recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
        path = Path(match)
        if path.is_file():
            yield PictureSource(path, path.relative_to(root))


def _fixed_part(pattern: Path) -> Path:
    """The folders before the first wildcard: below the output folder, only what a pattern left open is repeated."""
    fixed: list[str] = []
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _name_of_url(url: str) -> str:
    name = PurePosixPath(urlsplit(url).path).name
    return name if name.strip(".") else _UNNAMED


def _why_nothing(source: str, recursive: bool) -> str:
    if Path(source).expanduser().is_dir():
        return "the folder has no pictures" + ("" if recursive else "; --recursive looks into its folders too")
    return "no file matches" if glob.has_magic(source) else "there is no such file or folder"

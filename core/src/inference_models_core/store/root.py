"""Which folder the cache is, and whether anybody else could have put something into it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inference_models_core import settings
from inference_models_core.errors import ReadOnlyCacheError, UnsafeCacheError
from inference_models_core.store import files
from inference_models_core.store.layout import FOLDERS, Layout

_TAG_NAME = "CACHEDIR.TAG"
_TAG = b"""Signature: 8a477f597d28d172789f06886806bc55
# Models that inference-models has fetched; all of it can be fetched again. https://bford.info/cachedir/
"""
_ELSEWHERE = "or use another folder: cache_dir=..."


def open_root(root: Path | None, *, shared: bool, create: bool) -> Layout:
    """Finds the cache's folder, makes it if it may, and checks who can write there.

    Args:
        root: Folder that the caller names; ``None`` for the user's own cache.
        shared: Whether it belongs to a group of users.
        create: Whether to make it.

    Returns:
        Its layout; the folder may be missing if it was not to be made.

    Raises:
        UnsafeCacheError: If others may write there.
        ReadOnlyCacheError: If it cannot be made.
    """
    named = settings.cache_folder() if root is None else root.expanduser()
    given = Path(os.path.abspath(named))  # noqa: PTH100 - resolve() would follow the links that are checked next
    _check_links(given)
    layout = Layout(root=Path(os.path.realpath(given)), shared=shared)
    if not layout.root.exists() and not create:
        return layout
    _make(layout, create)
    _check(layout, explicit=root is not None)
    return layout


def _make(layout: Layout, create: bool) -> None:
    if layout.root.is_dir():
        return
    try:
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        is_new = create and files.make_folder(layout.root, layout.folder_mode)
        if is_new and layout.shared:
            files.set_folder_mode(layout.root, layout.folder_mode)
        if is_new:
            _write_tag(layout)
    except OSError as error:
        raise ReadOnlyCacheError(
            f"cannot make the cache {layout.root}: {error.strerror}", hint=_ELSEWHERE[3:]
        ) from error


def _write_tag(layout: Layout) -> None:
    fd = files.create(layout.root / _TAG_NAME, layout.file_mode)
    try:
        files.write(fd, _TAG)
    finally:
        os.close(fd)


def _check_links(given: Path) -> None:
    """A link on the way that somebody else has made leads where they like, and elsewhere tomorrow."""
    if not hasattr(os, "getuid"):
        return
    for path in (given, *given.parents):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in {os.getuid(), 0}:
            raise UnsafeCacheError(
                f"{path} is a link that user {found.st_uid} has made", hint=f"look at it and remove it: rm {path}"
            )


def _check(layout: Layout, *, explicit: bool) -> None:
    root = layout.root
    if not root.is_dir():
        raise UnsafeCacheError(f"{root} is not a folder", hint=f"look at it and remove it: rm {root}, {_ELSEWHERE}")
    if not hasattr(os, "getuid"):
        return  # Windows: the user's own folders are nobody else's
    _check_parents(root, explicit=explicit)
    _check_folder(root, os.lstat(root), layout.shared, explicit)
    for name in FOLDERS:
        path = root / name
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        _check_folder(path, found, layout.shared, explicit)


def _check_parents(root: Path, *, explicit: bool) -> None:
    """Whoever may write a folder may put another one in the place of each in it, unless it is sticky."""
    for path in root.parents:
        mode = path.stat().st_mode
        if not mode & stat.S_IWOTH:
            continue
        if not mode & stat.S_ISVTX:
            raise UnsafeCacheError(f"everybody may write {path}, and so replace {root}", hint=f"chmod o-w {path}")
        if path == root.parent and not explicit:
            raise UnsafeCacheError(
                f"the cache {root} would lie directly in {path}, where everybody may write",
                hint="set XDG_CACHE_HOME to a folder of your own, or name the cache: cache_dir=...",
            )


def _check_folder(path: Path, found: os.stat_result, shared: bool, explicit: bool) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeCacheError(f"{path} is not a folder", hint=f"look at it and remove it: rm {path}")
    trusted = {os.getuid(), 0} if explicit else {os.getuid()}
    if found.st_uid not in trusted and not shared:
        raise UnsafeCacheError(
            f"{path} belongs to user {found.st_uid}, who can put anything into it",
            hint=f"if it is yours: sudo chown -R {os.getuid()} {path}; for a group: LoadOptions(shared_cache=True); "
            f"{_ELSEWHERE}",
        )
    if found.st_mode & stat.S_IWOTH:
        raise UnsafeCacheError(f"everybody may write {path}", hint=f"chmod -R o-w {path}")
    if found.st_mode & stat.S_IWGRP and not (shared or explicit):
        raise UnsafeCacheError(
            f"a group may write {path}",
            hint=f"chmod -R g-w {path}; if that is wanted: LoadOptions(shared_cache=True)",
        )

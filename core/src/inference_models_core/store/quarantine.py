"""Damaged files are put aside for a look, never silently deleted and never used."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from inference_models_core.log import debug, logger
from inference_models_core.store import files
from inference_models_core.store.layout import QUARANTINE

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.store.layout import Layout

SECONDS_KEPT = 7 * 24 * 3600
_TIME = "%Y%m%dT%H%M%SZ"


def put_aside(layout: Layout, path: Path, why: str, *, writable: bool) -> None:
    """Moves a damaged file or folder to the quarantine, with one warning.

    Args:
        layout: The cache.
        path: What is damaged.
        why: What was expected and what was found, as half a sentence.
        writable: Whether the cache may be written; otherwise only the warning is given.
    """
    layout.damage.append(f"{path}: {why}")
    if not writable:
        logger().warning("%s is damaged and stays, in a cache that cannot be written: %s", path, why)
        return
    kept = layout.folder(QUARANTINE) / f"{time.strftime(_TIME, time.gmtime())}-{os.urandom(4).hex()}-{path.name}"
    try:
        layout.make(kept.parent)
        files.rename(path, kept)
    except FileNotFoundError:
        debug("%s was put aside by another process", path)
    except OSError as error:
        logger().warning("%s is damaged (%s) and cannot be put aside: %s", path, why, error)
    else:
        logger().warning("%s is damaged and put aside as %s: %s", path, kept, why)


def put_aside_at(path: Path) -> float:
    """When something was put aside, in seconds since 1970; 0 if its name does not say."""
    import calendar

    try:
        return calendar.timegm(time.strptime(path.name.partition("-")[0], _TIME))
    except ValueError:
        return 0

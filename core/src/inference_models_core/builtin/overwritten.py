"""Which installed distributions have overwritten each other's files.

pip lets two distributions write the same file, and the later one wins without a word. That is harmless where the
content is the same (empty ``__init__.py`` of a shared folder), and breaks things where it is not.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inference_models_core.plugins.distributions import InstalledDistribution

_NATIVE_SUFFIXES = (".so", ".pyd", ".dll", ".dylib")


def overwritten_modules(distributions: Iterable[InstalledDistribution]) -> dict[str, tuple[str, ...]]:
    """Finds modules that several distributions bring with different content.

    Args:
        distributions: What is installed.

    Returns:
        Name of the top-level module -> names of the distributions, both sorted. Only package roots and native
        libraries are compared: enough to tell one build from another, and few enough to be quick.
    """
    first: dict[str, tuple[str, str]] = {}
    shared: dict[str, set[str]] = {}
    for distribution in distributions:
        for path, digest in _telling_files(distribution):
            owner, known = first.setdefault(path, (distribution.name, digest))
            if owner != distribution.name and known != digest:
                shared.setdefault(path.partition("/")[0], set()).update({owner, distribution.name})
    return {module: tuple(sorted(shared[module])) for module in sorted(shared)}


def _telling_files(distribution: InstalledDistribution) -> Iterator[tuple[str, str]]:
    lines = distribution.read("RECORD").decode("utf-8", "replace").splitlines()
    for row in csv.reader(lines):
        if len(row) >= 2 and row[1] and _is_telling(row[0]):
            yield row[0], row[1]


def _is_telling(path: str) -> bool:
    if path.startswith(("..", "/")) or "/" not in path:
        return False
    return path.endswith(_NATIVE_SUFFIXES) or (path.endswith("/__init__.py") and path.count("/") == 1)

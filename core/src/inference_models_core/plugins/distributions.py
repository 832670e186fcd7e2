"""Installed distributions, read from folder names: ``name-1.0.dist-info`` says all that is needed most of the time.

Importing ``importlib.metadata`` costs more than scanning hundreds of distributions by hand (22 ms against 6 ms), and
this is done in every process. The standard library is asked only where a path entry is no folder (zip archives) or a
foreign finder brings distributions of its own.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".dist-info", ".egg-info")
_SEPARATORS = re.compile(r"[-_.]+")


def normalise_name(name: str) -> str:
    """Canonical spelling of a distribution's name (PyPA name normalisation): ``"Foo_Bar"`` is ``"foo-bar"``."""
    return _SEPARATORS.sub("-", name).lower()


class InstalledDistribution(NamedTuple):
    """One installed distribution.

    Attributes:
        name: Normalised name.
        version: Version as its folder's name says; empty where it does not.
        location: Its metadata folder; for distributions of zip archives and foreign finders a text for people.
        foreign: The standard library's ``Distribution`` where there is no folder to read.
    """

    name: str
    version: str
    location: str
    foreign: Any = None

    def read(self, file_name: str) -> bytes:
        """Content of one of its metadata files; empty if there is no such file."""
        if self.foreign is not None:
            return (self.foreign.read_text(file_name) or "").encode()
        try:
            # A plain unbuffered open: with 300 distributions pathlib would cost three times as much.
            with open(os.path.join(self.location, file_name), "rb", buffering=0) as file:  # noqa: PTH118, PTH123
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return b""

    def metadata(self) -> dict[str, list[str]]:
        """Header fields of its core metadata by lower-case name, each with every value in order."""
        return parse_headers(self.read("METADATA") or self.read("PKG-INFO"))


def parse_headers(document: bytes) -> dict[str, list[str]]:
    """Reads the header block of a core metadata document (an e-mail header); the description is not touched.

    Args:
        document: Content of ``METADATA`` or ``PKG-INFO``.

    Returns:
        Lower-case field name to its values in order; continuation lines are joined with a newline.
    """
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in document.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace").split("\n"):
        if line[:1].isspace():
            if values:
                values[-1] += "\n" + line.strip()
            continue
        name, separator, value = line.partition(":")
        if separator:
            values = fields.setdefault(name.strip().lower(), [])
            values.append(value.strip())
    return fields


def scan_distributions(search_path: Iterable[str] | None = None) -> dict[str, InstalledDistribution]:
    """Lists what is installed.

    Args:
        search_path: Folders and archives in order; ``sys.path`` and foreign finders if ``None``.

    Returns:
        Normalised name to distribution. The first one on the path shadows those of the same name behind it, as an
        import would find it.
    """
    found: dict[str, InstalledDistribution] = {}
    for entry in dict.fromkeys(sys.path if search_path is None else search_path):
        for distribution in _distributions_of(entry):
            found.setdefault(distribution.name, distribution)
    if search_path is None:
        for distribution in _distributions_of_finders():
            found.setdefault(distribution.name, distribution)
    return found


def _distributions_of(entry: str) -> Iterable[InstalledDistribution]:
    folder = entry or "."
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed, a Path per file costs milliseconds
    except NotADirectoryError:
        return _distributions_of_archive(folder)
    except OSError:  # a path entry that does not exist or may not be read offers nothing to an import either
        return ()
    if folder.endswith(".egg") and "EGG-INFO" in names:
        return (_from_folder(folder, "EGG-INFO", re.split(r"[/\\]", folder[: -len(".egg")])[-1]),)
    return [_from_folder(folder, name, name.rpartition(".")[0]) for name in sorted(names) if name.endswith(_SUFFIXES)]


def _from_folder(parent: str, folder: str, stem: str) -> InstalledDistribution:
    name, _, rest = stem.partition("-")
    return InstalledDistribution(normalise_name(name), rest.partition("-")[0], os.path.join(parent, folder))  # noqa: PTH118


def _distributions_of_archive(path: str) -> list[InstalledDistribution]:
    from importlib import metadata

    context = metadata.DistributionFinder.Context(path=[path])
    return [_from_foreign(each) for each in metadata.MetadataPathFinder.find_distributions(context)]


def _distributions_of_finders() -> Iterator[InstalledDistribution]:
    for finder in sys.meta_path:
        find = getattr(finder, "find_distributions", None)
        # The standard finder's and the backport's answers come from the folders that were just read.
        if find is None or _module_of(finder).partition(".")[0] in ("_frozen_importlib_external", "importlib_metadata"):
            continue
        from importlib import metadata

        for each in find(metadata.DistributionFinder.Context()):
            yield _from_foreign(each)


def _module_of(finder: object) -> str:
    owner = finder if isinstance(finder, type) else type(finder)
    return owner.__module__


def _from_foreign(distribution: Any) -> InstalledDistribution:
    name, version = distribution.metadata["Name"] or "", distribution.version or ""
    return InstalledDistribution(normalise_name(name), version, f"metadata of {name} {version}", distribution)


class Environment:
    """What is installed, scanned when it is first asked for."""

    @functools.cached_property
    def distributions(self) -> dict[str, InstalledDistribution]:
        """Normalised name to distribution."""
        return scan_distributions()

    def version(self, name: str) -> str | None:
        """Version of an installed distribution, ``None`` if it is not installed; the name in any spelling."""
        distribution = self.distributions.get(normalise_name(name))
        if distribution is None:
            return None
        return distribution.version or next(iter(distribution.metadata().get("version", ())), "")

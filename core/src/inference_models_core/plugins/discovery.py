"""Entry points of installed distributions, found without importing any of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.hookspecs import ENTRY_POINT_GROUP
from inference_models_core.types.plugins import PluginIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inference_models_core.plugins.distributions import InstalledDistribution

_VALUE = re.compile(r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")


class PluginCandidate(NamedTuple):
    """A plugin that an installed distribution offers.

    Attributes:
        identity: Name of the entry point, distribution, version.
        value: Value of the entry point: ``"package.plugin"`` or ``"package.plugin:object"``.
        requires: The distribution's requirements as its metadata states them.
        metadata_path: Folder of its metadata.
    """

    identity: PluginIdentity
    value: str
    requires: tuple[str, ...] = ()
    metadata_path: str = ""

    @property
    def module(self) -> str:
        """Dotted name of the module; empty if the value is malformed."""
        match = _VALUE.fullmatch(self.value)
        return match.group(1) if match else ""

    @property
    def attribute(self) -> str:
        """Dotted name of the object inside the module; empty if the module itself is the plugin."""
        match = _VALUE.fullmatch(self.value)
        return (match.group(2) or "") if match else ""


def discover(distributions: Iterable[InstalledDistribution]) -> tuple[PluginCandidate, ...]:
    """Finds every plugin that is installed.

    Only the metadata of distributions that offer a plugin is read: reading all of it costs 0.2 to 0.4 s with 300
    distributions.

    Args:
        distributions: What is installed.

    Returns:
        The plugins by name, then distribution, then value, whatever the order on disk; equal ones once.
    """
    found = {candidate for each in distributions for candidate in _candidates_of(each)}
    return tuple(sorted(found, key=_order))


def _order(candidate: PluginCandidate) -> tuple[str, str, str]:
    return candidate.identity.name, candidate.identity.distribution, candidate.value


def _candidates_of(distribution: InstalledDistribution) -> Iterator[PluginCandidate]:
    document = distribution.read("entry_points.txt")
    if ENTRY_POINT_GROUP.encode() not in document:
        return
    entries = list(parse_entry_points(document.decode("utf-8", "replace"), ENTRY_POINT_GROUP))
    headers = distribution.metadata() if entries else {}
    version = next(iter(headers.get("version", ())), distribution.version)
    for name, value in entries:
        yield PluginCandidate(
            identity=PluginIdentity(name=name, distribution=distribution.name, version=version),
            value=value,
            requires=tuple(headers.get("requires-dist", ())),
            metadata_path=distribution.location,
        )


def parse_entry_points(document: str, group: str) -> Iterator[tuple[str, str]]:
    """Reads the pairs (name, value) of one group of an ``entry_points.txt``."""
    section = ""
    for line in map(str.strip, document.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and line and not line.startswith(("#", ";")):
            name, separator, value = line.partition("=")
            if separator:
                yield name.strip(), value.strip()

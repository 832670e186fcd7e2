"""The code on a page of the documentation: what stands below `<!-- file: X -->` and `<!-- run -->`."""

from __future__ import annotations

import re
from pathlib import Path

from reliability import children


def blocks(page: str, marker: str) -> dict[str, str]:
    """What stands behind the marker -> the code below it."""
    found = re.findall(rf"^<!-- {marker}(.*?) -->\n```\w+\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return {name.strip(): code for name, code in found}


def install(page: str, package: str, site: Path) -> None:
    """As an installer would: the package's files and a `dist-info` with the entry points of the page."""
    for name, code in blocks(page, "file: ").items():
        if name.startswith(f"{package}/"):
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, encoding="utf-8")
    project = blocks(page, "file: ")["pyproject.toml"]
    group, plugin, module = re.search(
        r'^\[project\.entry-points\."(.+)"\]\n(\S+) = "(.+)"$', project, flags=re.MULTILINE
    ).groups()
    name, version = re.search(r'^name = "(.+)"\nversion = "(.+)"$', project, flags=re.MULTILINE).groups()
    children.write_dist_info(site, name, version, {group: {plugin: module}})

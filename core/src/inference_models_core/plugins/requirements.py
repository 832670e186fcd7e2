"""Requirements in the standard grammar (``"onnxruntime>=1.17"``), answered without ``packaging`` where that is exact.

Importing ``packaging`` costs 26 to 31 ms. Comparing plain release numbers needs none of it; everything else (markers,
pre-releases, local versions, ``~=``, wildcards) goes to ``packaging``, so the answer is always the standard's.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from inference_models_core.plugins.distributions import normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from packaging.requirements import Requirement

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_SIMPLE = re.compile(r"\s*[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*\(?\s*([<>=!,.\d\s]*?)\s*\)?\s*(;.*)?", re.DOTALL)
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)\s*")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_ONLY_EXTRA = re.compile(r""";\s*extra\s*==\s*(["'])[^"']*\1\s*""")
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def requirement_name(requirement: str) -> str:
    """Normalised name of the distribution that a requirement is about; empty if it does not start with a name."""
    match = _NAME.match(requirement)
    return normalise_name(match.group(1)) if match else ""


def is_satisfied(requirement: str, version: str) -> bool:
    """Whether a version satisfies a requirement, or the requirement does not apply here.

    Pre-releases count: ``1.2.1.dev5`` satisfies ``>=1.2,<2``. A requirement of an extra does not apply.

    Args:
        requirement: One requirement, such as ``"inference-models-core>=0.1,<0.2"``.
        version: An installed version.

    Returns:
        ``True`` if it is satisfied or its marker excludes this environment.

    Raises:
        ValueError: If requirement or version cannot be read.
    """
    simple = _SIMPLE.fullmatch(requirement)
    if simple and simple.group(2) and _ONLY_EXTRA.fullmatch(simple.group(2)):
        return True
    if simple and not simple.group(2) and _RELEASE.fullmatch(version):
        clauses = [_CLAUSE.fullmatch(text) for text in simple.group(1).split(",") if text.strip()]
        if all(clauses):
            return all(_holds(clause[1], clause[2], version) for clause in clauses if clause)
    return _is_satisfied_by_the_standard(requirement, version)


def first_satisfied(requirements: Iterable[str], versions: Callable[[str], str | None]) -> str | None:
    """The first of several alternatives that is installed in a fitting version.

    Args:
        requirements: Alternatives, such as ``("onnxruntime>=1.17", "onnxruntime-gpu>=1.17")``.
        versions: Normalised name -> installed version, ``None`` if it is not installed.

    Returns:
        The requirement that is met; ``None`` if none is.

    Raises:
        ValueError: If a requirement cannot be read.
    """
    for requirement in requirements:
        version = versions(requirement_name(requirement))
        if version is not None and is_satisfied(requirement, version):
            return requirement
    return None


def _holds(comparison: str, bound: str, version: str) -> bool:
    left, right = _release(version), _release(bound)
    width = max(len(left), len(right))
    return _COMPARE[comparison](left + (0,) * (width - len(left)), right + (0,) * (width - len(right)))


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _is_satisfied_by_the_standard(requirement: str, version: str) -> bool:
    from packaging.requirements import Requirement

    parsed = Requirement(requirement)
    return not _applies(parsed) or parsed.specifier.contains(version, prereleases=True)


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})

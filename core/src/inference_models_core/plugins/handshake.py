"""Do plugin and core speak the same language? Answered before the plugin is imported, as far as that can be."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from inference_models_core.__about__ import __version__
from inference_models_core.hookspecs import API_VERSION
from inference_models_core.plugins.requirements import is_satisfied, requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.types.plugins import PluginIdentity

CORE_DISTRIBUTION = "inference-models-core"
API_CONSTANT = "INFERENCE_MODELS_API"
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})")


class Mismatch(NamedTuple):
    """Why a plugin does not fit the running core.

    Attributes:
        reason: One sentence.
        fix: Command that mends it.
    """

    reason: str
    fix: str = ""


def check_requirements(requires: Iterable[str], plugin: PluginIdentity, core: str = __version__) -> Mismatch | None:
    """Checks what the plugin's distribution requires of core against the running core.

    Installers check this too, but not in workspaces and editable installs, and not after ``--no-deps``.

    Args:
        requires: Requirements from the distribution's metadata.
        plugin: Whose they are.
        core: Version of the running core.

    Returns:
        ``None`` if they are met.
    """
    upgrade = f"pip install --upgrade {CORE_DISTRIBUTION} {plugin.distribution}"
    for requirement in requires:
        if requirement_name(requirement) != CORE_DISTRIBUTION:
            continue
        try:
            if not is_satisfied(requirement, core):
                return Mismatch(f"it requires {requirement}, and {CORE_DISTRIBUTION} {core} is running", upgrade)
        except ValueError as error:
            return Mismatch(f"its requirement {requirement!r} cannot be read: {error}", upgrade)
    return None


def check_api(stated: object, plugin: PluginIdentity, core: str = API_VERSION) -> Mismatch | None:
    """Checks the API version that a plugin states: the same major, and a minor that is not newer than core's.

    Args:
        stated: Value of ``INFERENCE_MODELS_API``; ``None`` if the plugin has none.
        plugin: Whose it is.
        core: API version of the running core.

    Returns:
        ``None`` if they fit.
    """
    upgrade_plugin = f"pip install --upgrade {plugin.distribution}" if plugin.distribution else ""
    if stated is None:
        return Mismatch(f"it does not state {API_CONSTANT}", upgrade_plugin)
    wanted = _version(stated)
    if wanted is None:
        return Mismatch(f"{API_CONSTANT} is {stated!r}, not text such as {core!r}", upgrade_plugin)
    offered = _version(core)
    assert offered is not None
    if wanted[0] == offered[0] and wanted[1] <= offered[1]:
        return None
    fix = f"pip install --upgrade {CORE_DISTRIBUTION}" if wanted > offered else upgrade_plugin
    return Mismatch(f"it is written for plugin API {stated}, and {CORE_DISTRIBUTION} {__version__} has {core}", fix)


def _version(text: object) -> tuple[int, int] | None:
    match = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return (int(match[1]), int(match[2])) if match else None


class StatedApi(NamedTuple):
    """What the source of a module says about the API version.

    Attributes:
        value: The constant; ``None`` if the source has none.
    """

    value: object


def api_stated_in_source(module: str) -> StatedApi | None:
    """Reads the API version from a module's source, without running the module or any package around it.

    Args:
        module: Dotted name.

    Returns:
        What the source says; ``None`` where only running it could tell (no source, a computed or imported constant).
    """
    source = _source_of(module)
    if source is None:
        return None
    if API_CONSTANT.encode() not in source and b"import *" not in source:
        return StatedApi(None)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # the import will say what is wrong with it
        return None
    values = [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)) and _names_api(node)]
    return StatedApi(values[-1].value) if values and isinstance(values[-1], ast.Constant) else None


def _names_api(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == API_CONSTANT for target in targets)


def _source_of(module: str) -> bytes | None:
    """Asks the finders of the import system for one package after the other; ``find_spec`` would import parents."""
    path: Iterable[str] | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _find_spec(".".join(parts[:depth]), path)
        if spec is None or (depth < len(parts) and spec.submodule_search_locations is None):
            return None
        path = spec.submodule_search_locations
    get_data = getattr(spec.loader, "get_data", None)
    if get_data is None or not str(spec.origin).endswith(".py"):
        return None
    try:
        source: bytes = get_data(spec.origin)
    except OSError:
        return None
    return source


def _find_spec(name: str, path: Any) -> Any:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, path) if hasattr(finder, "find_spec") else None
        except (KeyError, AttributeError):  # nested namespace packages need their parent imported
            return None
        if spec is not None:
            return spec
    return None

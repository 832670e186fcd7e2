"""What a package promises in `__all__` can be imported, is sorted, and is known to type checkers."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _module_name(path: Path) -> str:
    source = next(parent for parent in path.parents if parent.name == "src")
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _states_all(path: Path) -> bool:
    return any(
        isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


MODULES = {
    _module_name(path): path
    for pattern in ("*/src", "*/*/src")
    for source in ROOT.glob(pattern)
    for path in sorted(source.rglob("*.py"))
    if _states_all(path)
}
LAZY = sorted(name for name, path in MODULES.items() if "lazy_exports(" in path.read_text(encoding="utf-8"))


def test_packages_are_found():
    assert "inference_models_core" in MODULES
    assert "inference_models_core" in LAZY


@pytest.mark.parametrize("name", sorted(MODULES))
def test_all_is_sorted_and_importable(name):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(set(module.__all__))
    for public in module.__all__:
        assert getattr(module, public) is not None, public


@pytest.mark.parametrize("name", LAZY)
def test_lazy_names_are_known_to_type_checkers(name):
    """The imports under `if TYPE_CHECKING:` name the same objects as the lazy look-up."""
    module = importlib.import_module(name)
    twins = {
        alias.asname or alias.name: (node.module, alias.name)
        for block in ast.parse(MODULES[name].read_text(encoding="utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    exported = {public: twin for public, twin in twins.items() if public in module.__all__}
    for public, (origin, attribute) in exported.items():
        assert getattr(module, public) is getattr(importlib.import_module(origin), attribute), public
    assert set(module.__all__) - set(exported) <= set(_eager_names(name))


def _eager_names(name: str) -> list[str]:
    """Names that are there without the lazy look-up, in a process that asked for none."""
    code = f"import {name} as m; print(*vars(m))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return run.stdout.split()


@pytest.mark.parametrize("name", LAZY)
def test_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module(name).no_such_name  # noqa: B018


@pytest.mark.parametrize("name", LAZY)
def test_dir_lists_the_public_names(name):
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(dir(module))

"""Every test that docs/security.md names as a proof exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from inference_models_core.negotiation.codes import MEANINGS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/.-]+\.py)::(\w+)`", PAGE)


def test_proofs_are_named():
    assert len(NAMED) >= 20


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_proofs_exist(path, name):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_files_and_codes_exist():
    assert all((ROOT / path).exists() for path in re.findall(r"`((?:tests|core|plugins)/[\w/.-]+\.py)`", PAGE))
    assert {"untrusted-publisher", "code-not-trusted", "local-code-forbidden"} <= set(MEANINGS)

"""Modules are found without being imported."""

from __future__ import annotations

import sys
from types import ModuleType

from inference_models_core.runtime.modules import has_module, missing_modules


def test_what_is_here_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert missing_modules(["json", "never_imported", "not_here_at_all"]) == {"not_here_at_all"}
    assert "never_imported" not in sys.modules


def test_a_module_that_was_made_in_this_process_is_here(monkeypatch):
    monkeypatch.setitem(sys.modules, "made_here", ModuleType("made_here"))
    assert has_module("made_here")
    monkeypatch.setitem(sys.modules, "made_here", None)
    assert not has_module("made_here")

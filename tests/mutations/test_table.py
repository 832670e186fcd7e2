"""The table of mutations is not out of date: a text that is gone would be a mutation that nobody makes."""

from __future__ import annotations

import pytest

from mutations.run import ROOT, mutated
from mutations.table import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_to_be_changed_is_there_once(mutation):
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    compile(mutated(text, mutation), mutation.file, "exec")
    assert all((ROOT / test).exists() for test in mutation.tests if test.endswith(".py"))


def test_names_are_told_apart():
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 14

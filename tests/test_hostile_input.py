"""Documents with faults and names with intentions: only this library's errors come out, and nothing gets out.

The long runs are for `nox -s reliability`.
"""

from __future__ import annotations

import pytest
from reliability.hostile_documents import report, survey_bytes, survey_documents
from reliability.hostile_names import survey_names


def check(surveys, minimum_share):
    assert not list(report(surveys)), "\n".join(report(surveys))
    for name, found in surveys.items():
        assert not found.escapes
        assert found.accepted_share >= minimum_share, f"{name}: {found.accepted_share:.0%} accepted shows little"
        assert found.refused, f"{name}: everything was accepted"


def test_documents_with_faults(tmp_path):
    check(survey_documents(5_000, tmp_path), 0.2)


def test_bytes_that_may_be_documents(tmp_path):
    check(survey_bytes(1_000, tmp_path), 0.05)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [101, 102, 103, 104, 105])
def test_many_documents_with_faults(tmp_path, seed):
    check(survey_documents(20_000, tmp_path, seed=seed), 0.2)


@pytest.mark.nightly
def test_many_bytes_that_may_be_documents(tmp_path):
    check(survey_bytes(20_000, tmp_path, seed=7), 0.05)


def check_names(found):
    assert found.escaped_paths == []
    assert found.strays == []
    assert not list(report(found.surveys)), "\n".join(report(found.surveys))
    for name, survey in found.surveys.items():
        assert not survey.escapes
        if name not in REFUSES_ALL:
            assert survey.accepted_share >= 0.05, f"{name}: {survey.accepted_share:.0%} accepted shows little"


REFUSES_ALL = {
    "AutoModel.plan(text)": "no such model is installed",
    "AutoModel.plan(path)": "no such path exists",
    "Store.find_blob": "none is a digest",
    "samples provider": "no sample is called so",
}


def test_names_with_intentions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_names(survey_names(1_000, 40, tmp_path))


@pytest.mark.nightly
def test_many_names_with_intentions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_names(survey_names(10_000, 1_000, tmp_path, seed=3))

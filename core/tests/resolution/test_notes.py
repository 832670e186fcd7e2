"""Small files that never fail a load."""

from __future__ import annotations

import pytest
from inference_models_core.errors import UnsafeCacheError
from inference_models_core.parsing import MAX_DOCUMENT_BYTES
from inference_models_core.resolution.notes import read_note, write_note


@pytest.mark.parametrize("document", [{"x": float("nan")}, {"x": float("inf")}, ["x" * MAX_DOCUMENT_BYTES]])
def test_what_could_not_be_read_back_is_not_written(cache, document, caplog):
    path = cache.root / "answers" / "a.json"
    assert write_note(path, document, cache.scope) is False
    assert not path.parent.exists()
    assert len(caplog.records) == 1


def test_what_is_written_is_read(cache):
    path = cache.root / "answers" / "a.json"
    assert write_note(path, {"x": "\u00e4"}, cache.scope)
    assert read_note(path, lambda value, where: (value, where), cache.scope) == ({"x": "\u00e4"}, "a.json")


@pytest.mark.parametrize("make", [lambda path, to: path.symlink_to(to), lambda path, to: path.write_text("x")])
def test_something_else_in_the_place_of_the_folder_is_refused(cache, make, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    make(cache.root / "answers", elsewhere)
    with pytest.raises(UnsafeCacheError):
        write_note(cache.root / "answers" / "a.json", {}, cache.scope)
    assert list(elsewhere.iterdir()) == []

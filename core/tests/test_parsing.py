"""Strict readers: the right type or an error with file, key and expectation."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError, PackageFileMissingError
from inference_models_core.parsing import Fields

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("method", "value", "limits"),
    [
        ("text", 1, {}), ("text", ["a"], {}), ("text", "x", {"choices": ("a", "b")}), ("text", "x" * 70_000, {}),
        ("integer", True, {}), ("integer", 1.0, {}), ("integer", "1", {}), ("integer", 0, {"minimum": 1}),
        ("integer", 2**60, {}), ("number", True, {}), ("number", "1", {}), ("number", 2, {"maximum": 1}),
        ("boolean", 1, {}), ("boolean", "true", {}), ("fields", [], {}), ("fields", "x", {}),
    ],
)  # fmt: skip
def test_wrong_values_name_document_key_and_expectation(method, value, limits):
    with pytest.raises(MalformedDocumentError) as caught:
        getattr(Fields({"key": value}, "config.json"), method)("key", **limits)
    assert str(caught.value).startswith("config.json: key: expected ")
    assert ", found " in str(caught.value)


def test_right_values():
    fields = Fields({"t": "x", "i": 3, "n": 0.5, "w": 2, "b": False, "o": {"k": 1}, "l": [1, 2], "z": None}, "doc")
    assert (fields.text("t"), fields.integer("i"), fields.number("n"), fields.boolean("b")) == ("x", 3, 0.5, False)
    assert fields.number("w") == 2.0
    assert fields.fields("o").integer("k") == 1
    assert fields.items("l", parsing.as_integer) == (1, 2)
    assert fields.text("z", None) is None
    assert fields.integer("missing", 7) == 7
    assert "t" in fields
    assert "z" not in fields


def test_a_missing_value_without_default_is_an_error():
    with pytest.raises(MalformedDocumentError, match=r"doc: a\.b: expected a value|doc: a.b: expected a value"):
        Fields({"a": {}}, "doc").fields("a").text("b")


def test_nested_paths_are_whole():
    with pytest.raises(MalformedDocumentError, match=r"doc: list\[1\]\.x: expected a whole number, found 'no'"):
        Fields({"list": [{"x": 1}, {"x": "no"}]}, "doc").items(
            "list", lambda value, where: Fields(value, where).integer("x")
        )


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1,]", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b"[" * 50_000, b"[" * 40 + b"]" * 40,
     b'{"a": 1e999}', b"9" * 401, b"\xed\xa0\x80", "[1]".encode("utf-16"), b"[" + b"{}," * 400_000 + b"{}]"],
)  # fmt: skip
def test_documents_that_are_refused(content):
    with pytest.raises(MalformedDocumentError):
        parsing.parse_json(content, "doc")


def test_depth_is_capped_exactly():
    parsing.parse_json("[" * parsing.MAX_DEPTH + "]" * parsing.MAX_DEPTH, "doc")
    with pytest.raises(MalformedDocumentError):
        parsing.parse_json("[" * (parsing.MAX_DEPTH + 1) + "]" * (parsing.MAX_DEPTH + 1), "doc")


def test_size_is_capped(tmp_path):
    path = tmp_path / "big.json"
    path.write_bytes(b" " * (parsing.MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(MalformedDocumentError, match=r"big\.json"):
        parsing.read_json(path)


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(PackageFileMissingError) as caught:
        parsing.read_json(tmp_path / "none.json")
    assert isinstance(caught.value, FileNotFoundError)


@given(json_values)
def test_any_value_gives_the_type_or_the_error(value):
    fields = Fields({"key": value}, "doc")
    readers = (fields.text, fields.integer, fields.number, fields.boolean, fields.fields)
    for reader, kind in zip(readers, (str, int, float, bool, Fields), strict=True):
        with contextlib.suppress(MalformedDocumentError):
            assert type(reader("key")) is kind


def test_control_characters_of_a_document_do_not_reach_the_terminal():
    with pytest.raises(MalformedDocumentError) as caught:
        Fields({"key": "\x1b[31mred"}, "doc").integer("key")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b"{}," * (parsing.MAX_VALUES - 3) + b"{}]",
        b"[" + b'{"":0},' * (parsing.MAX_VALUES // 2 - 3) + b"{}]",
        b'["' + b"x" * (parsing.MAX_DOCUMENT_BYTES - 4) + b'"]',
        b"[" + b"[]," * (parsing.MAX_DOCUMENT_BYTES // 3 - 3) + b"[]]",
        b"[" + b"1," * (parsing.MAX_DOCUMENT_BYTES // 2 - 3) + b"1]",
    ],
    ids=["objects", "full objects", "text", "too many lists", "too many numbers"],
)
def test_the_worst_documents_take_little_memory(content):
    """What is accepted and what is refused: at most 64 MiB beside the document itself."""
    assert len(content) <= parsing.MAX_DOCUMENT_BYTES
    tracemalloc.start()
    try:
        with contextlib.suppress(MalformedDocumentError):
            parsing.parse_json(content, "doc")
        assert tracemalloc.get_traced_memory()[1] <= 64 * 2**20
    finally:
        tracemalloc.stop()


def test_the_number_of_values_is_capped_exactly():
    parsing.parse_json(b"[" + b"0," * (parsing.MAX_VALUES - 1) + b"0]", "doc")
    with pytest.raises(MalformedDocumentError, match="values"):
        parsing.parse_json(b"[" + b"0," * parsing.MAX_VALUES + b"0]", "doc")


def test_numbers_that_no_reader_needs_are_refused_before_they_cost_time():
    parsing.parse_json(b"9" * 400, "doc")
    with pytest.raises(MalformedDocumentError, match="digits"):
        parsing.parse_json(b"9" * 401, "doc")


@pytest.mark.parametrize(
    "value", [(1,), {1: 2}, {"a": object()}, float("inf"), 2**53 + 1, "\ud800", {"\ud800": 1}, b"x"]
)
def test_opaque_values_that_are_no_json(value):
    with pytest.raises(MalformedDocumentError):
        parsing.as_json(value, "doc")


def test_opaque_values_are_copied():
    value = {"a": [1, 2.5, None, True, "é"], "b": {}}
    copied = parsing.as_json(value, "doc")
    assert copied == value
    assert copied is not value
    assert copied["a"] is not value["a"]


def test_the_depth_of_opaque_values_is_capped_exactly():
    parsing.as_json([[[]]], "doc", depth=3)
    with pytest.raises(MalformedDocumentError):
        parsing.as_json([[[]]], "doc", depth=2)


def test_a_byte_order_mark_is_no_fault():
    assert parsing.parse_json(b"\xef\xbb\xbf{}", "doc") == {}

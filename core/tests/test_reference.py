"""References: what is an id, what is a path; on every operating system's spelling."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from inference_models_core.errors import InferenceModelsError, InvalidReferenceError
from inference_models_core.reference import parse_reference

SUFFIXES = (".onnx", ".torchscript")

IDS = ["sam2.1", "org/model-v0.3", "yolov8n", "samples/shapes-detector", "ws/proj/3", "model.v2/x", "onnx", "a b/c"]

PATHS = [
    "./x", "../x", ".", "..", "/x", "/opt/models/m", "~/x", "~user/x", "yolov8n.onnx", "dir/yolov8n.onnx",
    "YOLOV8N.ONNX", "weights.torchscript", r"C:\m\x.onnx", "C:/m/x", "c:\\", "C://m/x", r".\x", r"..\x",
    r"\\server\share\x", "//server/share/x",
]  # fmt: skip


@pytest.mark.parametrize("text", IDS)
def test_ids(text):
    ref = parse_reference(text, SUFFIXES)
    assert (ref.model_id, ref.scheme, ref.path, ref.name, str(ref)) == (text, None, None, text, text)


@pytest.mark.parametrize("text", PATHS)
def test_paths(text):
    ref = parse_reference(text, SUFFIXES)
    assert ref.model_id is None
    assert ref.path == Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises for an unknown user


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:x", "x"), ("file:/a/b", "/a/b"), ("file:///a/b%20c", "/a/b c"), ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"), ("file:///C:/m/x", "C:/m/x"),
    ],
)  # fmt: skip
def test_file_urls(text, path):
    assert parse_reference(text).path == Path(path)


@pytest.mark.parametrize(
    ("text", "scheme", "model_id"),
    [
        ("roboflow://ws/proj/3", "roboflow", "ws/proj/3"),
        ("HF://org/model", "hf", "org/model"),
        ("samples://shapes-detector", "samples", "shapes-detector"),
        ("hub://org/weights.onnx", "hub", "org/weights.onnx"),  # a suffix does not make a path of a named provider's id
    ],
)
def test_schemes(text, scheme, model_id):
    ref = parse_reference(text, SUFFIXES)
    assert (ref.scheme, ref.model_id, ref.path) == (scheme, model_id, None)


def test_a_path_object_is_a_path_whatever_it_looks_like():
    assert parse_reference(Path("sam2.1")).path == Path("sam2.1")


def test_a_suffix_is_a_path_only_if_a_backend_owns_it():
    assert parse_reference("model.xyz", SUFFIXES).path is None
    assert parse_reference("model.xyz", (*SUFFIXES, ".xyz")).path == Path("model.xyz")


def test_what_lies_in_the_current_folder_changes_nothing(tmp_path, monkeypatch):
    (tmp_path / "rfdetr-base").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_reference("rfdetr-base").model_id == "rfdetr-base"


@pytest.mark.parametrize(
    "bad",
    ["", "   ", "a\0b", "a\nb", "x" * 2000, "a//b", "a/../b", "roboflow://", "roboflow:///x", "a\\b", "file://host/x",
     "file:", " a", None, 3, b"x", "\u202eabc"],
)  # fmt: skip
def test_bad_references(bad):
    with pytest.raises(InvalidReferenceError) as caught:
        parse_reference(bad, SUFFIXES)
    assert isinstance(caught.value, (InferenceModelsError, ValueError))
    assert caught.value.code == "invalid-reference"

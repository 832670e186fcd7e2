"""Which packages may be hard links."""

from __future__ import annotations

import pytest
from inference_models_onnx.layout import links_allowed
from inference_models_onnx.plugin import register_backends


@pytest.mark.parametrize(
    ("handles", "allowed"),
    [
        (["weights.onnx"], True),
        (["weights.onnx", "class_names.txt", "inference_config.json", "notes.md"], True),
        (["visual.onnx", "textual.ONNX", "sub/more.yaml"], True),
        (["weights.onnx", "weights.onnx_data"], False),
        (["weights.onnx", "weights.onnx.data"], False),
        (["weights.onnx", "sub/weights.bin"], False),
        (["weights.onnx", "onnx__MatMul_1234"], False),  # what torch's exporter calls them
        (["weights.onnx", ".json/weights"], False),
        ([], True),
    ],
)
def test_only_without_anything_that_could_be_external_data(handles, allowed):
    assert links_allowed(iter(handles)) is allowed


def test_core_finds_it():
    (spec,) = register_backends()
    assert spec.links_allowed.load() is links_allowed

from __future__ import annotations

import numpy as np
import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.normalise import (
    BACKEND_ALIASES,
    QUANTIZATION_ALIASES,
    QUANTIZATIONS,
    normalise_backend,
    normalise_backends,
    normalise_batch_size,
    normalise_quantizations,
)
from inference_models_core.plugins.known import KNOWN_BACKENDS


@pytest.mark.parametrize(
    ("value", "backends"),
    [
        (None, None),
        ("onnx", ("onnx",)),
        ("PyTorch", ("torch",)),
        (" TensorRT ", ("trt",)),
        ("torch_script", ("torch-script",)),
        ("TorchScript", ("torch-script",)),
        ("hf", ("hugging-face",)),
        ("hugging_face", ("hugging-face",)),
        ("Open Vino", ("open-vino",)),
        (["trt", "onnx"], ("trt", "onnx")),
        (("onnx", "ort", "onnxruntime"), ("onnx",)),
        ({"onnx", "trt", "coreml"}, ("coreml", "onnx", "trt")),
        (frozenset({"TensorRT"}), ("trt",)),
    ],
)
def test_backends(value, backends):
    assert normalise_backends(value) == backends


@pytest.mark.parametrize("value", [[], (), set(), "", "  ", ["onnx", ""], [1], 3, True, {"onnx": 1}, b"onnx"])
def test_what_is_no_backend(value):
    with pytest.raises(InvalidRequestError, match="backend"):
        normalise_backends(value)


@pytest.mark.parametrize(
    ("value", "quantizations"),
    [
        (None, None),
        ("fp16", ("fp16",)),
        ("FP16", ("fp16",)),
        ("half", ("fp16",)),
        ("float32", ("fp32",)),
        ("bfloat16", ("bf16",)),
        ("BF-16", ("bf16",)),
        ("unknown", ("unknown",)),
        (["int8", "float16", "half"], ("int8", "fp16")),
        ({"fp32", "bf16"}, ("bf16", "fp32")),
    ],
)
def test_quantizations(value, quantizations):
    assert normalise_quantizations(value) == quantizations


@pytest.mark.parametrize(
    ("value", "suggestion"), [("fp17", "'fp1"), ("bfloat17", "'bf16'"), ("integer8", "'int8'"), ("banana", "There are")]
)
def test_unknown_quantization_names_the_nearest(value, suggestion):
    with pytest.raises(InvalidRequestError, match="no such quantization") as caught:
        normalise_quantizations(value)
    assert suggestion in caught.value.hint
    assert all(name in caught.value.hint for name in QUANTIZATIONS)


@pytest.mark.parametrize("value", [[], 16, ["fp16", None], [["fp16"]]])
def test_what_is_no_quantization(value):
    with pytest.raises(InvalidRequestError, match="quantization"):
        normalise_quantizations(value)


@pytest.mark.parametrize(
    ("value", "batch"),
    [
        (None, None),
        (1, (1, 1)),
        (np.int64(8), (8, 8)),
        ((1, 8), (1, 8)),
        ([2, 2], (2, 2)),
        ((np.int32(1), 4), (1, 4)),
    ],
)
def test_batch_sizes(value, batch):
    result = normalise_batch_size(value)
    assert result == batch
    assert result is None or all(type(size) is int for size in result)


@pytest.mark.parametrize(
    "value",
    [0, -1, True, False, 1.0, "1", (1,), (1, 2, 3), (2, 1), (0, 4), (1, True), (1, 2.0), [], {1, 2}, np.float32(1)],
)
def test_what_is_no_batch_size(value):
    with pytest.raises(InvalidRequestError, match="not a valid batch_size"):
        normalise_batch_size(value)


def test_aliases_lead_to_names_and_are_no_names():
    assert set(BACKEND_ALIASES.values()) <= set(KNOWN_BACKENDS)
    assert not set(BACKEND_ALIASES) & set(KNOWN_BACKENDS)
    assert set(QUANTIZATION_ALIASES.values()) <= set(QUANTIZATIONS)
    assert all(normalise_backend(name) == name for name in KNOWN_BACKENDS)

"""Typed session options."""

from __future__ import annotations

import pytest
from inference_models_core.errors import InvalidRequestError, UnknownArgumentError
from inference_models_onnx.options import OnnxOptions, parse_options


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["cuda"], (("CUDAExecutionProvider", {}),)),
        (["CUDAExecutionProvider", "cpu"], (("CUDAExecutionProvider", {}), ("CPUExecutionProvider", {}))),
        ([("trt", {"trt_fp16_enable": 0})], (("TensorrtExecutionProvider", {"trt_fp16_enable": 0}),)),
        ((("DirectML", {}),), (("DmlExecutionProvider", {}),)),
        ([["openvino", {"device_type": "GPU"}]], (("OpenVINOExecutionProvider", {"device_type": "GPU"}),)),
        (["MyExecutionProvider"], (("MyExecutionProvider", {}),)),
        (None, None),
    ],
)
def test_providers_take_names_and_pairs(given, expected):
    assert parse_options({"providers": given}).providers == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("providers", "cuda"),
        ("providers", []),
        ("providers", [("cuda",)]),
        ("providers", [("cuda", "0")]),
        ("providers", [3]),
        ("intra_op_threads", 0),
        ("intra_op_threads", True),
        ("inter_op_threads", 2.0),
        ("inter_op_threads", "2"),
        ("graph_optimization", "most"),
        ("execution_mode", 1),
        ("memory_arena", "yes"),
        ("memory_pattern", 1),
        ("allow_spinning", 0),
        ("inspect", "no"),
        ("custom_op_domains", "com.example"),
        ("custom_op_domains", [1]),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(name, value):
    with pytest.raises(InvalidRequestError, match=name) as caught:
        parse_options({name: value})
    assert not isinstance(caught.value, UnknownArgumentError)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("intra_op_num_threads", "intra_op_threads"), ("provider", "providers"), ("Inspect", "inspect")],
)
def test_an_unknown_option_names_the_nearest(wrong, right):
    with pytest.raises(UnknownArgumentError) as caught:
        parse_options({wrong: 1})
    assert wrong in caught.value.message
    assert repr(right) in caught.value.hint


def test_nothing_given_leaves_everything_to_the_runtime():
    assert parse_options(None) == parse_options({}) == OnnxOptions()
    made = OnnxOptions(intra_op_threads=2)
    assert parse_options(made) is made

from __future__ import annotations

import pytest
from inference_models_core.plugins.policy import PluginPolicy, policy_from_environment
from inference_models_core.types.plugins import PluginIdentity

ONNX = PluginIdentity(name="onnx", distribution="inference-models-onnx", version="1.0")


@pytest.mark.parametrize(
    ("variables", "loads"),
    [
        ({}, True),
        ({"INFERENCE_MODELS_PLUGINS": ""}, False),
        ({"INFERENCE_MODELS_PLUGINS": " , "}, False),
        ({"INFERENCE_MODELS_PLUGINS": "onnx"}, True),
        ({"INFERENCE_MODELS_PLUGINS": "other, ONNX"}, True),
        ({"INFERENCE_MODELS_PLUGINS": "Inference_Models.ONNX"}, True),
        ({"INFERENCE_MODELS_PLUGINS": "onnx-gpu"}, False),
        ({"INFERENCE_MODELS_DISABLE_PLUGINS": "onnx"}, False),
        ({"INFERENCE_MODELS_DISABLE_PLUGINS": "inference_models_onnx"}, False),
        ({"INFERENCE_MODELS_DISABLE_PLUGINS": ""}, True),
        ({"INFERENCE_MODELS_PLUGINS": "onnx", "INFERENCE_MODELS_DISABLE_PLUGINS": "onnx"}, False),
    ],
)
def test_names_of_plugins_or_distributions_decide(variables, loads):
    assert (policy_from_environment(variables).reason_to_block(ONNX) == "") is loads


def test_a_plugin_of_this_process_has_no_distribution_to_be_named_by():
    assert PluginPolicy(disable=("", " ")).reason_to_block(PluginIdentity(name="mine")) == ""
    assert PluginPolicy(disable=("mine",)).reason_to_block(PluginIdentity(name="mine"))


@pytest.mark.parametrize(("text", "strict"), [("1", True), ("True", True), ("0", False), ("", False), ("no", False)])
def test_strict_is_a_switch(text, strict):
    assert policy_from_environment({"INFERENCE_MODELS_STRICT_PLUGINS": text}).strict is strict


def test_the_required_ones_are_listed_in_order():
    policy = policy_from_environment({"INFERENCE_MODELS_REQUIRE_PLUGINS": "b, A_x ,b"})
    assert policy.require == ("b", "a-x")

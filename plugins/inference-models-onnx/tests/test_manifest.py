"""Package manifests of the type onnx-model-package-v1."""

from __future__ import annotations

import pytest
from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.types.backends import BatchSupport
from inference_models_onnx.manifest import OnnxRequirements, parse_manifest

MINIMAL = {"backendType": "onnx", "quantization": "fp16", "opset": 19, "staticBatchSize": 4}


def test_reads_every_field():
    details = parse_manifest(
        {
            "type": "onnx-model-package-v1",
            "backendType": "onnx",
            "quantization": "fp32",
            "opset": 17,
            "dynamicBatchSize": True,
            "incompatibleProviders": ["TensorrtExecutionProvider", "coreml"],
            "somethingNew": [1],
        },
        parsing,
    )
    assert details.backend == "onnx"
    assert details.quantization == "fp32"
    assert details.batch == BatchSupport()
    assert details.requirements == OnnxRequirements(
        opset=17, incompatible_providers=("TensorrtExecutionProvider", "CoreMLExecutionProvider")
    )


def test_static_batch_and_unknown_precision():
    details = parse_manifest({**MINIMAL, "quantization": "unknown", "incompatibleProviders": None}, parsing)
    assert details.quantization is None
    assert details.batch == BatchSupport(static=4)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"backendType": "trt"}, "backendType"),
        ({"backendType": None}, "backendType"),
        ({"quantization": "fp8"}, "quantization"),
        ({"quantization": None}, "quantization"),
        ({"opset": "19"}, "opset"),
        ({"opset": True}, "opset"),
        ({"opset": 0}, "opset"),
        ({"opset": None}, "opset"),
        ({"staticBatchSize": 0}, "staticBatchSize"),
        ({"staticBatchSize": None}, "staticBatchSize"),
        ({"staticBatchSize": 2.0}, "staticBatchSize"),
        ({"dynamicBatchSize": True}, "staticBatchSize"),  # both
        ({"dynamicBatchSize": "true"}, "dynamicBatchSize"),
        ({"incompatibleProviders": "CPUExecutionProvider"}, "incompatibleProviders"),
        ({"incompatibleProviders": [1]}, "incompatibleProviders[0]"),
    ],
)
def test_errors_name_the_field(change, names):
    with pytest.raises(MalformedDocumentError) as caught:
        parse_manifest({**MINIMAL, **change}, parsing)
    assert names in caught.value.message


def test_a_manifest_that_is_no_object():
    with pytest.raises(MalformedDocumentError):
        parse_manifest([], parsing)

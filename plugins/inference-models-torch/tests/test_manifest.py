"""Package manifests of the type torch-script-model-package-v1."""

from __future__ import annotations

import pytest
from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.types.backends import BatchSupport
from inference_models_torch.manifest import TorchRequirements, parse_torch_script

MINIMAL = {
    "backendType": "torch-script",
    "quantization": "fp16",
    "supportedDeviceTypes": ["cuda", "cpu"],
    "torchVersion": "2.6.0",
    "staticBatchSize": 4,
}


def test_reads_every_field():
    given = {**MINIMAL, "torchVersion": "2.6.0+cu124", "torchVisionVersion": "0.21.0", "dynamicBatchSize": True}
    details = parse_torch_script({**given, "staticBatchSize": None, "somethingNew": [1]}, parsing)
    assert (details.backend, details.quantization, details.batch) == ("torch-script", "fp16", BatchSupport())
    assert details.requirements == TorchRequirements(devices=("cuda", "cpu"), torch="2.6.0+cu124", torchvision="0.21.0")


def test_what_may_be_missing():
    details = parse_torch_script({**MINIMAL, "quantization": "unknown", "torchVisionVersion": None}, parsing)
    assert (details.quantization, details.batch) == (None, BatchSupport(static=4))
    assert details.requirements.torchvision == ""


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"backendType": "torch"}, "backendType"),
        ({"quantization": "fp8"}, "quantization"),
        ({"supportedDeviceTypes": None}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": []}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": "cpu"}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": ["cpu", 1]}, "supportedDeviceTypes[1]"),
        ({"supportedDeviceTypes": ["a b"]}, "supportedDeviceTypes[0]"),
        ({"torchVersion": None}, "torchVersion"),
        ({"torchVersion": "new"}, "torchVersion"),
        ({"torchVersion": 2.6}, "torchVersion"),
        ({"torchVersion": '2.6"; rm'}, "torchVersion"),
        ({"torchVisionVersion": "0.21 or so"}, "torchVisionVersion"),
        ({"staticBatchSize": None}, "staticBatchSize"),
        ({"dynamicBatchSize": True}, "staticBatchSize"),
    ],
)
def test_errors_name_the_field(change, names):
    with pytest.raises(MalformedDocumentError) as caught:
        parse_torch_script({**MINIMAL, **change}, parsing)
    assert names in caught.value.message

"""Packages of every type are read by whichever backend knows the type."""

from __future__ import annotations

import pytest
from roboflow_answers import MANIFEST_TYPES, model, onnx_package

BY_TYPE = {
    "onnx-model-package-v1": {"backendType": "onnx", "opset": 17, "incompatibleProviders": None},
    "trt-model-package-v1": {
        "backendType": "trt", "cudaDeviceType": "nvidia-l4", "cudaDeviceCC": "8.9", "cudaVersion": "12.4",
        "trtVersion": "10.3.0", "machineType": "gpu-server",
        "machineSpecs": {"type": "gpu-server-specs-v1", "driverVersion": "550.54", "osVersion": "ubuntu-22.04"},
    },
    "torch-model-package-v1": {"backendType": "torch"},
    "torch-script-model-package-v1": {"backendType": "torch-script", "supportedDeviceTypes": ["cpu"],
                                      "torchVersion": "2.6.0"},
    "hf-model-package-v1": {"backendType": "hf"},
    "acme-npu-package-v7": {"firmware": {"minimum": 3}},
}  # fmt: skip


def typed(kind):
    manifest = {"type": kind, "quantization": "fp16", "staticBatchSize": 4, **BY_TYPE.get(kind, {})}
    return onnx_package(kind, packageManifest=manifest)


def test_every_type_reaches_its_backend(api, provider):
    api.answer(model(*map(typed, MANIFEST_TYPES)))
    found = provider().resolve("acme/3")
    assert {package.package_id: package.backend for package in found.packages} == MANIFEST_TYPES
    for package in found.packages:
        assert package.unusable is None
        assert (package.quantization, package.batch.static) == ("fp16", 4)
        assert package.requirements == dict(package.manifest)  # what the stand-in parser makes of it
        assert BY_TYPE[package.package_id].items() <= package.requirements.items()


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        ("trt-model-package-v1", 'pip install "inference-models-trt[cu13]"'),
        ("torch-model-package-v1", 'pip install "inference-models-torch[torch]"'),
        ("torch-script-model-package-v1", 'pip install "inference-models-torch[torch]"'),
        ("hf-model-package-v1", "pip install inference-models-hf"),
        ("mediapipe-model-package-v1", "pip install inference-models-mediapipe"),
        ("oak-model-package-v1", ""),
        ("acme-npu-package-v7", ""),
    ],
)
def test_a_type_that_no_plugin_reads_names_the_plugin(api, provider, kind, fix):
    api.answer(model(typed(kind), onnx_package("good")))
    package, good = provider(without=[kind]).resolve("acme/3").packages
    assert good.unusable is None
    assert (package.unusable.code, package.unusable.fix) == ("manifest-not-readable", fix)
    assert kind in package.unusable.reason
    assert package.package_id == kind


@pytest.mark.parametrize(
    "changes",
    [
        {"packageManifest": {"type": "onnx-model-package-v1"}}, {"packageManifest": None}, {"packageManifest": []},
        {"packageManifest": {"type": {}}}, {"packageFiles": None}, {"packageFiles": [{"fileHandle": "../x"}]},
        {"packageFiles": [{"fileHandle": "a"}, {"fileHandle": "A"}]}, {"type": "external-model-package-v2"},
        {"modelFeatures": []}, {"recommendedParameters": {"confidence": 2}}, {"packageId": 7}, {"packageId": ""},
        {"packageFiles": [{"fileHandle": "a", "md5Hash": "0" * 31}]},
    ],
)  # fmt: skip
def test_one_bad_package_hides_no_good_one(api, provider, changes):
    api.answer(model(onnx_package("first"), {**onnx_package("bad"), **changes}, onnx_package("last")))
    first, bad, last = provider().resolve("acme/3").packages
    assert (first.unusable, last.unusable) == (None, None)
    assert (first.package_id, last.package_id) == ("first", "last")
    assert bad.unusable.code == "malformed-metadata"
    assert "modelPackages[1]" in bad.unusable.reason


def test_what_the_api_says_about_trust_changes_nothing(api, provider):
    answers = []
    for trusted in (True, False, "yes", None):
        api.answer(model(onnx_package(trustedSource=trusted), trustedSource=trusted))
        answers.append(provider().resolve("acme/3"))
    assert all(answer == answers[0] for answer in answers)


def test_recommended_parameters_of_a_package_are_its_own(api, provider):
    own = {"confidence": 0.6, "perClassConfidence": {"cat": 0.7}, "somethingNew": 1}
    api.answer(model(onnx_package(recommendedParameters=own), recommendedParameters={"confidence": 0.1}))
    found = provider().resolve("acme/3")
    assert found.recommended_parameters.confidence == 0.1
    assert found.packages[0].recommended_parameters.confidence == 0.6
    assert found.packages[0].recommended_parameters.per_class_confidence == {"cat": 0.7}

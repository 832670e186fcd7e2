"""Answers of the API, as the tests write them."""

from __future__ import annotations

PATH = "/models/v1/external/weights"
MANIFEST_TYPES = {
    "onnx-model-package-v1": "onnx",
    "trt-model-package-v1": "trt",
    "torch-model-package-v1": "torch",
    "torch-script-model-package-v1": "torch-script",
    "hf-model-package-v1": "hugging-face",
    "acme-npu-package-v7": "acme-npu",
}
"""Type of a package manifest -> backend of the stand-in parser."""


def onnx_package(package_id="onnx1", **changes):
    manifest = {"type": "onnx-model-package-v1", "backendType": "onnx", "quantization": "fp32", "opset": 17,
                "staticBatchSize": 1}  # fmt: skip
    file = {"fileHandle": "weights.onnx", "downloadUrl": "https://files.example.com/w?sig=s1", "md5Hash": "0" * 32}
    package = {"type": "external-model-package-v1", "packageId": package_id, "packageManifest": manifest,
               "packageFiles": [file], "trustedSource": True}  # fmt: skip
    return {**package, **changes}


def model(*packages, **changes):
    document = {"type": "external-model-metadata-v1", "modelId": "acme/3", "modelArchitecture": "yolov8",
                "taskType": "object-detection", "modelPackages": list(packages or (onnx_package(),))}  # fmt: skip
    return {**document, **changes}

from __future__ import annotations

import pytest
from inference_models_core.plugins.known import (
    KNOWN_BACKENDS,
    backend_for_manifest_type,
    install_command_for_backend,
    install_command_for_provider,
)


@pytest.mark.parametrize(
    ("backend", "command"),
    [
        ("onnx", 'pip install "inference-models-onnx[cpu]"'),
        ("torch", 'pip install "inference-models-torch[torch]"'),
        ("torch-script", 'pip install "inference-models-torch[torch]"'),
        ("trt", 'pip install "inference-models-trt[cu13]"'),
        ("hugging-face", "pip install inference-models-hf"),
        ("mediapipe", "pip install inference-models-mediapipe"),
        ("openvino", ""),
    ],
)
def test_commands_for_backends(backend, command):
    assert install_command_for_backend(backend) == command


@pytest.mark.parametrize(
    ("provider", "command"),
    [
        ("roboflow", "pip install inference-models-provider-roboflow"),
        ("samples", "pip install inference-models-provider-samples"),
        ("nobody", ""),
    ],
)
def test_commands_for_providers(provider, command):
    assert install_command_for_provider(provider) == command


@pytest.mark.parametrize(
    ("manifest", "backend"),
    [
        ("onnx-model-package-v1", "onnx"),
        ("trt-model-package-v1", "trt"),
        ("torch-model-package-v1", "torch"),
        ("torch-script-model-package-v1", "torch-script"),
        ("hf-model-package-v1", "hugging-face"),
        ("mediapipe-model-package-v1", "mediapipe"),
        ("onnx-model-package-v2", None),
    ],
)
def test_manifest_types(manifest, backend):
    assert backend_for_manifest_type(manifest) == backend


def test_no_manifest_type_has_two_readers():
    types = [each for known in KNOWN_BACKENDS.values() for each in known.manifest_types]
    assert len(types) == len(set(types))

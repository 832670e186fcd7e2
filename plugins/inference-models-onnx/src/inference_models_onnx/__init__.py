"""ONNX Runtime for inference-models: opens ONNX files and maps tensors to tensors."""

from __future__ import annotations

from inference_models_onnx.__about__ import __version__

__all__ = ["__version__"]

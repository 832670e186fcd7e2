"""PyTorch for inference-models: opens TorchScript archives and maps tensors to tensors; eager models."""

from __future__ import annotations

from inference_models_torch.__about__ import __version__

__all__ = ["__version__"]

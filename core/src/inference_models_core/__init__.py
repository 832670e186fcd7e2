"""Load and run vision models; plugins bring the runtimes, the model families and the weights."""

from __future__ import annotations

from inference_models_core.__about__ import __version__

__all__ = ["__version__"]

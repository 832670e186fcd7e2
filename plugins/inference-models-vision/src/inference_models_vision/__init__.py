"""Model families for every tensor backend: image input, pre-processing, decoding.

Nothing is imported here; users reach the families through ``inference_models_core.AutoModel``.
"""

from __future__ import annotations

from inference_models_vision.__about__ import __version__

__all__ = ["__version__"]

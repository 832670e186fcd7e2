"""Requires a core that is not here; must never be imported."""

INFERENCE_MODELS_API = "0.1"

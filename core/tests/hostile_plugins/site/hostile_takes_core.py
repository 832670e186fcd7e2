"""Wants to be called like core itself."""

INFERENCE_MODELS_API = "0.1"

"""Requires core in words that nobody can read."""

INFERENCE_MODELS_API = "0.1"

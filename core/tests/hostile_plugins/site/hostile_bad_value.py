"""Its entry point names no module."""

INFERENCE_MODELS_API = "0.1"

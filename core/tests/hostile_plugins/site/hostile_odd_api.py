"""States a number as its API version."""

INFERENCE_MODELS_API = 0.1

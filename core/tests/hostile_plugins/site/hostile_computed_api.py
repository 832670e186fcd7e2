"""Computes an API version that is too new, so only running it can tell."""

INFERENCE_MODELS_API = ".".join(["0", "2"])

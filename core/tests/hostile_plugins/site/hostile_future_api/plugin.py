"""Written for an API of the future; must never be imported."""

INFERENCE_MODELS_API = "99.0"

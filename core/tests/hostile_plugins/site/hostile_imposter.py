"""Has the name of another distribution's plugin."""

INFERENCE_MODELS_API = "0.1"

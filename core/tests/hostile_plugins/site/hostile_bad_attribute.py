"""Its entry point names an object that is not there."""

INFERENCE_MODELS_API = "0.1"

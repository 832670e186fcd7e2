"""A hook of it asks for an argument that the specification does not have."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    return []


@hookimpl
def detect_backends(probe, colour):
    return []

"""Brings a backend and does not report on it."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import BackendSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    yield BackendSpec(name="silent")

"""Wraps a hook that cannot be wrapped."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    return []


@hookimpl(wrapper=True)
def register_models():
    yield
    return []

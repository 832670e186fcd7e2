"""Asks a host while the host asks it."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"

host = None


@hookimpl
def register_models():
    return [spec for spec, _ in host.models()] if host else []

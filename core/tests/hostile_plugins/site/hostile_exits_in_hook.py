"""Ends the process when it is asked."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    raise SystemExit(4)

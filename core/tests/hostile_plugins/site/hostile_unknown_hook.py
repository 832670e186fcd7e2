"""Has a hook that core does not know, and a function that lacks its mark."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_bakends():
    return []


def register_models():
    return []

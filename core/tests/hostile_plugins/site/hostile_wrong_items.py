"""Mixes what is asked for with what is not."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_models():
    kept = ModelSpec(architecture="kept", task="object-detection", implementation="hostile_wrong_items:Nothing")
    return ["a text", kept, 42]


@hookimpl
def register_pipelines():
    return "a text"


@hookimpl
def register_weights_providers():
    return 7


@hookimpl
def register_health_checks():
    return iter(int, 1)

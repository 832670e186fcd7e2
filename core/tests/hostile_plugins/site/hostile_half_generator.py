"""Raises half-way through its answer."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_models():
    yield ModelSpec(architecture="half", task="object-detection", implementation="hostile_half_generator:Nothing")
    raise RuntimeError("no more today")

"""Its gates answer with something else than a verdict."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def check_access(access):
    return True


@hookimpl
def review_package(package, request):
    return "fine"

"""Its gates raise."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def check_access(access):
    raise ConnectionError("the licence server does not answer")


@hookimpl
def review_package(package, request):
    raise KeyError("licence")


@hookimpl
def find_live_model(access, digest):
    raise RuntimeError("the pool is gone")

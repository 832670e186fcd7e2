"""Never comes back when it is to say what is there."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import BackendSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    yield BackendSpec(name="hangs")


@hookimpl
def detect_backends(probe):
    import threading

    threading.Event().wait()

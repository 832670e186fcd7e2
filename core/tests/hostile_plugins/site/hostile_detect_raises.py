"""Raises when it is to say what is there."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    yield BackendSpec(name="detect-raises")


@hookimpl
def detect_backends(probe):
    yield BackendReport(backend="detect-raises", availability=Availability.AVAILABLE)
    raise OSError("the driver fell over")

"""Reports on a backend of somebody else, and in words."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    yield BackendSpec(name="meddles")


@hookimpl
def detect_backends(probe):
    yield BackendReport(backend="alpha", availability=Availability.UNAVAILABLE, reason="because")
    yield "meddles is fine"
    yield BackendReport(backend="meddles", availability=Availability.AVAILABLE)

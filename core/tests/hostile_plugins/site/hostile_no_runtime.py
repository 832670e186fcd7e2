"""Needs a runtime that is not installed, and must not be asked then."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    yield BackendSpec(
        name="no-runtime",
        requires_any=("a-runtime-that-is-not-installed>=1", "attrs>=9999"),
        install_hint="pip install a-runtime",
    )


@hookimpl
def detect_backends(probe):
    import sys

    sys.hostile_touched = [*getattr(sys, "hostile_touched", ()), __name__]
    yield BackendReport(backend="no-runtime", availability=Availability.AVAILABLE)

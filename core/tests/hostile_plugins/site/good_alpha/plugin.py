"""A plugin that is in order."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec
from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"

events = []


@hookimpl
def register_backends():
    yield BackendSpec(name="alpha", kind="own", factory="good_alpha.backend:Backend", suffixes=(".alpha",))


@hookimpl
def register_models():
    return [
        ModelSpec(architecture="alpha-net", task="object-detection", implementation="good_alpha.models:Detector"),
        ModelSpec(architecture="alpha-net", task="classification", implementation="good_alpha.models:Classifier"),
    ]


@hookimpl
def detect_backends(probe):
    yield BackendReport(backend="alpha", availability=Availability.AVAILABLE, version=probe.driver_version() or "1")


@hookimpl
def on_event(event):
    events.append(event)

"""A plugin that is in order."""

from inference_models_core.hookspecs import hookimpl
from inference_models_core.types.backends import Availability, BackendReport, BackendSpec
from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"

events = []


@hookimpl
def register_backends():
    yield BackendSpec(name="omega", kind="tensor", factory="good_omega.backend:Backend", suffixes=(".omega",))


@hookimpl
def register_models():
    return [
        ModelSpec(architecture="omega-net", task="object-detection", implementation="good_omega.models:Detector"),
        ModelSpec(architecture="omega-net", task="classification", implementation="good_omega.models:Classifier"),
    ]


@hookimpl
def detect_backends(probe):
    yield BackendReport(backend="omega", availability=Availability.AVAILABLE, version=probe.driver_version() or "1")


@hookimpl
def on_event(event):
    events.append(event)

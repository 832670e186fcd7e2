"""The loopback plugin: one backend, one family, registered like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.backends import BackendReport, BackendSpec
    from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends() -> Iterator[BackendSpec]:
    """The backend."""
    from inference_models_core.types.backends import BackendSpec

    yield BackendSpec(
        name="loopback",
        factory="inference_models_core.testing.loopback.backend:LoopbackBackend",
        suffixes=(".loopback",),
        parsers={"loopback-model-package-v1": "inference_models_core.testing.loopback.files:parse_manifest"},
        inspector="inference_models_core.testing.loopback.files:inspect_file",
    )


@hookimpl
def register_models() -> Iterator[ModelSpec]:
    """A family that classifies a picture by its brightness."""
    from inference_models_core.types.models import ModelSpec

    yield ModelSpec(
        architecture="brightness",
        task="classification",
        implementation="inference_models_core.testing.loopback.family:BrightnessClassifier",
    )


@hookimpl
def detect_backends(probe: RuntimeProbe) -> Iterator[BackendReport]:  # noqa: ARG001 - the hook's own signature
    """Always there."""
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.devices import CPU

    yield BackendReport(backend="loopback", availability="available", version="1", devices=(CPU,))

"""The Roboflow plugin: one weights provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.types.providers import WeightsProviderSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_weights_providers() -> Iterator[WeightsProviderSpec]:
    """The provider of hosted models."""
    from inference_models_core.types.providers import WeightsProviderSpec

    yield WeightsProviderSpec(
        name="roboflow",
        factory="inference_models_provider_roboflow.provider:RoboflowProvider",
        needs_network=True,
        key_variables=("ROBOFLOW_API_KEY",),
        environment=(
            "ROBOFLOW_API_HOST",
            "ROBOFLOW_REGION",
            "ROBOFLOW_ENVIRONMENT",
            "SECURE_GATEWAY",
            "LICENSE_SERVER",
        ),
        summary="models hosted on Roboflow, your own with a key",
    )

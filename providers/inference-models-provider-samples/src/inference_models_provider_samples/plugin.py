"""The samples plugin: one weights provider, whose models are inside this distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.types.providers import WeightsProviderSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_weights_providers() -> Iterator[WeightsProviderSpec]:
    """The provider of the sample models."""
    from inference_models_core.types.providers import WeightsProviderSpec

    yield WeightsProviderSpec(
        name="samples",
        factory="inference_models_provider_samples.provider:SamplesProvider",
        embedded=True,
        summary="tiny models shipped inside the wheel, for trying things out and for tests",
    )

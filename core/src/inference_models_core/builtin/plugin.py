"""Core's own parts; they come through the same hooks as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inference_models_core.types.health import HealthCheck
    from inference_models_core.types.negotiation import Candidate
    from inference_models_core.types.providers import WeightsProviderSpec

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_weights_providers() -> Iterator[WeightsProviderSpec]:
    """The provider of paths."""
    from inference_models_core.types.providers import WeightsProviderSpec

    yield WeightsProviderSpec(
        name="local",
        factory="inference_models_core.builtin.local_provider:LocalProvider",
        embedded=True,
        summary="package directories and single model files",
    )


@hookimpl(trylast=True)
def rank_candidates(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """The default order, which is the one that candidates come in."""
    return candidates


@hookimpl
def register_health_checks() -> Iterator[HealthCheck]:
    """Checks of the installation itself."""
    from inference_models_core.builtin.checks import HEALTH_CHECKS

    yield from HEALTH_CHECKS

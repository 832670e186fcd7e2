"""First step: the rules that need no detection.

What a backend can do on this machine is found out by importing its runtime, so it is asked only about the backends of
packages that are left after this step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.negotiation import rules
from inference_models_core.negotiation.context import Shortlist, ShortlistContext, Survivor
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from inference_models_core.registry import Registry
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.requests import LoadRequest


def shortlist(
    request: LoadRequest, metadata: ModelMetadata, registry: Registry, *, provider_trusted: bool
) -> Shortlist:
    """Applies the rules that need no detection.

    Args:
        request: What the caller asked for.
        metadata: The model and its packages.
        registry: What is registered.
        provider_trusted: Whether the provider is trusted: samples, a path that the caller typed, or one that the user
            configured.

    Returns:
        The packages that may run, and the others with their reasons.
    """
    context = ShortlistContext(request, metadata, registry, provider_trusted=provider_trusted)
    survivors: list[Survivor] = []
    rejections: list[Rejection] = []
    for package in metadata.packages:
        for rule in rules.SHORTLIST_RULES:
            rejection = rule(package, context)
            if rejection is not None:
                rejections.append(stamped(rejection, package))
                break
        else:
            survivors.append(
                Survivor(package=package, backend=context.backend(package.backend), row=context.row(package))
            )
    return Shortlist(metadata=metadata, survivors=tuple(survivors), rejections=tuple(rejections))


def stamped(rejection: Rejection, package: ModelPackage) -> Rejection:
    """The rejection with the package it is about."""
    return Rejection(
        code=rejection.code,
        reason=rejection.reason,
        fix=rejection.fix,
        package_id=package.package_id,
        backend=package.backend,
    )

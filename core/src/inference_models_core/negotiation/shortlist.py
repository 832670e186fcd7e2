"""First step: the rules that need no detection.

What a backend can do on this machine is found out by importing its runtime, so it is asked only about the backends of
packages that are left after this step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.negotiation import rules
from inference_models_core.negotiation.context import Shortlist, ShortlistContext, Survivor, kind_of
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_models_core.negotiation.context import Kind
    from inference_models_core.negotiation.rules import ShortlistRule
    from inference_models_core.registry import Registry, Selection
    from inference_models_core.types.backends import BackendSpec
    from inference_models_core.types.models import ModelSpec
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.requests import LoadRequest


def shortlist(
    request: LoadRequest,
    metadata: ModelMetadata,
    registry: Registry,
    *,
    provider_trusted: bool,
    missing_modules: frozenset[str] = frozenset(),
) -> Shortlist:
    """Applies the rules that need no detection.

    Args:
        request: What the caller asked for.
        metadata: The model and its packages.
        registry: What is registered.
        provider_trusted: Whether the provider is trusted: samples, a path that the caller typed, or one that the user
            configured.
        missing_modules: Those of ``registry.required_modules`` that are not installed.

    Returns:
        The packages that may run, and the others with their reasons.
    """
    context = ShortlistContext(
        request, metadata, registry, provider_trusted=provider_trusted, missing_modules=missing_modules
    )
    judge = _Judge(context)
    survivors: list[Survivor] = []
    rejections: list[Rejection] = []
    for package in metadata.packages:
        verdict = judge(package)
        if isinstance(verdict, Survivor):
            survivors.append(verdict)
        else:
            rejections.append(stamped(verdict, package))
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


class _Judge:
    """Applies the rules; those on kinds of packages once per kind."""

    def __init__(self, context: ShortlistContext) -> None:
        self._context = context
        self._kinds: dict[Kind, Rejection | tuple[str, Selection[BackendSpec], Selection[ModelSpec]]] = {}

    def __call__(self, package: ModelPackage) -> Rejection | Survivor:
        rejection = _first(rules.PACKAGE_RULES, package, self._context)
        if rejection is not None:
            return rejection
        kind = kind_of(package)
        verdict = self._kinds.get(kind)
        if verdict is None:
            verdict = self._kinds[kind] = self._judge_kind(package)
        return verdict if isinstance(verdict, Rejection) else Survivor(package, *verdict)

    def _judge_kind(
        self, package: ModelPackage
    ) -> Rejection | tuple[str, Selection[BackendSpec], Selection[ModelSpec]]:
        context = self._context
        rejection = _first(rules.KIND_RULES, package, context)
        return rejection or (context.backend_name(package), context.backend(package.backend), context.row(package))


def _first(questions: Iterable[ShortlistRule], package: ModelPackage, context: ShortlistContext) -> Rejection | None:
    for rule in questions:
        rejection = rule(package, context)
        if rejection is not None:
            return rejection
    return None

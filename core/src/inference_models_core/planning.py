"""From a request to ranked candidates: providers, then negotiation. Nothing is downloaded or opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.errors import AccessDeniedError, PluginError
from inference_models_core.log import logger
from inference_models_core.negotiation.codes import MATCHER_FAILED
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.plugins.calls import attributed
from inference_models_core.plugins.host import get_host
from inference_models_core.providers.chain import Found, find_model
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inference_models_core.object_ref import ObjectRef
    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.registry import Registry
    from inference_models_core.types.access import Access
    from inference_models_core.types.backends import BackendReport, Fit
    from inference_models_core.types.negotiation import Negotiation
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.requests import LoadRequest


class Plan(NamedTuple):
    """What a request comes to.

    Attributes:
        request: The request.
        host: The plugins that were asked.
        registry: What they registered.
        found: The provider's answer.
        negotiation: Candidates and rejections.
    """

    request: LoadRequest
    host: PluginHost
    registry: Registry
    found: Found
    negotiation: Negotiation

    @property
    def model_id(self) -> str:
        """Canonical id of the model."""
        return self.found.metadata.model_id


def make_plan(request: LoadRequest) -> Plan:
    """Finds the model and ranks its packages.

    Args:
        request: What the caller asked for.

    Returns:
        The plan; its negotiation may have accepted nothing.

    Raises:
        RequiredPluginMissingError: If a plugin that the host application insists on is not active.
        AccessDeniedError: If a gate refuses.
        ProviderError: If the model cannot be found.
    """
    host = request.options.host or get_host()
    host.require_plugins()
    check_access(host, request, None)
    registry = host.registry()
    found = find_model(request, registry)
    negotiation = _negotiate(request, host, registry, found)
    for warning in negotiation.warnings:
        logger().warning("%s: %s", request.ref, warning)
    if host.is_observed:
        from inference_models_core.types.events import NegotiatedEvent

        host.emit(NegotiatedEvent(model_id=found.metadata.model_id, negotiation=negotiation))
    return Plan(request=request, host=host, registry=registry, found=found, negotiation=negotiation)


def check_access(
    host: PluginHost, request: LoadRequest, package: ModelPackage | None, found: Found | None = None
) -> None:
    """Asks the gates.

    Raises:
        AccessDeniedError: With the denial's code, reason and fix.
    """
    denial = host.check_access(access_of(request, package, found)) if host.has_gate("check_access") else None
    if denial is not None:
        raise AccessDeniedError(f"access to {request.ref} denied ({denial.code}): {denial.reason}", hint=denial.fix)


def access_of(request: LoadRequest, package: ModelPackage | None, found: Found | None = None) -> Access:
    """The question for the gates."""
    from inference_models_core.types.access import Access

    return Access(
        reference=request.ref.text,
        model_id=found.metadata.model_id if found else request.ref.name,
        provider=found.provider if found else "",
        package=package,
        credential=request.api_key,
    )


def _negotiate(request: LoadRequest, host: PluginHost, registry: Registry, found: Found) -> Negotiation:
    listed = shortlist(request, found.metadata, registry, provider_trusted=found.trusted)
    return negotiate(
        request,
        listed,
        host.detect(listed.backends),
        _matchers(registry, listed.backends, request.options.prefer),
        gpu_seen=_first_gpu(host) if request.device.is_auto else "",
        review=host.review_package if host.has_gate("review_package") else None,
        rank=host.rank,
    )


def _matchers(
    registry: Registry, backends: Iterable[str], prefer: Sequence[str]
) -> Mapping[str, Callable[..., Rejection | Fit]]:
    specs = [registry.backend(name, prefer).spec for name in backends]
    return {spec.name: _guarded(spec.matcher, spec.name) for spec in specs if spec is not None and spec.matcher}


def _guarded(reference: ObjectRef, backend: str) -> Callable[..., Rejection | Fit]:
    """A backend's matcher; one that raises rejects the package it was asked about, our own errors pass."""
    matcher: Callable[..., Rejection | Fit] = reference.load()

    def match(package: ModelPackage, report: BackendReport, request: LoadRequest) -> Rejection | Fit:
        try:
            return attributed(lambda: matcher(package, report, request), f"the matcher of backend {backend!r}")
        except PluginError as error:
            return Rejection(code=MATCHER_FAILED, reason=error.message)

    return match


def _first_gpu(host: PluginHost) -> str:
    gpus = host.probe.gpus()
    return gpus[0].name if gpus else ""

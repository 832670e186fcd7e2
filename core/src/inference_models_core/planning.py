"""From a request to ranked candidates: providers, then negotiation. Nothing is downloaded or opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from inference_models_core.arguments import check_known
from inference_models_core.errors import AccessDeniedError, PluginError
from inference_models_core.log import logger
from inference_models_core.negotiation.codes import MATCHER_FAILED
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.normalise import normalise_backends, normalise_batch_size, normalise_quantizations
from inference_models_core.plugins.calls import attributed
from inference_models_core.plugins.host import get_host
from inference_models_core.providers.chain import find_model
from inference_models_core.reference import parse_reference
from inference_models_core.runtime.modules import missing_modules
from inference_models_core.types.devices import parse_device
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inference_models_core.object_ref import ObjectRef
    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.providers.asking import Found
    from inference_models_core.registry import Registry
    from inference_models_core.types.access import Access
    from inference_models_core.types.backends import BackendReport, Fit
    from inference_models_core.types.devices import Device
    from inference_models_core.types.negotiation import Negotiation
    from inference_models_core.types.packages import ModelDependency, ModelPackage
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.verification import Verification, VerificationKey


class Plan(NamedTuple):
    """What a request comes to.

    Attributes:
        request: The request.
        host: The plugins that were asked.
        registry: What they registered.
        found: The provider's answer.
        negotiation: Candidates and rejections.
        age_seconds: How long ago the choice was made, if it is a remembered one.
    """

    request: LoadRequest
    host: PluginHost
    registry: Registry
    found: Found
    negotiation: Negotiation
    age_seconds: float | None = None

    @property
    def model_id(self) -> str:
        """Canonical id of the model."""
        return self.found.metadata.model_id


def make_plan(request: LoadRequest, host: PluginHost | None = None) -> Plan:
    """Finds the model and ranks its packages.

    Args:
        request: What the caller asked for.
        host: What :func:`admitted` answered, where it was asked already.

    Returns:
        The plan; its negotiation may have accepted nothing.

    Raises:
        RequiredPluginMissingError: If a plugin that the host application insists on is not active.
        AccessDeniedError: If a gate refuses.
        ProviderError: If the model cannot be found.
    """
    host = host or admitted(request)
    registry = host.registry()
    request, found = _find(request, registry)
    negotiation = _negotiate(request, host, registry, found)
    if request.offline and any(each.package.directory is None for each in negotiation.accepted):
        from inference_models_core.artifacts.cached import only_cached

        negotiation = only_cached(request, negotiation)
    for warning in negotiation.warnings:
        logger().warning("%s: %s", request.ref, warning)
    if host.is_observed:
        from inference_models_core.types.events import NegotiatedEvent

        host.emit(NegotiatedEvent(model_id=found.metadata.model_id, negotiation=negotiation))
    return Plan(request=request, host=host, registry=registry, found=found, negotiation=negotiation)


def _find(request: LoadRequest, registry: Registry) -> tuple[LoadRequest, Found]:
    """The provider's answer; with a lock file, the one package that is locked, with the digests that are locked."""
    path = request.options.lockfile
    if path is None or request.ref.path is not None:
        return request, find_model(request, registry)
    from inference_models_core.resolution.locking import hold_to_lock, locked_request

    request, lockfile = locked_request(request, path)
    found = find_model(request, registry)
    return request, found._replace(metadata=hold_to_lock(lockfile, found.provider, found.metadata))


def admitted(request: LoadRequest) -> PluginHost:
    """The host, once it is complete and its gates let the request in.

    Raises:
        RequiredPluginMissingError: If a plugin that the host application insists on is not active.
        AccessDeniedError: If a gate refuses.
    """
    host = request.options.host or get_host()
    host.require_plugins()
    check_access(host, request, None)
    return host


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
        credential=found.credential if found else request.api_key,
    )


def dependency_requests(plan: Plan, device: Device) -> dict[str, LoadRequest]:
    """The requests for the models that another needs.

    Args:
        plan: The parent's plan.
        device: Where the parent computes.

    Returns:
        Name of the dependency -> the parent's request for the other model: same credentials, trust and device, unless
        the caller says otherwise.

    Raises:
        UnknownArgumentError: If the caller says something about a dependency that the model does not have.
    """
    dependencies = plan.found.metadata.dependencies
    check_known(plan.request.options.dependency_options, {each.name for each in dependencies}, "dependency_options")
    return {each.name: _dependency_request(plan, device, each) for each in dependencies}


def _dependency_request(plan: Plan, device: Device, dependency: ModelDependency) -> LoadRequest:
    wishes = dict(plan.request.options.dependency_options.get(dependency.name, {}))
    named = "://" in dependency.model_id
    reference = dependency.model_id if named else f"{plan.found.provider}://{dependency.model_id}"
    return attrs.evolve(
        plan.request,
        ref=parse_reference(reference),
        weights_provider=None,
        device=parse_device(wishes.pop("device", device)),
        package_id=dependency.package_id,
        revision=None,
        backends=normalise_backends(wishes.pop("backend", None)),
        quantizations=normalise_quantizations(wishes.pop("quantization", None)),
        batch_size=normalise_batch_size(wishes.pop("batch_size", None)),
        options=attrs.evolve(plan.request.options, dependency_options={}),
        model_kwargs=wishes,
    )


def _negotiate(request: LoadRequest, host: PluginHost, registry: Registry, found: Found) -> Negotiation:
    missing = missing_modules(registry.required_modules)
    listed = shortlist(request, found.metadata, registry, provider_trusted=found.trusted, missing_modules=missing)
    return negotiate(
        request,
        listed,
        host.detect(listed.backends),
        _matchers(registry, listed.backends, request.options.prefer),
        gpu_seen=_first_gpu(host) if request.device.is_auto else "",
        review=host.review_package if host.has_gate("review_package") else None,
        rank=host.rank,
        verified=_verified(request, found),
    )


def _verified(request: LoadRequest, found: Found) -> Mapping[VerificationKey, Verification]:
    """What was verified of the model; a path is one package, with nothing to be compared with."""
    if request.ref.path is not None or request.options.beyond_tolerance == "ignore" or not _any_verified(request):
        return {}
    from inference_models_core.resolution.verifications import recall_verified

    return recall_verified(request, found.provider, found.metadata.model_id)


def _any_verified(request: LoadRequest) -> bool:
    """Whether anything was ever verified here: most caches answer no, and then nothing more has to be imported."""
    from pathlib import Path

    from inference_models_core import settings
    from inference_models_core.types.verification import FOLDER

    root = request.cache_dir or settings.chosen_cache() or settings.cache_folder()
    return Path(root, FOLDER).expanduser().is_dir()


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

"""One question to one weights provider: what it says now, or what it said before where that has to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from inference_models_core import settings
from inference_models_core.errors import OfflineError, PluginContractError, ProviderUnavailableError
from inference_models_core.log import logger
from inference_models_core.plugins.calls import attributed
from inference_models_core.providers.checking import checked_answer
from inference_models_core.providers.context import credential_of, provider_context
from inference_models_core.types.packages import ModelMetadata
from inference_models_core.types.providers import SupportsLocalPackages

if TYPE_CHECKING:
    from inference_models_core.registry import Registry
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.providers import WeightsProvider, WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.secrets import Secret


class Found(NamedTuple):
    """A provider's answer.

    Attributes:
        metadata: The model.
        provider: Name of the provider that knew it.
        trusted: Whether the caller chose where it comes from: a path, an embedded model, a configured provider.
        credential: The key it was asked with.
        is_remembered: Whether it said so before, and was not asked now.
    """

    metadata: ModelMetadata
    provider: str
    trusted: bool
    credential: Secret | None = None
    is_remembered: bool = False


def ask(spec: WeightsProviderSpec, request: LoadRequest, registry: Registry) -> Found:
    """Asks a provider, and remembers what it says.

    Without a network, and under ``offline_fallback="stale"`` when the provider cannot be reached, what it said before
    under the same credential is used, the latter with a warning.

    Raises:
        ModelNotFoundError: If it does not know the model.
        OfflineError: If the network is forbidden and nothing is remembered.
        ProviderError: Whatever else it raises.
    """
    if not spec.needs_network:
        return found_by(spec, request, resolve(spec, request, registry))
    if request.offline:
        return _remembered(spec, request, registry)
    try:
        metadata = resolve(spec, request, registry)
    except ProviderUnavailableError as error:
        return _stale(spec, request, registry, error)
    from inference_models_core.resolution.memory import open_memory

    open_memory(request).answers.remember(spec, request, metadata)
    return found_by(spec, request, metadata)


def found_by(spec: WeightsProviderSpec, request: LoadRequest, metadata: ModelMetadata) -> Found:
    """An answer with who gave it, and whether the caller trusts that one."""
    trusted = spec.embedded or spec.name in settings.configured_providers()
    return Found(metadata=metadata, provider=spec.name, trusted=trusted, credential=credential_of(spec, request))


def resolve(spec: WeightsProviderSpec, request: LoadRequest, registry: Registry) -> ModelMetadata:
    """What a provider says now.

    Raises:
        ProviderError: Whatever it raises.
        PluginError: For anything else that it raises, and for an answer that is no metadata.
        MalformedDocumentError: If the model has no usable id.
    """

    def call() -> ModelMetadata:
        provider: WeightsProvider = spec.factory.load()(provider_context(spec, request, registry))
        return provider.resolve(request.ref.name, revision=request.revision)

    metadata = attributed(call, f"weights provider {spec.name!r}")
    if not isinstance(metadata, ModelMetadata):
        raise PluginContractError(
            f"weights provider {spec.name!r} returned {type(metadata).__name__}, no ModelMetadata"
        )
    return metadata if request.ref.path is not None else checked_answer(metadata)


def _remembered(spec: WeightsProviderSpec, request: LoadRequest, registry: Registry) -> Found:
    from inference_models_core.resolution.memory import open_memory

    remembered = open_memory(request).answers.recall(spec, request, registry)
    if remembered is None:
        raise OfflineError(
            f"offline mode is on, and nothing is remembered of {request.ref} at {spec.name!r} with this key",
            hint=f"with a network: inference-models pull {request.ref.text}; "
            "without: inference-models bundle import FILE",
        )
    return _from_memory(spec, request, registry, remembered.metadata)


def _from_memory(spec: WeightsProviderSpec, request: LoadRequest, registry: Registry, metadata: ModelMetadata) -> Found:
    """What was said before, with the packages that were built on this machine since."""

    def find() -> list[ModelPackage]:
        provider = spec.factory.load()(provider_context(spec, request, registry))
        is_able = isinstance(provider, SupportsLocalPackages)
        return list(provider.find_local_packages(metadata, request.ref.name)) if is_able else []

    built_here = attributed(find, f"weights provider {spec.name!r}")
    whole = attrs.evolve(metadata, packages=[*metadata.packages, *built_here])
    return found_by(spec, request, checked_answer(whole))._replace(is_remembered=True)


def _stale(
    spec: WeightsProviderSpec, request: LoadRequest, registry: Registry, error: ProviderUnavailableError
) -> Found:
    if request.options.offline_fallback != "stale":
        raise error
    from inference_models_core.resolution.memory import open_memory

    remembered = open_memory(request).answers.recall(spec, request, registry)
    if remembered is None:
        raise error
    from inference_models_core.reports.units import format_age

    age = format_age(remembered.age_seconds) if remembered.age_seconds >= 0 else "from the future, by this clock"
    logger().warning("%s: %s; using what it said before (age: %s)", request.ref, error.message, age)
    return _from_memory(spec, request, registry, remembered.metadata)

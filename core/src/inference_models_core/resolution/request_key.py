"""The name of a remembered choice: a keyed digest of everything that the choice depends on.

Every field of a request counts, except those listed here with the reason: a field that is added later counts until
somebody says otherwise. What has no stable text, such as a function among the arguments for the model class, makes the
request one that is not remembered, never one that is mistaken for another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core import settings
from inference_models_core.plugins.distributions import normalise_name
from inference_models_core.providers.chain import LOCAL
from inference_models_core.providers.context import credential_of
from inference_models_core.resolution.fingerprint import machine_fingerprint
from inference_models_core.resolution.stable import UnstableValueError, stable_text, stable_value
from inference_models_core.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.registry import Registry
    from inference_models_core.resolution.scope import Scope
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadOptions, LoadRequest

FORMAT = 1
"""Raised when the documents of choices change; choices of other formats are then never looked at."""

REQUEST_FIELDS_LEFT_OUT = {
    "ref": "its id counts by itself; how it was written does not matter",
    "weights_provider": "the providers that it comes to count",
    "api_key": "counts once for each provider that may be asked",
    "options": "its fields count one by one",
    "cache_dir": "each cache remembers for itself",
    "offline": "the same package is chosen with a network and without",
    "force_download": "fetches again what is chosen",
}
OPTIONS_LEFT_OUT = {
    "host": "its plugins count through the fingerprint",
    "lockfile": "its content counts, not its place",
    "verify": "how files are checked",
    "offline_fallback": "what happens when a choice is too old",
    "use_resolution_cache": "whether choices are looked up at all",
    "shared_cache": "each cache remembers for itself",
    "progress": "what is shown",
}


def request_key(request: LoadRequest, host: PluginHost, scope: Scope) -> str | None:
    """The name under which the choice for a request is remembered.

    Args:
        request: What the caller asked for.
        host: The plugins; where one takes part in choices and has no version, nothing is remembered.
        scope: The key of the cache.

    Returns:
        64 lower-case hex digits; ``None`` if the choice cannot be remembered: for a path, a provider that is not
        installed, a value without a stable text, or a cache without a key.
    """
    if request.ref.path is not None or not host.resolution_cache_allowed or scope.tag() is None:
        return None
    specs = _providers(request, host.registry())
    if specs is None:
        return None
    try:
        facts = stable_text(_facts(request, host, specs, scope))
    except UnstableValueError:
        return None
    return scope.tag("choice", facts)


def _facts(
    request: LoadRequest, host: PluginHost, specs: Iterable[WeightsProviderSpec], scope: Scope
) -> dict[str, Any]:
    from inference_models_core.__about__ import __version__

    def seal(secret: Secret) -> str:
        return scope.tag("secret", secret) or ""

    return {
        "format": [FORMAT, __version__],
        "machine": machine_fingerprint(host),
        "model_id": request.ref.model_id,
        "configured": settings.configured_providers(),
        "providers": [stable_value(_provider(spec, request), seal) for spec in specs],
        "request": _fields(request, REQUEST_FIELDS_LEFT_OUT, _request_forms(request, host.registry()), seal),
        "options": _fields(request.options, OPTIONS_LEFT_OUT, _option_forms(request.options, seal), seal),
        "lockfile": _content_digest(request.options.lockfile),
    }


def _providers(request: LoadRequest, registry: Registry) -> list[WeightsProviderSpec] | None:
    """The providers that may be asked; ``None`` if one that was named cannot be."""
    named = request.weights_provider or request.ref.scheme
    names = (named,) if named is not None else settings.configured_providers()
    if not names:
        specs = (spec for spec, _ in registry.providers if spec.name != LOCAL)
        return sorted(specs, key=lambda spec: (spec.name, str(spec.factory)))
    found = [registry.provider(name, request.options.prefer).spec for name in names]
    return None if None in found else [spec for spec in found if spec is not None]


def _provider(spec: WeightsProviderSpec, request: LoadRequest) -> list[Any]:
    return [spec.name, str(spec.factory), credential_of(spec, request), provider_environment(spec)]


def provider_environment(spec: WeightsProviderSpec) -> dict[str, Secret | None]:
    """The variables that change a provider's answers; there may be keys among them."""
    values = {name: os.environ.get(name) for name in spec.environment}
    return {name: None if value is None else Secret(value) for name, value in values.items()}


def _fields(
    value: Any, left_out: Iterable[str], forms: dict[str, Any], seal: Callable[[Secret], str]
) -> list[tuple[str, Any]]:
    names = [field.name for field in attrs.fields(type(value)) if field.name not in left_out]
    return [(name, stable_value(forms.get(name, getattr(value, name)), seal)) for name in names]


def _request_forms(request: LoadRequest, registry: Registry) -> dict[str, Any]:
    """Names of backends as their plugins spell them; their order is the caller's preference, and stays."""
    if request.backends is None:
        return {}
    found = [(name, registry.backend(name, request.options.prefer).spec) for name in request.backends]
    return {"backends": [name if spec is None else spec.name for name, spec in found]}


def _option_forms(options: LoadOptions, seal: Callable[[Secret], str]) -> dict[str, Any]:
    """Options whose spelling or order does not matter, or that may hold keys in plain text."""
    return {
        "prefer": [normalise_name(name) for name in options.prefer],
        "trusted_code": sorted(set(options.trusted_code)),
        "provider_options": Secret(stable_text(stable_value(options.provider_options, seal))),
    }


def _content_digest(path: str | None) -> str | None:
    if path is None:
        return None
    import hashlib
    from pathlib import Path

    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:  # loading will say so
        raise UnstableValueError from error

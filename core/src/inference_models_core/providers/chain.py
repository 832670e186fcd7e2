"""Which weights provider is asked for a reference, and in what order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from inference_models_core import settings
from inference_models_core.errors import (
    AmbiguousProviderError,
    ModelNotFoundError,
    OfflineError,
    UnknownProviderError,
)
from inference_models_core.plugins.known import install_command_for_provider
from inference_models_core.providers.asking import ask, resolve
from inference_models_core.registry import NAME_THE_DISTRIBUTION, conflict_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.providers.asking import Found
    from inference_models_core.registry import Registry
    from inference_models_core.types.packages import ModelMetadata
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest

LOCAL = "local"
"""Name of the built-in provider for paths."""


def find_model(request: LoadRequest, registry: Registry) -> Found:
    """Asks the providers in order until one knows the model.

    Args:
        request: What the caller asked for.
        registry: Everything that is installed.

    Returns:
        The first answer.

    Raises:
        ModelNotFoundError: If none knows it; the only error after which the next one is asked.
        UnknownProviderError: If a provider named by the caller is not installed, or none is installed at all.
        AmbiguousProviderError: If several providers could be meant.
        ProviderError: Whatever else a provider raises.
    """
    if request.ref.path is not None:
        return ask(_provider(LOCAL, request, registry), request, registry)
    named = request.weights_provider or request.ref.scheme
    if named is not None:
        return ask(_provider(named, request, registry), request, registry)
    configured = settings.configured_providers()
    if configured:
        return _first_answer([_provider(name, request, registry) for name in configured], request, registry)
    return _ask_installed(request, registry)


def ask_again(found: Found, request: LoadRequest, registry: Registry) -> ModelMetadata:
    """What the provider of an answer says now; not what is remembered.

    Raises:
        ProviderError: If it cannot say.
    """
    return resolve(_provider(found.provider, request, registry), request, registry)


def _provider(name: str, request: LoadRequest, registry: Registry) -> WeightsProviderSpec:
    selection = registry.provider(name, request.options.prefer)
    if selection.spec is not None:
        return selection.spec
    if selection.conflict:
        message = conflict_text(f"a weights provider {name!r}", selection.conflict)
        raise AmbiguousProviderError(message, hint=NAME_THE_DISTRIBUTION)
    installed = ", ".join(spec.name for spec, _ in registry.providers) or "none"
    raise UnknownProviderError(
        f"no installed plugin brings a weights provider {name!r}",
        hint=install_command_for_provider(name) or f"providers that are installed: {installed}",
    )


def _ask_installed(request: LoadRequest, registry: Registry) -> Found:
    """With nothing configured: the embedded models, then the one other provider."""
    remote = [spec for spec, _ in registry.providers if spec.name != LOCAL]
    embedded = [spec for spec in remote if spec.embedded]
    others = [spec for spec in remote if not spec.embedded]
    if not remote:
        raise UnknownProviderError(
            "no weights provider is installed, so a model id means nothing",
            hint=_folder_hint(request) or f"{install_command_for_provider('samples')}, or give a path: ./model_dir",
        )
    try:
        return _first_answer(embedded, request, registry)
    except ModelNotFoundError:
        if not others:
            raise
    if len(others) > 1:
        spellings = ", ".join(f"{spec.name}://{request.ref.model_id}" for spec in others)
        raise AmbiguousProviderError(
            f"{request.ref.text!r} could come from several providers", hint=f"write one of: {spellings}"
        )
    return _first_answer(others, request, registry)


def _first_answer(specs: Sequence[WeightsProviderSpec], request: LoadRequest, registry: Registry) -> Found:
    reasons = []
    not_remembered: OfflineError | None = None
    for spec in specs:
        try:
            return ask(spec, request, registry)
        except ModelNotFoundError as error:
            reasons.append(f"{spec.name}: {error.message}")
        except OfflineError as error:  # nothing is known of what it has: the next one may remember the model
            not_remembered = not_remembered or error
    if not_remembered is not None:
        raise not_remembered
    raise ModelNotFoundError(
        f"no model {request.ref.text!r}" + (f" ({'; '.join(reasons)})" if reasons else ""),
        hint=_folder_hint(request) or "see what there is with: inference-models list",
    )


def _folder_hint(request: LoadRequest) -> str:
    text = request.ref.text
    if request.ref.scheme is None and os.path.exists(text):  # noqa: PTH110 - Path.exists raises for names that are too long
        return f"a file or folder of that name exists here; if you mean it, write ./{text}"
    return ""

"""What core hands to a weights provider: manifests read by the backends' own parsers, files by their inspectors."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from inference_models_core.errors import InvalidRequestError
from inference_models_core.plugins.calls import attributed
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.types.providers import ProviderContext
from inference_models_core.types.secrets import to_optional_secret

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.registry import Registry
    from inference_models_core.types.local_files import LocalFileFacts
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.secrets import Secret


def provider_context(spec: WeightsProviderSpec, request: LoadRequest, registry: Registry) -> ProviderContext:
    """The context for one look-up."""
    owners = {suffix: names[0] for suffix, names in registry.suffixes().items()}
    return ProviderContext(
        read_manifest=functools.partial(read_manifest, registry),
        inspect_file=functools.partial(_inspect_file, registry),
        suffixes=owners,
        inspected=(suffix for suffix, owner in owners.items() if _has_inspector(registry, owner)),
        given=request.options,
        api_key=credential_of(spec, request),
        offline=request.offline,
        options=request.options.provider_options,
        local_packages=functools.partial(_local_packages, spec.name, request),
    )


def credential_of(spec: WeightsProviderSpec, request: LoadRequest) -> Secret | None:
    """The caller's key, else the first that the environment has for this provider."""
    if request.api_key is not None:
        return request.api_key
    found = next((value for name in spec.key_variables if (value := os.environ.get(name, ""))), None)
    return to_optional_secret(found)


def _local_packages(provider: str, request: LoadRequest, model_id: str) -> Path:
    from inference_models_core.artifacts.store_of import open_store

    return open_store(request).model_folder(provider, model_id)


def _has_inspector(registry: Registry, backend: str) -> bool:
    spec = registry.backend(backend).spec
    return spec is not None and spec.inspector is not None


def _inspect_file(registry: Registry, path: Path) -> LocalFileFacts:
    suffix = path.suffix.lower()
    owners = registry.suffixes().get(suffix, ())
    spec = registry.backend(owners[0]).spec if owners else None
    if spec is None:
        known = ", ".join(sorted(registry.suffixes())) or "none"
        raise InvalidRequestError(
            f"no installed backend opens {suffix or 'extensionless'} files: {path.name}",
            hint=f"suffixes that are known here: {known}; see what is installed with: inference-models doctor",
        )
    if spec.inspector is None:
        raise InvalidRequestError(
            f"the backend {spec.name!r} cannot read single files",
            hint="put the file into a folder with a model_config.json and give the folder",
        )
    inspector = spec.inspector
    facts: LocalFileFacts = attributed(lambda: inspector.load()(path), f"the inspector of backend {spec.name!r}")
    return facts

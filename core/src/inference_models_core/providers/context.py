"""What core hands to a weights provider: manifests read by the backends' own parsers, files by their inspectors."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from inference_models_core import parsing
from inference_models_core.errors import InvalidRequestError, MalformedDocumentError, PluginError
from inference_models_core.plugins.calls import attributed
from inference_models_core.plugins.known import backend_for_manifest_type, install_command_for_backend
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.providers import ProviderContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.registry import Registry
    from inference_models_core.types.backends import BackendDetails
    from inference_models_core.types.local_files import LocalFileFacts
    from inference_models_core.types.requests import LoadRequest


def provider_context(request: LoadRequest, registry: Registry) -> ProviderContext:
    """The context for one look-up."""
    return ProviderContext(
        read_manifest=functools.partial(_read_manifest, registry),
        inspect_file=functools.partial(_inspect_file, registry),
        suffixes={suffix: names[0] for suffix, names in registry.suffixes().items()},
        given=request.options,
        api_key=request.api_key,
        offline=request.offline,
        options=request.options.provider_options,
    )


def _read_manifest(registry: Registry, manifest: Mapping[str, Any], where: str) -> BackendDetails | Rejection:
    try:
        kind = parsing.as_object(manifest, where).text("type")
        parser = next((spec.parsers[kind] for spec, _ in registry.backends if kind in spec.parsers), None)
        if parser is None:
            return _unreadable(kind)
        details: BackendDetails = attributed(lambda: parser.load()(manifest, parsing), f"the parser of {kind!r}")
    except (MalformedDocumentError, PluginError) as error:
        return Rejection(code="malformed-metadata", reason=f"{where}: {error.message}")
    return details


def _unreadable(kind: str) -> Rejection:
    backend = backend_for_manifest_type(kind) or ""
    return Rejection(
        code="manifest-not-readable",
        reason=f"no installed plugin reads packages of type {kind!r}",
        fix=install_command_for_backend(backend),
        backend=backend,
    )


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

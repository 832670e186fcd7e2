"""Which parser reads a package manifest: the one that a backend's plugin registered for its ``type``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core import parsing
from inference_models_core.errors import MalformedDocumentError, PluginContractError, PluginError
from inference_models_core.plugins.calls import attributed, wrong_type
from inference_models_core.plugins.known import (
    backend_for_manifest_type,
    install_command_for_backend,
    purpose_of_manifest_type,
)
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST, read_generic_manifest
from inference_models_core.types.backends import BackendDetails
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models_core.object_ref import ObjectRef
    from inference_models_core.registry import Registry

_LONGEST_TYPE = 255


def read_manifest(registry: Registry, manifest: Mapping[str, Any], where: str) -> BackendDetails | Rejection:
    """Reads a package manifest of any type.

    Args:
        registry: Everything that is installed.
        manifest: The manifest, an object with a ``type``.
        where: Its path, for errors.

    Returns:
        What its parser made of it, or why nothing can be made of it: ``manifest-not-readable`` with the plugin to
        install, ``malformed-metadata`` with the field.
    """
    try:
        kind = parsing.as_object(manifest, where).text("type")
        if kind == GENERIC_MANIFEST:
            return read_generic_manifest(manifest, where)
        parser = next((spec.parsers[kind] for spec, _ in registry.backends if kind in spec.parsers), None)
        return _unreadable(kind[:_LONGEST_TYPE]) if parser is None else _parsed(parser, manifest, kind)
    except (MalformedDocumentError, PluginError) as error:
        return Rejection(code="malformed-metadata", reason=f"{where}: {error.message}")


def _parsed(parser: ObjectRef, manifest: Mapping[str, Any], kind: str) -> BackendDetails:
    details = attributed(lambda: parser.load()(manifest, parsing), f"the parser of {kind!r}")
    if not isinstance(details, BackendDetails):
        raise PluginContractError(f"the parser of {kind!r} {wrong_type(details, BackendDetails)}")
    return details


def _unreadable(kind: str) -> Rejection:
    backend = backend_for_manifest_type(kind) or ""
    purpose = purpose_of_manifest_type(kind)
    return Rejection(
        code="manifest-not-readable",
        reason=f"no installed plugin reads packages of type {kind!r}" + (f", which are for {purpose}" * bool(purpose)),
        fix=install_command_for_backend(backend),
        backend=backend,
    )

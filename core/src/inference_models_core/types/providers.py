"""The contract of weights providers: an id in, metadata out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

from inference_models_core.errors import OfflineError
from inference_models_core.object_ref import ObjectRef, to_object_ref
from inference_models_core.types.converters import to_dict, to_names, to_tuple
from inference_models_core.types.requests import LoadOptions
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from inference_models_core.network.client import HttpClient
    from inference_models_core.types.backends import BackendDetails
    from inference_models_core.types.listings import ModelListing
    from inference_models_core.types.local_files import LocalFileFacts
    from inference_models_core.types.negotiation import Rejection
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.secrets import Secret


@attrs.frozen(kw_only=True, repr=False)
class WeightsProviderSpec(Value):
    """Static facts about one provider, returned by ``register_weights_providers``.

    Attributes:
        name: What users write as ``weights_provider=`` and before ``://``.
        factory: Callable that takes a :class:`ProviderContext` and returns a :class:`WeightsProvider`.
        schemes: Further spellings before ``://``.
        embedded: Whether its models are inside an installed distribution. Asked first for a bare id, and trusted:
            whoever installed the distribution chose its content.
        needs_network: Whether resolving needs the network. Offline, such a provider is not asked: what it said before
            is remembered.
        key_variables: Environment variables that hold the key where the caller gives none, first one set wins.
        environment: Environment variables that change its answers, such as the host it asks: an answer that was
            remembered counts only while they stay the same.
        summary: One line for listings.
    """

    name: str = attrs.field(validator=attrs.validators.matches_re(r"[a-z][a-z0-9+.-]*"))
    factory: ObjectRef = attrs.field(converter=to_object_ref)
    schemes: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    embedded: bool = False
    needs_network: bool = attrs.field(default=attrs.Factory(lambda self: not self.embedded, takes_self=True))
    key_variables: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    environment: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    summary: str = ""


@attrs.frozen(kw_only=True, repr=False)
class ProviderContext(Value):
    """What core hands to a provider's factory.

    Attributes:
        read_manifest: ``(manifest, where) -> BackendDetails | Rejection``: dispatches a package manifest to the
            parser of the backend that registered its ``type``; a rejection names the plugin to install. ``where`` is
            the path used in error messages, such as ``"index.json: modelPackages[0]"``.
        inspect_file: Reads a single model file through the inspector of the backend that owns its suffix.
        suffixes: File suffix -> name of the backend that owns it.
        inspected: Those of them whose backend can say what is in a single file.
        given: The caller's options, with what was said about a single file (architecture, task, class names).
        api_key: The caller's key, else the one in the environment (``WeightsProviderSpec.key_variables``).
        offline: Whether sockets are forbidden.
        options: The caller's ``LoadOptions.provider_options``.
        local_packages: Model id -> the folder of that model in the cache, where packages that were built on this
            machine lie beside fetched ones; it may not exist.
    """

    read_manifest: Callable[[Mapping[str, Any], str], BackendDetails | Rejection]
    inspect_file: Callable[[Path], LocalFileFacts]
    suffixes: Mapping[str, str] = attrs.field(factory=dict, converter=to_dict)
    inspected: frozenset[str] = attrs.field(default=frozenset(), converter=to_names)
    given: LoadOptions = attrs.field(factory=LoadOptions)
    api_key: Secret | None = None
    offline: bool = False
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict, repr=False)
    local_packages: Callable[[str], Path] | None = None

    def open_http(
        self, *, origins: Iterable[str] = (), headers: Mapping[str, Mapping[str, Secret]] | None = None
    ) -> HttpClient:
        """A client for the provider's own requests: the only way to the network that keeps what this library promises.

        Args:
            origins: Origins that the user configured; may be plain http, have any port and be in a private network.
            headers: Origin -> headers that are sent to it and nowhere else.

        Raises:
            OfflineError: If the network is forbidden; before anything is imported, as even importing ``urllib3`` tries
                a socket out.
        """
        if self.offline:
            raise OfflineError("offline mode is on, and the weights provider would have to ask")
        from inference_models_core.network.client import HttpClient

        return HttpClient(origins=origins, headers=headers or {})


class WeightsProvider(Protocol):
    """Resolves model ids to metadata."""

    def resolve(self, model_id: str, *, revision: str | None = None) -> ModelMetadata:
        """Finds a model.

        Args:
            model_id: The id without scheme.
            revision: A version, where the provider has versions.

        Returns:
            The model and its packages.

        Raises:
            ModelNotFoundError: If there is no such model; the only error after which another provider is asked.
            ProviderError: For everything else.
        """
        ...


@runtime_checkable
class SupportsListing(Protocol):
    """A provider that can list its models."""

    def list_models(self, query: str = "", *, task: str | None = None, cursor: str | None = None) -> ModelListing:
        """One page of models whose id contains ``query``."""
        ...


@runtime_checkable
class SupportsLocalPackages(Protocol):
    """A provider whose models may have packages that were built on this machine."""

    def find_local_packages(self, metadata: ModelMetadata, model_id: str) -> Iterable[ModelPackage]:
        """Packages that lie in the cache beside fetched ones, opening no connection.

        Asked where what the provider said before is used: without a network, or when it cannot be reached.

        Args:
            metadata: What it said.
            model_id: The id that is asked for, which may be an alias.

        Returns:
            The packages, each with its ``directory``, none of them with the id of one in ``metadata``.
        """
        ...

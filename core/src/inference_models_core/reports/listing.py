"""What there is to load: models in the cache, models of the weights providers, and the registered implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.errors import InferenceModelsError, InvalidRequestError, UnknownProviderError
from inference_models_core.reports.cache import CachedPackagesReport
from inference_models_core.reports.document import Cell, Document, Note, Report, Table, Tone
from inference_models_core.types.listings import ListedModel
from inference_models_core.types.providers import SupportsListing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inference_models_core.registry import Registry, Triple
    from inference_models_core.store.inventory import CachedPackage
    from inference_models_core.types.providers import WeightsProviderSpec

_STANDING_TONES = {"used": Tone.GOOD, "ambiguous": Tone.WARNING, "ignored": Tone.DIM}


@attrs.frozen(kw_only=True)
class ListingQuery:
    """What to list.

    Attributes:
        text: Part of the model id, for providers; of the architecture, for implementations.
        task: The task; ``None`` for any.
        limit: Most models per provider.
        offline: Whether the network is forbidden.
    """

    text: str = ""
    task: str | None = None
    limit: int = 100
    offline: bool = False


@attrs.frozen(kw_only=True)
class ProviderListing:
    """The models of one provider.

    Attributes:
        provider: Its name.
        models: Its models, in its order.
        more: Whether there are more than were asked for.
        error: Why it could not say.
    """

    provider: str
    models: tuple[ListedModel, ...] = ()
    more: bool = False
    error: InferenceModelsError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "provider": self.provider,
            "models": [attrs.asdict(model) for model in self.models],
            "more": self.more,
            "error": self.error.to_dict() if self.error else None,
        }


@attrs.frozen(kw_only=True)
class ListingReport(Report):
    """Models and implementations; a section that was not asked for is ``None``.

    Attributes:
        cached: The packages in the cache.
        providers: One listing per provider that can list.
        rows: The expanded table (architecture, task, backend) -> class.
        missing_modules: What rows require and is not installed.
    """

    cached: tuple[CachedPackage, ...] | None = None
    providers: tuple[ProviderListing, ...] | None = None
    rows: tuple[Triple, ...] | None = None
    missing_modules: frozenset[str] = frozenset()

    def document(self) -> Document:
        """The sections, each labelled with where it comes from."""
        return Document(parts=[*self._cached(), *self._providers(), *self._rows()])

    def to_dict(self) -> dict[str, Any]:
        """The sections as plain values for JSON; those that were not asked for are left out."""
        sections: dict[str, Any] = {}
        if self.cached is not None:
            sections["cached"] = CachedPackagesReport(packages=self.cached).to_dict()["packages"]
        if self.providers is not None:
            sections["providers"] = [listing.to_dict() for listing in self.providers]
        if self.rows is not None:
            sections["implementations"] = [_triple_dict(triple, self._missing(triple)) for triple in self.rows]
        return sections

    def _cached(self) -> Iterator[Table]:
        if self.cached:
            yield CachedPackagesReport(packages=self.cached).table("Models in the cache")

    def _providers(self) -> Iterator[Table | Note]:
        if self.providers == ():
            yield Note(
                "No installed weights provider can list its models.",
                fix="pip install inference-models-provider-samples",
            )
        for listing in self.providers or ():
            yield _models_table(listing)
            if listing.more:
                yield Note(f"{listing.provider} has more; narrow it down, or raise --limit", tone=Tone.DIM)
            if listing.error:
                yield Note(f"{listing.provider}: {listing.error.message}", fix=listing.error.hint, tone=Tone.BAD)

    def _missing(self, triple: Triple) -> list[str]:
        return [name for name in triple.row.requires_modules if name in self.missing_modules]

    def _rows(self) -> Iterator[Table | Note]:
        if self.rows is None:
            return
        yield Table(
            title="Implementations that are registered",
            columns=("architecture", "task", "backend", "class", "from", "standing"),
            rows=[_triple_row(triple, self._missing(triple)) for triple in self.rows],
            empty="none",
        )
        unmet: dict[str, dict[str, None]] = {}
        for triple in self.rows:
            for name in self._missing(triple):
                unmet.setdefault(triple.row.install_hint, {})[name] = None
        for fix, missing in unmet.items():
            yield Note(f"{_and(missing)} not installed", fix=fix, tone=Tone.WARNING)


def list_cached(
    packages: Iterable[CachedPackage], query: ListingQuery, provider: str | None
) -> tuple[CachedPackage, ...]:
    """The cached packages that match; tasks are not known of files."""
    return tuple(
        package
        for package in packages
        if query.text.lower() in (package.model_id or "").lower() and provider in (None, package.provider)
    )


def list_providers(registry: Registry, query: ListingQuery, provider: str | None = None) -> tuple[ProviderListing, ...]:
    """Asks the providers for their models.

    Args:
        registry: What is registered.
        query: What to list.
        provider: The one provider to ask; ``None`` for all. One that is named must answer; of all, those that fail
            say so in their listing.

    Raises:
        UnknownProviderError: If no plugin brings the named provider.
        InvalidRequestError: If the named provider cannot list.
        ProviderError: Whatever the named provider raises.
    """
    if provider is None:
        listings = (_listing_or_error(spec, registry, query) for spec, _ in registry.providers)
        return tuple(listing for listing in listings if listing is not None)
    listing = _listing(_provider(registry, provider), registry, query)
    if listing is None:
        raise InvalidRequestError(f"the provider {provider!r} cannot list its models")
    return (listing,)


def list_rows(registry: Registry, query: ListingQuery) -> tuple[Triple, ...]:
    """The registered implementations that match."""
    return tuple(
        triple
        for triple in registry.triples()
        if query.text in triple.architecture and query.task in (None, triple.task)
    )


def _provider(registry: Registry, name: str) -> WeightsProviderSpec:
    from inference_models_core.plugins.known import install_command_for_provider

    spec = registry.provider(name).spec
    if spec is None:
        known = ", ".join(sorted(spec.name for spec, _ in registry.providers))
        hint = install_command_for_provider(name) or f"there are: {known}"
        raise UnknownProviderError(f"no installed plugin brings the weights provider {name!r}", hint=hint)
    return spec


def _listing_or_error(spec: WeightsProviderSpec, registry: Registry, query: ListingQuery) -> ProviderListing | None:
    try:
        return _listing(spec, registry, query)
    except InferenceModelsError as error:
        return ProviderListing(provider=spec.name, error=error)


def _listing(spec: WeightsProviderSpec, registry: Registry, query: ListingQuery) -> ProviderListing | None:
    provider = open_provider(spec, registry, offline=query.offline)
    if not isinstance(provider, SupportsListing):
        return None
    models, cursor = list[ListedModel](), None
    while len(models) < query.limit:
        page = provider.list_models(query.text, task=query.task, cursor=cursor)
        models += page.models
        cursor = page.cursor
        if cursor is None:
            break
    more = cursor is not None or len(models) > query.limit
    return ProviderListing(provider=spec.name, models=tuple(models[: query.limit]), more=more)


def open_provider(spec: WeightsProviderSpec, registry: Registry, *, offline: bool) -> Any:
    """The provider itself, ready for questions that are not about one model."""
    from inference_models_core.providers.context import provider_context
    from inference_models_core.types.references import ModelRef
    from inference_models_core.types.requests import LoadRequest

    request = LoadRequest(ref=ModelRef(text="", model_id=""), offline=offline)
    return spec.factory.load()(provider_context(spec, request, registry))


def _models_table(listing: ProviderListing) -> Table:
    rows = [(model.model_id, model.task, model.architecture, model.summary) for model in listing.models]
    return Table(
        title=f"Models of {listing.provider}",
        columns=("model", "task", "architecture", "what it is"),
        rows=rows,
        empty="" if listing.error else "none that match",
    )


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)


def _triple_row(triple: Triple, missing: Sequence[str]) -> Iterable[object]:
    standing = Cell(triple.standing, tone=_STANDING_TONES.get(triple.standing, Tone.PLAIN))
    return (
        triple.architecture,
        triple.task,
        triple.backend,
        triple.row.class_name,
        triple.plugin,
        Cell(f"needs {_and(missing)}", tone=Tone.WARNING) if missing else standing,
    )


def _triple_dict(triple: Triple, missing: Sequence[str]) -> dict[str, Any]:
    return {
        "architecture": triple.architecture,
        "task": triple.task,
        "backend": triple.backend,
        "implementation": str(triple.row.implementation),
        "plugin": triple.plugin.name,
        "distribution": triple.plugin.distribution,
        "standing": triple.standing,
        "missing": list(missing),
        "fix": triple.row.install_hint if missing else "",
        "summary": triple.row.summary,
    }

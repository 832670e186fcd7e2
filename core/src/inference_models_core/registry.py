"""What is registered, and by whom: an immutable index of backends, model rows, pipelines and weights providers.

Who wins where several plugins registered something for one use:

* A *name* (of a backend, provider, pipeline): core's own; then the distributions that the caller prefers, in the
  caller's order; then the only distribution that registered it. Several make a conflict.
* A *row* for a package, among those for its architecture, task and backend that understand the package's features:

  1. rows of the distributions that the caller prefers, in the caller's order;
  2. specific rows of an owner: of the distribution that brings the backend, or of one that owns the family;
  3. general rows;
  4. specific rows of anybody else: they do not displace a general row, but serve what has none.

  A distribution *owns the family* of an architecture and task if it registered a general row for that pair, whatever
  the row's features. A family without general rows has no owner: whoever brings the backend goes first. Ownership goes
  by pair and not by architecture, so that nobody gains a say in a family by adding a task to it.

  Rows of several distributions in the highest class that is not empty make a conflict. Rows of one distribution never
  do: a specific one goes before a general one, then one that requires more features.

A conflict is stored and matters only when the name or row is used. The order in which plugins were found never
matters. "Distribution" means the name of the plugin where a plugin was registered in this process.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import attrs

from inference_models_core.normalise import normalise_backend
from inference_models_core.plugins.distributions import normalise_name
from inference_models_core.plugins.handshake import CORE_DISTRIBUTION
from inference_models_core.types.backends import BackendKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from inference_models_core.types.backends import BackendSpec
    from inference_models_core.types.models import ModelSpec, PipelineSpec
    from inference_models_core.types.plugins import PluginIdentity
    from inference_models_core.types.providers import WeightsProviderSpec

KeyT = TypeVar("KeyT")
SpecT = TypeVar("SpecT")
if TYPE_CHECKING:
    Registered: TypeAlias = tuple[SpecT, PluginIdentity]
    Groups: TypeAlias = Mapping[KeyT, Sequence[Registered[SpecT]]]

_FIRST = -1
"""Standing of what wins over every preference."""


@attrs.frozen(kw_only=True)
class Selection(Generic[SpecT]):
    """What a look-up found.

    Attributes:
        spec: The winner; ``None`` if nothing is registered or the choice is not clear.
        plugin: Who registered it.
        ignored: Other distributions' entries that would be used if the caller preferred them.
        conflict: Equally good entries of several distributions; empty when the choice is clear.
    """

    spec: SpecT | None = None
    plugin: PluginIdentity | None = None
    ignored: tuple[Registered[SpecT], ...] = ()
    conflict: tuple[Registered[SpecT], ...] = ()


NAME_THE_DISTRIBUTION = 'name the distribution: options=LoadOptions(prefer=("...",))'
"""What a caller does about a conflict."""


def conflict_text(what: str, conflict: Iterable[Registered[SpecT]]) -> str:
    """One sentence on a conflict: ``what`` several plugins bring, and which."""
    return f"several plugins bring {what}: {', '.join(str(plugin) for _, plugin in conflict)}"


class Triple(NamedTuple):
    """One line of the expanded table of implementations.

    Attributes:
        architecture: Family.
        task: Task.
        backend: Backend; a general row appears once for each tensor backend.
        row: The row.
        plugin: Who registered it.
        standing: ``"used"`` for packages whose features it is for, ``"ignored"`` unless preferred, or
            ``"ambiguous"``: in conflict with another distribution's row.
    """

    architecture: str
    task: str
    backend: str
    row: ModelSpec
    plugin: PluginIdentity
    standing: str


class RegistrySource(Protocol):
    """Where the entries come from: the plugin host."""

    def backends(self) -> Iterable[Registered[BackendSpec]]:
        """Registered backends."""
        ...

    def models(self) -> Iterable[Registered[ModelSpec]]:
        """Registered rows."""
        ...

    def pipelines(self) -> Iterable[Registered[PipelineSpec]]:
        """Registered pipelines."""
        ...

    def weights_providers(self) -> Iterable[Registered[WeightsProviderSpec]]:
        """Registered weights providers."""
        ...


def owner_of(plugin: PluginIdentity) -> str:
    """The name by which a plugin's entries are preferred: its distribution, else the plugin itself."""
    return plugin.distribution or plugin.name


def _by_owner(entries: Iterable[Registered[SpecT]]) -> list[Registered[SpecT]]:
    return sorted(entries, key=lambda entry: (owner_of(entry[1]), entry[1].name))


def _row_order(entry: Registered[ModelSpec]) -> tuple[str, bool, int, str, str, list[str]]:
    row, plugin = entry
    narrowness = -len(row.requires_features)
    rest = plugin.name, str(row.implementation), sorted(row.supports_features)
    return owner_of(plugin), row.backend is None, narrowness, *rest


def _group(entries: Iterable[Registered[SpecT]], keys: Callable[[SpecT], Iterable[KeyT]]) -> Groups[KeyT, SpecT]:
    groups: defaultdict[KeyT, list[Registered[SpecT]]] = defaultdict(list)
    for entry in entries:
        for key in keys(entry[0]):
            groups[key].append(entry)
    return dict(groups)


@attrs.frozen(kw_only=True)
class Registry:
    """The index; the order of the entries given to it does not matter between plugins.

    Attributes:
        backends: Every registered backend with its plugin.
        models: Every registered row.
        pipelines: Every registered pipeline.
        providers: Every registered weights provider.
        required_modules: What some row or other requires beside its distribution.
    """

    backends: tuple[Registered[BackendSpec], ...] = ()
    models: tuple[Registered[ModelSpec], ...] = ()
    pipelines: tuple[Registered[PipelineSpec], ...] = ()
    providers: tuple[Registered[WeightsProviderSpec], ...] = ()
    _backends_by_name: Groups[str, BackendSpec] = attrs.field(init=False, repr=False, eq=False)
    _backends_by_alias: Groups[str, BackendSpec] = attrs.field(init=False, repr=False, eq=False)
    _pipelines_by_id: Groups[str, PipelineSpec] = attrs.field(init=False, repr=False, eq=False)
    _providers_by_name: Groups[str, WeightsProviderSpec] = attrs.field(init=False, repr=False, eq=False)
    _providers_by_scheme: Groups[str, WeightsProviderSpec] = attrs.field(init=False, repr=False, eq=False)
    _rows_by_task: Groups[tuple[str, str], ModelSpec] = attrs.field(init=False, repr=False, eq=False)
    required_modules: frozenset[str] = attrs.field(init=False, repr=False, eq=False)

    @_backends_by_name.default
    def _index_backend_names(self) -> Groups[str, BackendSpec]:
        return _group(_by_owner(self.backends), lambda spec: (spec.name,))

    @_backends_by_alias.default
    def _index_backend_aliases(self) -> Groups[str, BackendSpec]:
        return _group(_by_owner(self.backends), lambda spec: {normalise_backend(name) for name in spec.names})

    @_pipelines_by_id.default
    def _index_pipelines(self) -> Groups[str, PipelineSpec]:
        return _group(_by_owner(self.pipelines), lambda spec: (spec.pipeline_id,))

    @_providers_by_name.default
    def _index_provider_names(self) -> Groups[str, WeightsProviderSpec]:
        return _group(_by_owner(self.providers), lambda spec: (spec.name,))

    @_providers_by_scheme.default
    def _index_provider_schemes(self) -> Groups[str, WeightsProviderSpec]:
        return _group(_by_owner(self.providers), lambda spec: {scheme.lower() for scheme in spec.schemes})

    @_rows_by_task.default
    def _index_rows(self) -> Groups[tuple[str, str], ModelSpec]:
        return _group(sorted(self.models, key=_row_order), lambda spec: ((spec.architecture, spec.task),))

    @required_modules.default
    def _collect_required_modules(self) -> frozenset[str]:
        return frozenset(name for row, _ in self.models for name in row.requires_modules)

    def backend(self, name: str, prefer: Sequence[str] = ()) -> Selection[BackendSpec]:
        """Finds a backend by its name or any other spelling of it.

        Args:
            name: As users write it; ``"PyTorch"`` finds ``torch``.
            prefer: Distributions in the caller's order of preference.
        """
        entries = self._backends_by_name.get(name) or self._spelled_backend(name)
        return _pick(entries, lambda entry: _name_standing(entry[1], prefer))

    def provider(self, name: str, prefer: Sequence[str] = ()) -> Selection[WeightsProviderSpec]:
        """Finds a weights provider by its name, or else by one of its schemes; case does not matter."""
        key = name.strip().lower()
        entries = self._providers_by_name.get(key) or self._providers_by_scheme.get(key, ())
        return _pick(entries, lambda entry: _name_standing(entry[1], prefer))

    def pipeline(self, pipeline_id: str, prefer: Sequence[str] = ()) -> Selection[PipelineSpec]:
        """Finds a pipeline by its id."""
        entries = self._pipelines_by_id.get(pipeline_id, ())
        return _pick(entries, lambda entry: _name_standing(entry[1], prefer))

    def select_row(
        self,
        architecture: str,
        task: str,
        backend_name: str,
        features: frozenset[str] = frozenset(),
        prefer: Sequence[str] = (),
    ) -> Selection[ModelSpec]:
        """Chooses the implementation for packages of one kind; the module says how.

        Args:
            architecture: Family of the package.
            task: Task of the package.
            backend_name: Its backend.
            features: Names of the package's features.
            prefer: Distributions in the caller's order of preference.
        """
        rows = self.rows(architecture, task, backend_name, prefer)
        entries = [entry for entry in rows if entry[0].accepts(features)]
        owners = self._owners(architecture, task, backend_name, prefer) if len(entries) > 1 else frozenset()
        return _pick(entries, lambda entry: _row_standing(entry, owners, prefer))

    def rows(
        self, architecture: str, task: str, backend_name: str, prefer: Sequence[str] = ()
    ) -> list[Registered[ModelSpec]]:
        """Rows for an architecture and task on a backend, whatever features they understand."""
        backend = self.backend(backend_name, prefer).spec
        general = backend is not None and backend.kind is BackendKind.TENSOR
        return [
            entry
            for entry in self._rows_by_task.get((architecture, task), ())
            if entry[0].backend == backend_name or (general and entry[0].backend is None)
        ]

    def implementations(self) -> Mapping[tuple[str, str], Sequence[Registered[ModelSpec]]]:
        """All rows by (architecture, task)."""
        return self._rows_by_task

    def suffixes(self) -> dict[str, tuple[str, ...]]:
        """File suffix in lower case -> names of the backends that own it, those of lower rank first."""
        names = _group(self.backends, lambda spec: {suffix.lower() for suffix in spec.suffixes})
        return {
            suffix: tuple(dict.fromkeys(name for _, name in sorted((spec.rank, spec.name) for spec, _ in entries)))
            for suffix, entries in sorted(names.items())
        }

    def triples(self, prefer: Sequence[str] = ()) -> tuple[Triple, ...]:
        """The expanded table (architecture, task, backend) -> implementation, sorted.

        A specific row appears also where its backend is not installed.
        """
        names = set(self._backends_by_name)
        pairs = sorted(self._rows_by_task.items())
        return tuple(
            Triple(
                architecture=architecture,
                task=task,
                backend=backend,
                row=row,
                plugin=plugin,
                standing=self._standing((row, plugin), backend, prefer),
            )
            for (architecture, task), entries in pairs
            for backend in sorted(names | {row.backend for row, _ in entries if row.backend})
            for row, plugin in self.rows(architecture, task, backend, prefer)
        )

    def _spelled_backend(self, name: str) -> Sequence[Registered[BackendSpec]]:
        key = normalise_backend(name)
        return self._backends_by_name.get(key) or self._backends_by_alias.get(key, ())

    def _owners(self, architecture: str, task: str, backend_name: str, prefer: Sequence[str]) -> frozenset[str]:
        brought = self.backend(backend_name, prefer).plugin
        family = self._rows_by_task.get((architecture, task), ())
        of_family = [plugin for row, plugin in family if row.backend is None]
        return frozenset(map(owner_of, [brought, *of_family] if brought else of_family))

    def _standing(self, entry: Registered[ModelSpec], backend: str, prefer: Sequence[str]) -> str:
        row = entry[0]
        standing = "ignored"
        for features in (row.requires_features, row.requires_features | row.supports_features):
            selection = self.select_row(row.architecture, row.task, backend, features, prefer)
            if selection.spec is row:
                return "used"
            if entry in selection.conflict:
                standing = "ambiguous"
        return standing


def _pick(entries: Sequence[Registered[SpecT]], standing: Callable[[Registered[SpecT]], int]) -> Selection[SpecT]:
    if len(entries) <= 1:  # nearly always
        return Selection(spec=entries[0][0], plugin=entries[0][1]) if entries else Selection()
    standings = [standing(entry) for entry in entries]
    best = min(standings)
    top = [entry for entry, place in zip(entries, standings, strict=True) if place == best]
    owners = {owner_of(plugin) for _, plugin in top}
    ignored = tuple(entry for entry in entries if owner_of(entry[1]) not in owners)
    if len(owners) > 1:
        return Selection(conflict=tuple(top), ignored=ignored)
    return Selection(spec=top[0][0], plugin=top[0][1], ignored=ignored)


def _name_standing(plugin: PluginIdentity, prefer: Sequence[str]) -> int:
    owner = owner_of(plugin)
    if owner == CORE_DISTRIBUTION:
        return _FIRST
    return _preference(owner, prefer)


def _preference(owner: str, prefer: Sequence[str]) -> int:
    spelled = normalise_name(owner)
    return next((place for place, name in enumerate(prefer) if normalise_name(name) == spelled), len(prefer))


def _row_standing(entry: Registered[ModelSpec], owners: frozenset[str], prefer: Sequence[str]) -> int:
    row, owner = entry[0], owner_of(entry[1])
    preference = _preference(owner, prefer)
    if preference < len(prefer):
        return preference
    if row.backend is None:
        return len(prefer) + 1
    return len(prefer) + (0 if owner in owners else 2)


def build_registry(source: RegistrySource) -> Registry:
    """Indexes everything that the plugins of a host registered."""
    return Registry(
        backends=tuple(source.backends()),
        models=tuple(source.models()),
        pipelines=tuple(source.pipelines()),
        providers=tuple(source.weights_providers()),
    )

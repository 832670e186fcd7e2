"""What the rules look at, worked out once per negotiation and not once per package."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from inference_models_core.arguments import nearest
from inference_models_core.normalise import UNKNOWN_QUANTIZATION
from inference_models_core.registry import Selection
from inference_models_core.types.backends import Availability, BackendReport
from inference_models_core.types.devices import CPU, Device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_models_core.registry import Registry
    from inference_models_core.types.backends import BackendSpec, BatchSupport, Fit
    from inference_models_core.types.models import ModelSpec
    from inference_models_core.types.negotiation import Rejection
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.requests import LoadRequest

    Matcher: TypeAlias = Callable[[ModelPackage, BackendReport, LoadRequest], Rejection | Fit]
    Review: TypeAlias = Callable[[ModelPackage, LoadRequest], Rejection | None]
    Kind: TypeAlias = tuple[str, str | None, str | None, frozenset[str], str | None, BatchSupport, bool]

DEFAULT_QUANTIZATIONS: frozenset[str | None] = frozenset(("fp32", "fp16", "bf16", None))
"""Precisions that are accepted when the caller names none."""

_MAX_SUGGESTIONS = 4
"""A spelling is looked up in the names of all families, which takes milliseconds: models have one architecture."""

_NO_FEATURES: frozenset[str] = frozenset()


class Survivor(NamedTuple):
    """A package that passed the rules which need no detection; a tuple, which is made in a third of the time.

    Attributes:
        package: The package.
        backend_name: Name of its backend as the plugin registered it.
        backend: That backend; nothing for own code whose backend no plugin registered.
        row: The implementation that runs it; nothing for own code.
    """

    package: ModelPackage
    backend_name: str
    backend: Selection[BackendSpec]
    row: Selection[ModelSpec]


class Shortlist(NamedTuple):
    """Packages after the rules that need no detection.

    Attributes:
        metadata: The model.
        survivors: Packages that may run, in the provider's order.
        rejections: The others.
    """

    metadata: ModelMetadata
    survivors: tuple[Survivor, ...]
    rejections: tuple[Rejection, ...]

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of the survivors' registered backends, sorted: those worth a detection."""
        return tuple(sorted({s.backend.spec.name for s in self.survivors if s.backend.spec is not None}))


class ShortlistContext:
    """Request, metadata and registry, and what was looked up in them so far."""

    def __init__(
        self,
        request: LoadRequest,
        metadata: ModelMetadata,
        registry: Registry,
        *,
        provider_trusted: bool,
        missing_modules: frozenset[str],
    ) -> None:
        self.request = request
        self.metadata = metadata
        self.registry = registry
        self.provider_trusted = provider_trusted
        self.missing_modules = missing_modules
        self.prefer = request.options.prefer
        self.quantizations = _quantizations(request)
        self.duplicates = _duplicates(metadata)
        self._backends: dict[str, Selection[BackendSpec]] = {}
        self._rows: dict[tuple[str, str, str, frozenset[str]], Selection[ModelSpec]] = {}
        self._suggestions: dict[str, str | None] = {}
        self.wanted_backends = frozenset(map(self._canonical, request.backends or ())) or None

    def backend(self, name: str) -> Selection[BackendSpec]:
        """The backend of that name."""
        found = self._backends.get(name)
        if found is None:
            found = self._backends[name] = self.registry.backend(name, self.prefer)
        return found

    def backend_name(self, package: ModelPackage) -> str:
        """Name of a package's backend as its plugin registered it."""
        return self._canonical(package.backend)

    def row(self, package: ModelPackage) -> Selection[ModelSpec]:
        """The implementation for a package."""
        architecture, task = self.family(package)
        if package.local_code is not None or architecture is None or task is None:
            return Selection()
        key = architecture, task, self.backend_name(package), frozenset(package.features)
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self.registry.select_row(*key, self.prefer)
        return found

    def family(self, package: ModelPackage) -> tuple[str | None, str | None]:
        """Architecture and task of a package; the model's where the package does not say."""
        return package.architecture or self.metadata.architecture, package.task or self.metadata.task

    def suggest_architecture(self, name: str) -> str | None:
        """A registered architecture of similar name."""
        if name not in self._suggestions and len(self._suggestions) < self._suggestion_budget():
            self._suggestions[name] = nearest(name, {family for family, _ in self.registry.implementations()})
        return self._suggestions.get(name)

    def _suggestion_budget(self) -> int:
        named = {package.architecture for package in self.metadata.packages}
        return _MAX_SUGGESTIONS if len(named) <= _MAX_SUGGESTIONS else 0  # all or none: the order must not matter

    def _canonical(self, name: str) -> str:
        spec = self.backend(name).spec
        return spec.name if spec else name


class RuntimeContext:
    """Request and what was found out about this machine."""

    def __init__(
        self,
        request: LoadRequest,
        reports: Mapping[str, BackendReport],
        matchers: Mapping[str, Matcher],
        review: Review | None,
    ) -> None:
        self.request = request
        self.matchers = matchers
        self.review = review
        self._reports = reports

    def report(self, survivor: Survivor) -> BackendReport | None:
        """What was found out about the backend of a package; ``None`` if its plugin reported nothing."""
        found = self._reports.get(survivor.backend_name)
        return _own_runtime(survivor, self.request) if found is None and survivor.backend.spec is None else found

    def device(self, report: BackendReport) -> Device | None:
        """Where a model of that backend would compute; ``None`` if the backend cannot use the requested device."""
        return choose_device(self.request.device, report.devices)


def kind_of(package: ModelPackage) -> Kind:
    """All about a package that the rules on kinds look at: models have many packages of few kinds."""
    return (
        package.backend,
        package.architecture,
        package.task,
        frozenset(package.features) if package.features else _NO_FEATURES,
        package.quantization,
        package.batch,
        package.local_code is None,
    )


def choose_device(wish: Device, available: tuple[Device, ...]) -> Device | None:
    """The device that a wish comes to.

    Args:
        wish: The request's device.
        available: What the backend can use, best first.

    Returns:
        The first that satisfies the wish, with the index that the caller gave; ``None`` if there is none.
    """
    if wish.is_auto:
        return available[0] if available else None
    found = next((device for device in available if wish.covers(device)), None)
    return wish if found is not None and wish.index is not None else found


def _own_runtime(survivor: Survivor, request: LoadRequest) -> BackendReport:
    # The package's own code opens its files: nobody else can say where they run.
    device = CPU if request.device.is_auto else request.device
    return BackendReport(backend=survivor.package.backend, availability=Availability.AVAILABLE, devices=(device,))


def _quantizations(request: LoadRequest) -> frozenset[str | None]:
    if request.quantizations is None:
        return DEFAULT_QUANTIZATIONS
    return frozenset(None if name == UNKNOWN_QUANTIZATION else name for name in request.quantizations)


def _duplicates(metadata: ModelMetadata) -> frozenset[str]:
    counts = Counter([package.package_id for package in metadata.packages])
    return frozenset(name for name, count in counts.items() if count > 1)

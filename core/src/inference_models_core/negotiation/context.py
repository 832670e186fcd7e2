"""What the rules look at, worked out once per negotiation and not once per package."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from inference_models_core.normalise import UNKNOWN_QUANTIZATION
from inference_models_core.plugins.distributions import normalise_name
from inference_models_core.registry import Selection
from inference_models_core.types.backends import Availability, BackendReport
from inference_models_core.types.devices import CPU, Device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_models_core.registry import Registry
    from inference_models_core.types.backends import BackendSpec, Fit
    from inference_models_core.types.models import ModelSpec
    from inference_models_core.types.negotiation import Rejection
    from inference_models_core.types.packages import ModelMetadata, ModelPackage
    from inference_models_core.types.requests import LoadRequest

DEFAULT_QUANTIZATIONS: frozenset[str | None] = frozenset(("fp32", "fp16", "bf16", None))
"""Precisions that are accepted when the caller names none."""


@attrs.frozen(kw_only=True)
class Survivor:
    """A package that passed the rules which need no detection.

    Attributes:
        package: The package.
        backend: The backend that opens it; nothing for own code whose backend no plugin registered.
        row: The implementation that runs it; nothing for own code.
    """

    package: ModelPackage
    backend: Selection[BackendSpec]
    row: Selection[ModelSpec]

    @property
    def backend_name(self) -> str:
        """Name of the backend as its plugin registered it."""
        return self.backend.spec.name if self.backend.spec else self.package.backend


@attrs.frozen(kw_only=True)
class Shortlist:
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
        self, request: LoadRequest, metadata: ModelMetadata, registry: Registry, *, provider_trusted: bool
    ) -> None:
        self.request = request
        self.metadata = metadata
        self.registry = registry
        self.provider_trusted = provider_trusted
        self.prefer = tuple(dict.fromkeys(n for name in request.options.prefer for n in (name, normalise_name(name))))
        self.quantizations = _quantizations(request)
        self.duplicates = _duplicates(metadata)
        self._backends: dict[str, Selection[BackendSpec]] = {}
        self._rows: dict[tuple[str | None, str | None, str, frozenset[str]], Selection[ModelSpec]] = {}
        self.wanted_backends = frozenset(map(self._canonical, request.backends or ())) or None

    def backend(self, name: str) -> Selection[BackendSpec]:
        """The backend of that name."""
        found = self._backends.get(name)
        if found is None:
            found = self._backends[name] = self.registry.backend(name, self.prefer)
        return found

    def backend_name(self, package: ModelPackage) -> str:
        """Name of a package's backend as its plugin registered it."""
        spec = self.backend(package.backend).spec
        return spec.name if spec else package.backend

    def row(self, package: ModelPackage) -> Selection[ModelSpec]:
        """The implementation for a package."""
        architecture, task = self.family(package)
        key = (architecture, task, package.backend, frozenset(package.features))
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._select_row(package, key[3])
        return found

    def family(self, package: ModelPackage) -> tuple[str | None, str | None]:
        """Architecture and task of a package; the model's where the package does not say."""
        return package.architecture or self.metadata.architecture, package.task or self.metadata.task

    def _select_row(self, package: ModelPackage, features: frozenset[str]) -> Selection[ModelSpec]:
        architecture, task = self.family(package)
        if package.local_code is not None or architecture is None or task is None:
            return Selection()
        return self.registry.select_row(architecture, task, self.backend_name(package), features, self.prefer)

    def _canonical(self, wish: str) -> str:
        spec = self.backend(wish).spec
        return spec.name if spec else wish


class RuntimeContext:
    """Request and what was found out about this machine."""

    def __init__(
        self,
        request: LoadRequest,
        reports: Mapping[str, BackendReport],
        matchers: Mapping[str, Callable[[ModelPackage, BackendReport, LoadRequest], Rejection | Fit]],
        review: Callable[[ModelPackage, LoadRequest], Rejection | None] | None,
    ) -> None:
        self.request = request
        self.matchers = matchers
        self.review = review
        self._reports = reports
        self._devices: dict[str, Device | None] = {}

    def report(self, survivor: Survivor) -> BackendReport | None:
        """What was found out about the backend of a package; ``None`` if its plugin reported nothing."""
        found = self._reports.get(survivor.backend_name)
        return _own_runtime(survivor, self.request) if found is None and survivor.backend.spec is None else found

    def device(self, report: BackendReport) -> Device | None:
        """Where a model of that backend would compute; ``None`` if the backend cannot use the requested device."""
        if report.backend not in self._devices:
            self._devices[report.backend] = choose_device(self.request.device, report.devices)
        return self._devices[report.backend]


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
    device = CPU if request.device.is_auto else request.device
    return BackendReport(
        backend=survivor.package.backend, availability=Availability.AVAILABLE, devices=(device,)
    )  # the package's own code opens its files: nobody else can say where they run


def _quantizations(request: LoadRequest) -> frozenset[str | None]:
    if request.quantizations is None:
        return DEFAULT_QUANTIZATIONS
    return frozenset(None if name == UNKNOWN_QUANTIZATION else name for name in request.quantizations)


def _duplicates(metadata: ModelMetadata) -> frozenset[str]:
    counts = Counter([package.package_id for package in metadata.packages])
    return frozenset(name for name, count in counts.items() if count > 1)

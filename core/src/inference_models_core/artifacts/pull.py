"""Fills the cache without loading anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.artifacts.place import find_cached, place_package
from inference_models_core.artifacts.store_of import open_store
from inference_models_core.errors import ModelNotFoundError, NegotiationError, OfflineError
from inference_models_core.negotiation.failure import no_candidate_error
from inference_models_core.planning import check_access, dependency_requests, make_plan
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inference_models_core.planning import Plan
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.requests import LoadRequest


@attrs.frozen(kw_only=True, repr=False)
class PulledPackage(Value):
    """One package that is in the cache now.

    Attributes:
        reference: What was asked for; a dependency's own reference.
        plan: What the request came to: provider, model, why this package.
        package: The package.
        directory: Where its files are.
        is_new: Whether anything had to be fetched.
    """

    reference: str
    plan: Plan = attrs.field(repr=False)
    package: ModelPackage
    directory: Path
    is_new: bool

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum((self.directory / artifact.handle).stat().st_size for artifact in self.package.artifacts)


def pull(request: LoadRequest, *, all_packages: bool = False) -> tuple[PulledPackage, ...]:
    """Fetches what a load would use, dependencies included.

    Args:
        request: What is to be loaded later.
        all_packages: Fetch every package that has files and that the host's policy allows, also those that this
            machine cannot run.

    Returns:
        The packages, dependencies last.

    Raises:
        NoCompatiblePackageError: If none can run here and not all are wanted.
        InferenceModelsError: Whatever finding and fetching raises.
    """
    return tuple(_pull(request, all_packages=all_packages, depth=0))


def find_pulled(request: LoadRequest) -> Path | None:
    """The directory of the package that an offline request would use, if all of it is there.

    Args:
        request: A request with ``offline`` set.

    Returns:
        The directory; ``None`` if something is missing.
    """
    try:
        plan = make_plan(request)
    except (OfflineError, ModelNotFoundError):
        return None
    if plan.negotiation.best is None:
        return None
    package = plan.negotiation.best.package
    if package.directory is not None:
        return package.directory
    placed = find_cached(plan, open_store(request), package)
    if placed is None:
        return None
    placed.close()
    return placed.directory


def _pull(request: LoadRequest, *, all_packages: bool, depth: int) -> Iterator[PulledPackage]:
    plan = make_plan(request)
    for package in _all_packages(plan) if all_packages else [_best_package(plan)]:
        yield _pull_package(plan, package)
    if depth and plan.found.metadata.dependencies:
        raise NegotiationError(f"{request.ref} is a dependency and has dependencies itself: one level is allowed")
    device = plan.negotiation.best.device if plan.negotiation.best else request.device
    for wanted in dependency_requests(plan, device).values():
        yield from _pull(wanted, all_packages=all_packages, depth=1)


def _best_package(plan: Plan) -> ModelPackage:
    if plan.negotiation.best is None:
        raise no_candidate_error(plan.negotiation)
    return plan.negotiation.best.package


def _all_packages(plan: Plan) -> Sequence[ModelPackage]:
    host, request = plan.host, plan.request
    reviewed = host.has_gate("review_package")
    return [
        package
        for package in plan.found.metadata.packages
        if package.artifacts
        and request.package_id in (None, package.package_id)
        and not (reviewed and host.review_package(package, request) is not None)
    ]


def _pull_package(plan: Plan, package: ModelPackage) -> PulledPackage:
    check_access(plan.host, plan.request, package, plan.found)
    is_new = package.directory is None and not _is_cached(plan, package)
    placed = place_package(plan, package)
    try:
        return PulledPackage(
            reference=plan.request.ref.text, plan=plan, package=package, directory=placed.directory, is_new=is_new
        )
    finally:
        placed.close()


def _is_cached(plan: Plan, package: ModelPackage) -> bool:
    if plan.request.force_download:
        return False
    found = find_cached(plan, open_store(plan.request), package)
    if found is not None:
        found.close()
    return found is not None

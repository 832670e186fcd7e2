"""From a package to a directory that stays what it was when it was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from inference_models_core.artifacts.cached import missing_handles, stored_files
from inference_models_core.artifacts.identity import check_artifacts
from inference_models_core.artifacts.in_place import find_in_place
from inference_models_core.artifacts.store_of import open_store
from inference_models_core.errors import CorruptedCacheError, OfflineError, ReadOnlyCacheError
from inference_models_core.store.store import StoredPackage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inference_models_core.planning import Plan
    from inference_models_core.store.store import Store, StoredFile
    from inference_models_core.types.packages import ModelPackage

_MOST_TRIES = 5
"""How often a file may go away between being there and being used: another process prunes meanwhile."""


class Placed(Protocol):
    """A package's directory, held until closed."""

    @property
    def directory(self) -> Path:
        """Where the files are."""
        ...

    def check_unchanged(self) -> bool:
        """Whether the files still are those that were verified."""
        ...

    def close(self) -> None:
        """Lets go of the directory; may be called more than once."""
        ...


def place_package(plan: Plan, package: ModelPackage) -> Placed:
    """Finds or makes the directory that holds a package's files.

    Args:
        plan: What the request came to.
        package: One of its packages.

    Returns:
        The directory, held: collecting garbage leaves it alone until it is closed.

    Raises:
        PackageError: If a file of a path is missing, or a declared name is no portable relative path.
        OfflineError: If files are missing and the network is forbidden; says which and how to get them.
        DownloadError: If a file cannot be fetched.
        IntegrityError: If what arrives is not what was promised.
        CacheError: If the cache cannot be used: read-only, unsafe, full, or locked by a process that stands still.
    """
    if package.directory is not None:
        return find_in_place(package, package.directory)
    check_artifacts(package)
    store = open_store(plan.request)
    found = None if plan.request.force_download else find_cached(plan, store, package)
    return found if found is not None else _fetch_and_place(plan, store, package)


def find_cached(plan: Plan, store: Store, package: ModelPackage) -> Placed | None:
    """The package's directory, if all of it is in the cache and right."""
    files = stored_files(store, package, allow_unhashed=plan.request.options.allow_unhashed_files)
    if files is None:
        return None
    return store.find_package(_stored(plan, package, files), verify=plan.request.options.verify)


def _fetch_and_place(plan: Plan, store: Store, package: ModelPackage) -> Placed:
    """Fetches what is missing, as often as another process takes it away."""
    if plan.request.offline or not store.writable:
        return _place_from_blobs(plan, store, package)
    from inference_models_core.artifacts.fetch import fetch_files

    for _ in range(_MOST_TRIES):
        files = fetch_files(plan, store, package)
        try:
            lease = store.place_package(_stored(plan, package, files))
        except FileNotFoundError:
            continue
        _tell_created(plan, lease.directory, files)
        return lease
    raise CorruptedCacheError(
        f"files of package {package.package_id} keep vanishing from {store.root}",
        hint="see which other program cleans up there, or use a folder of your own: cache_dir=...",
    )


def _place_from_blobs(plan: Plan, store: Store, package: ModelPackage) -> Placed:
    """The last chance without fetching: every blob is here, only the package's directory is not."""
    files = stored_files(store, package, allow_unhashed=plan.request.options.allow_unhashed_files)
    if store.writable and files is not None:
        try:
            return store.place_package(_stored(plan, package, files))
        except FileNotFoundError:
            pass
    raise _not_here(plan, store, package)


def _not_here(plan: Plan, store: Store, package: ModelPackage) -> OfflineError | ReadOnlyCacheError:
    missing = (
        ", ".join(missing_handles(store, package, allow_unhashed=plan.request.options.allow_unhashed_files))
        or "its folder"
    )
    what = f"package {package.package_id} of {plan.request.ref}: {missing}"
    if plan.request.offline:
        return OfflineError(
            f"not in the cache {store.root}, and offline mode is on: {what}",
            hint=f"with a network: inference-models pull {plan.request.ref.text} --package {package.package_id}",
        )
    return ReadOnlyCacheError(
        f"the cache {store.root} cannot be written, and these are missing: {what}",
        hint="make it writable, fill it first (inference-models pull), or choose another: cache_dir=...",
    )


def _stored(plan: Plan, package: ModelPackage, files: Sequence[StoredFile]) -> StoredPackage:
    from inference_models_core.artifacts.config import model_config

    return StoredPackage(
        provider=plan.found.provider,
        model_id=plan.model_id,
        package_id=package.package_id,
        files=tuple(files),
        config=model_config(plan.found.provider, plan.found.metadata, package),
        links=_links_allowed(plan, package),
    )


def _links_allowed(plan: Plan, package: ModelPackage) -> bool:
    spec = plan.registry.backend(package.backend, plan.request.options.prefer).spec
    if spec is None or spec.links_allowed is None:
        return True
    allowed: Any = spec.links_allowed.load()
    return bool(allowed([artifact.handle for artifact in package.artifacts]))


def _tell_created(plan: Plan, directory: Path, files: Sequence[StoredFile]) -> None:
    if plan.host.is_observed:
        from inference_models_core.types.events import FileCreatedEvent

        for file in files:
            plan.host.emit(FileCreatedEvent(model_id=plan.model_id, path=directory / file.handle))

"""From packages in the cache to a lock file, and back: what ``lock`` and ``sync`` do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import attrs

from inference_models_core.artifacts.cached import stored_files
from inference_models_core.artifacts.pull import pull
from inference_models_core.artifacts.store_of import open_store
from inference_models_core.errors import CorruptedCacheError, InvalidRequestError, LockfileMismatchError
from inference_models_core.providers.chain import LOCAL
from inference_models_core.reference import parse_reference
from inference_models_core.resolution.lockfile import LockedPackage, Lockfile, differences, raise_mismatch
from inference_models_core.store.identity import sha256_of
from inference_models_core.store.store import StoredFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.artifacts.pull import PulledPackage
    from inference_models_core.types.requests import LoadRequest


def locked_package(pulled: PulledPackage) -> LockedPackage:
    """What a lock file says about a package that is in the cache.

    Raises:
        InvalidRequestError: If the package was given as a path.
        CorruptedCacheError: If its files went away meanwhile.
    """
    found, package = pulled.plan.found, pulled.package
    if found.provider == LOCAL:
        raise InvalidRequestError(
            f"{pulled.reference} is a path, which means something else on every machine",
            hint="give the id of a model at a weights provider; files at paths belong to your own version control",
        )
    return LockedPackage(
        provider=found.provider,
        model_id=found.metadata.model_id,
        revision=found.metadata.revision,
        package_id=package.package_id,
        backend=package.backend,
        plugins=_plugin_versions(pulled),
        files=files_of(pulled),
    )


def files_of(pulled: PulledPackage) -> tuple[StoredFile, ...]:
    """The package's files with the digests of what is on disk.

    Raises:
        CorruptedCacheError: If they went away meanwhile.
    """
    request, package = pulled.plan.request, pulled.package
    if package.directory is not None:
        return tuple(_hashed(pulled, artifact.handle) for artifact in package.artifacts)
    files = stored_files(open_store(request), package, allow_unhashed=request.options.allow_unhashed_files)
    if files is None:
        raise CorruptedCacheError(f"files of package {package.package_id} vanished from the cache", hint="try again")
    return files


def _hashed(pulled: PulledPackage, handle: str) -> StoredFile:
    with (pulled.directory / handle).open("rb") as file:
        return StoredFile(handle=handle, sha256=sha256_of(file.fileno()), size=os.fstat(file.fileno()).st_size)


def _plugin_versions(pulled: PulledPackage) -> dict[str, str]:
    """Versions of the plugins that found the package and would run it, as far as they are installed here."""
    registry, prefer = pulled.plan.registry, pulled.plan.request.options.prefer
    metadata, package = pulled.plan.found.metadata, pulled.package
    plugins = [
        registry.provider(pulled.plan.found.provider, prefer).plugin,
        registry.backend(package.backend, prefer).plugin,
        registry.select_row(
            package.architecture or metadata.architecture or "",
            package.task or metadata.task or "",
            package.backend,
            frozenset(package.features),
            prefer,
        ).plugin,
    ]
    return {plugin.distribution: plugin.version for plugin in plugins if plugin and plugin.distribution}


class Synced(NamedTuple):
    """What ``sync`` came to.

    Attributes:
        lockfile: What is locked now.
        pulled: The packages, each in the cache now.
        changes: What differs from before, both sides of each; empty if nothing does.
    """

    lockfile: Lockfile
    pulled: tuple[PulledPackage, ...]
    changes: tuple[str, ...]


def sync(lockfile: Lockfile, base: LoadRequest, *, frozen: bool) -> Synced:
    """Fetches what is locked.

    Args:
        lockfile: What is locked.
        base: Where the cache is, whether the network may be used, ``options.lockfile``; its reference does not matter.
        frozen: Whether a difference is an error; else what changed is resolved again.

    Returns:
        What is locked and in the cache now.

    Raises:
        LockfileMismatchError: If ``frozen`` and anything is not as locked; shows both sides of everything.
        InferenceModelsError: Whatever finding and fetching raises.
    """
    pulled: dict[tuple[str, str, str], PulledPackage] = {}
    changes: list[str] = []
    for locked in lockfile.packages:
        fetched, change = _pull_or_change(locked, base)
        changes += [change] if change else []
        if change and not frozen:
            fetched = _pull_again(locked, base)
        pulled.update({locked_package(each).key: each for each in fetched})
    if frozen and changes:
        raise LockfileMismatchError("\n".join(changes), hint="if the change is wanted: inference-models sync")
    packages = [_with_known_plugins(locked_package(each), lockfile) for each in pulled.values()]
    return Synced(Lockfile(packages=packages), tuple(pulled.values()), tuple(changes))


def _pull_or_change(locked: LockedPackage, base: LoadRequest) -> tuple[Sequence[PulledPackage], str]:
    """What is locked, also what this machine cannot run; or how it differs from what there is now."""
    try:
        fetched = pull(_request(locked, base), all_packages=True)
        found = {each.key: each for each in map(locked_package, fetched)}
        raise_mismatch(locked, differences(locked, found[locked.key]))
    except LockfileMismatchError as error:
        return (), error.message
    return fetched, ""


def _with_known_plugins(package: LockedPackage, lockfile: Lockfile) -> LockedPackage:
    """What only other machines have installed stays known."""
    before = next((each.plugins for each in lockfile.packages if each.key == package.key), {})
    return attrs.evolve(package, plugins={**before, **package.plugins})


def _request(locked: LockedPackage, base: LoadRequest) -> LoadRequest:
    reference = parse_reference(f"{locked.provider}://{locked.model_id}")
    return attrs.evolve(base, ref=reference, revision=locked.revision, package_id=locked.package_id)


def _pull_again(locked: LockedPackage, base: LoadRequest) -> Sequence[PulledPackage]:
    """The same package as it is now; if it is gone, the best one for the same backend."""
    free = attrs.evolve(_request(locked, base), options=attrs.evolve(base.options, lockfile=None))
    same = pull(free, all_packages=True)
    if any(each.package.package_id == locked.package_id for each in same):
        return same
    return pull(attrs.evolve(free, package_id=None, backends=(locked.backend,)))

"""From packages in the cache to a bundle."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import attrs

from inference_models_core.bundles.archive import write_archive
from inference_models_core.bundles.index import BundledModel, BundleIndex, Content, check_agreement
from inference_models_core.errors import CorruptedCacheError, InvalidRequestError
from inference_models_core.providers.documents import model_document
from inference_models_core.resolution.lock_models import locked_package
from inference_models_core.resolution.lockfile import LockedPackage, Lockfile, lockfile_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from inference_models_core.artifacts.pull import PulledPackage
    from inference_models_core.types.packages import ModelMetadata, ModelPackage


class _Packed(NamedTuple):
    """A package on its way into a bundle, with the id it was asked for by, its model and its folder."""

    locked: LockedPackage
    asked: str
    metadata: ModelMetadata
    package: ModelPackage
    directory: Path


def create_bundle(path: Path, pulled: Iterable[PulledPackage], told: Callable[[int, int], None]) -> Lockfile:
    """Writes a bundle of packages that are in the cache.

    Args:
        path: Where it goes; replaced if it exists.
        pulled: The packages; a dependency that several models share may be there several times.
        told: Called with bytes written so far, and bytes in all.

    Returns:
        What is in it.

    Raises:
        InvalidRequestError: If a package is not one that another machine could get from its provider.
        BundleError: If there is more of it than a bundle can hold.
        CorruptedCacheError: If a file went away.
        IntegrityError: If a file is damaged.
        DiskFullError: If there is no room for it.
    """
    packed = list(map(_packed, pulled))
    lockfile = Lockfile(packages={each.locked.key: each.locked for each in packed}.values())
    lock = lockfile_text(lockfile).encode()
    index = BundleIndex(
        lock=Content(sha256=hashlib.sha256(lock).hexdigest(), size=len(lock)),
        models=_models(packed),
        files=_contents(lockfile),
    )
    check_agreement(index, lock)
    places = {file.sha256: each.directory / file.handle for each in packed for file in each.locked.files}
    try:
        write_archive(path, index, lock, lambda content: places[content.sha256], told)
    except FileNotFoundError as error:
        hint = "run the same command again; nothing may prune the cache meanwhile"
        raise CorruptedCacheError(f"{error.filename} went away while it was written", hint=hint) from error
    return lockfile


def _packed(pulled: PulledPackage) -> _Packed:
    plan = pulled.plan
    return _Packed(locked_package(pulled), plan.request.ref.name, plan.found.metadata, pulled.package, pulled.directory)


def _contents(lockfile: Lockfile) -> list[Content]:
    contents = {Content(sha256=file.sha256, size=file.size) for each in lockfile.packages for file in each.files}
    return sorted(contents, key=lambda content: content.sha256)


def _models(packed: Iterable[_Packed]) -> list[BundledModel]:
    """Each model with those of its packages that are in the bundle, sorted."""
    models: dict[tuple[str, str], list[_Packed]] = {}
    for each in packed:
        models.setdefault((each.locked.provider, each.locked.model_id), []).append(each)
    return [_model(provider, each) for (provider, _), each in sorted(models.items())]


def _model(provider: str, packed: list[_Packed]) -> BundledModel:
    metadata = packed[0].metadata
    name = f"{provider}://{metadata.model_id}"
    if len({each.metadata.revision for each in packed}) > 1:
        raise InvalidRequestError(f"a bundle has one revision of a model: {name}", hint="write one bundle for each")
    packages = {each.package.package_id: _with_digests(each) for each in packed}
    document = model_document(attrs.evolve(metadata, packages=[package for _, package in sorted(packages.items())]))
    if document is None or len(document["modelPackages"]) != len(packages):
        raise InvalidRequestError(
            f"{name} cannot be put into a bundle: its packages are part of a distribution that is installed here",
            hint="install that distribution on the other machine, its models come with it",
        )
    aliases = sorted({each.asked for each in packed} - {metadata.model_id})
    return BundledModel(provider=provider, document=document, aliases=aliases)


def _with_digests(packed: _Packed) -> ModelPackage:
    """The package with the digests of what is in the cache, so that the other machine has a promise for each file."""
    files = {file.handle: file for file in packed.locked.files}
    artifacts = [
        attrs.evolve(each, sha256=files[each.handle].sha256, size=files[each.handle].size)
        for each in sorted(packed.package.artifacts, key=lambda artifact: artifact.handle)
    ]
    return attrs.evolve(packed.package, artifacts=artifacts)

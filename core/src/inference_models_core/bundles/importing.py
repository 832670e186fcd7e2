"""From a bundle to the cache of a machine that never saw the network.

What is imported counts as the provider's own answer: whoever imports a bundle trusts whoever made it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from inference_models_core.artifacts.place import place_package
from inference_models_core.artifacts.store_of import open_store
from inference_models_core.bundles.archive import open_archive
from inference_models_core.bundles.index import INDEX_NAME
from inference_models_core.download.parts import VerifiedPart, create_part
from inference_models_core.errors import ReadOnlyCacheError, UnknownProviderError
from inference_models_core.planning import Plan
from inference_models_core.plugins.host import get_host
from inference_models_core.plugins.known import install_command_for_provider
from inference_models_core.providers.asking import found_by
from inference_models_core.providers.documents import read_model
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.reference import parse_reference
from inference_models_core.resolution.memory import open_memory
from inference_models_core.store import files
from inference_models_core.store.faults import typed_errors
from inference_models_core.types.negotiation import Negotiation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inference_models_core.bundles.archive import BundleArchive
    from inference_models_core.bundles.index import BundledModel, Content
    from inference_models_core.plugins.host import PluginHost
    from inference_models_core.resolution.lockfile import Lockfile
    from inference_models_core.store.store import Store
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.requests import LoadRequest


def verify_bundle(path: Path, told: Callable[[int, int], None]) -> Lockfile:
    """Reads all of a bundle and checks every size and digest.

    Args:
        path: The bundle.
        told: Called with bytes read so far, and bytes in all.

    Returns:
        What is in it.

    Raises:
        InvalidRequestError: If nothing is there.
        BundleError: If anything is not as it should be.
    """
    done = 0
    with open_archive(path) as archive:
        total = sum(content.size for content in archive.index.files)
        for content in archive.index.files:
            for chunk in archive.chunks(content):
                done += len(chunk)
                told(done, total)
        return archive.lockfile


def import_bundle(path: Path, base: LoadRequest, told: Callable[[int, int], None]) -> Lockfile:
    """Fills the cache from a bundle.

    Nothing is written before the structure of the bundle was checked, nothing gets its final name before its digest
    was, no package is placed before all of its files are there, and no answer is remembered before its packages are.

    Args:
        path: The bundle.
        base: Where the cache is; its reference does not matter.
        told: Called with bytes written so far, and bytes in all.

    Returns:
        The packages, all of them in the cache now.

    Raises:
        InvalidRequestError: If nothing is at the path.
        BundleError: If the bundle is damaged; files that were right before the damage stay as cached files.
        UnknownProviderError: If the plugin of a provider is not installed here.
        HashDowngradeError: If a file is not what this cache knows it to be.
        CacheError: If the cache cannot be written, or has no room.
    """
    base = attrs.evolve(base, offline=True, revision=None, package_id=None)
    host = base.options.host or get_host()
    with open_archive(path) as archive:
        specs = {model.provider: _provider(model.provider, host, base) for model in archive.index.models}
        store = open_store(attrs.evolve(base, offline=False))
        _import_files(store, archive, told)
        for model in archive.index.models:
            _import_model(model, specs[model.provider], host, base)
        return archive.lockfile


def _provider(name: str, host: PluginHost, base: LoadRequest) -> WeightsProviderSpec:
    spec = host.registry().provider(name, base.options.prefer).spec
    if spec is None:
        hint = install_command_for_provider(name)
        raise UnknownProviderError(f"the bundle has models of {name!r}, and no installed plugin brings it", hint=hint)
    return spec


def _import_files(store: Store, archive: BundleArchive, told: Callable[[int, int], None]) -> None:
    missing = [content for content in archive.index.files if store.find_blob(content.sha256, content.size) is None]
    if missing and not store.writable:
        raise ReadOnlyCacheError(
            f"the cache {store.root} cannot be written, and {len(missing)} files of the bundle are not in it",
            hint="choose another: --cache-dir PATH",
        )
    done, total = 0, sum(content.size for content in missing)
    store.reserve(total)
    for content in missing:
        _import_file(store, archive, content)
        done += content.size
        told(done, total)


def _import_file(store: Store, archive: BundleArchive, content: Content) -> None:
    with store.lock(content.sha256), typed_errors(store.root, content.size):
        part = create_part(store.part_folder(content.sha256))
        try:
            for chunk in archive.chunks(content):
                files.write(part.fd, chunk)
            files.sync(part.fd)
            with VerifiedPart(part, content.sha256, content.size) as verified:
                store.publish(verified.path, None, verified.sha256, verified.size)
        finally:
            part.remove()


def _import_model(model: BundledModel, spec: WeightsProviderSpec, host: PluginHost, base: LoadRequest) -> None:
    """Places the packages of a model, then remembers what its provider would say about it."""
    plan = _plan(model, spec, host, base)
    for package in plan.found.metadata.packages:
        place_package(plan, package).close()
    metadata, answers = plan.found.metadata, open_memory(plan.request).answers
    for revision in {None, metadata.revision}:
        answers.remember_public(spec.name, metadata, aliases=model.aliases, revision=revision)


def _plan(model: BundledModel, spec: WeightsProviderSpec, host: PluginHost, base: LoadRequest) -> Plan:
    """What planning would come to if the provider had answered; nothing is negotiated, everything is placed."""
    registry = host.registry()
    metadata = read_model(model.document, INDEX_NAME, functools.partial(read_manifest, registry))
    request = attrs.evolve(base, ref=parse_reference(f"{spec.name}://{metadata.model_id}"))
    found = found_by(spec, request, metadata)
    return Plan(request=request, host=host, registry=registry, found=found, negotiation=Negotiation(metadata=metadata))

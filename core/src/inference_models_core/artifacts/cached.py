"""Which files of a package the cache has, by whatever was promised about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inference_models_core.artifacts.identity import artifact_key
from inference_models_core.errors import CorruptedCacheError
from inference_models_core.negotiation import codes
from inference_models_core.store.store import StoredFile
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from inference_models_core.store.store import Store
    from inference_models_core.types.negotiation import Negotiation
    from inference_models_core.types.packages import Artifact, ModelPackage
    from inference_models_core.types.requests import LoadRequest

_MOST_SHOWN = 5


def stored_files(store: Store, package: ModelPackage, *, allow_unhashed: bool = False) -> tuple[StoredFile, ...] | None:
    """The package's files as the store knows them; ``None`` if it has never seen one of them."""
    files = [_stored_file(store, artifact, allow_unhashed) for artifact in package.artifacts]
    return None if None in files else tuple(file for file in files if file is not None)


def has_blob(store: Store, artifact: Artifact, *, allow_unhashed: bool = False) -> bool:
    """Whether a file's content is in the store, and right."""
    file = _stored_file(store, artifact, allow_unhashed)
    return file is not None and store.find_blob(file.sha256, file.size) is not None


def missing_handles(store: Store, package: ModelPackage, *, allow_unhashed: bool = False) -> list[str]:
    """Names of the files of a package that the store does not have."""
    return [
        artifact.handle
        for artifact in package.artifacts
        if not has_blob(store, artifact, allow_unhashed=allow_unhashed)
    ]


def only_cached(request: LoadRequest, negotiation: Negotiation) -> Negotiation:
    """A negotiation for a request without a network: candidates with missing files become rejections.

    Args:
        request: The request; its reference goes into the command that fetches the others.
        negotiation: What could run if everything were here.

    Returns:
        The negotiation, with the candidates that are here.

    Raises:
        CorruptedCacheError: If none is, because files are damaged; names them, with the command that mends them.
    """
    from inference_models_core.artifacts.store_of import open_store

    store = open_store(request)
    verdicts = [(candidate, _not_cached(request, store, candidate.package)) for candidate in negotiation.accepted]
    if store.layout.damage and all(rejection is not None for _, rejection in verdicts):
        raise CorruptedCacheError(
            "offline mode is on, and files in the cache are damaged:\n  " + "\n  ".join(store.layout.damage),
            hint=f"with a network: inference-models pull {request.ref.text}",
        )
    return attrs.evolve(
        negotiation,
        accepted=[candidate for candidate, rejection in verdicts if rejection is None],
        rejected=[*negotiation.rejected, *(rejection for _, rejection in verdicts if rejection is not None)],
    )


def _not_cached(request: LoadRequest, store: Store, package: ModelPackage) -> Rejection | None:
    missing = [] if package.directory is not None else missing_handles(store, package, allow_unhashed=True)
    if not missing:
        return None
    shown = ", ".join(missing[:_MOST_SHOWN]) + (
        f" and {len(missing) - _MOST_SHOWN} more" * (len(missing) > _MOST_SHOWN)
    )
    return Rejection(
        code=codes.NOT_CACHED,
        reason=f"offline mode is on, and the cache does not have {shown}",
        fix=f"with a network: inference-models pull {request.ref.text} --package {package.package_id}",
        package_id=package.package_id,
        backend=package.backend,
    )


def is_promised(artifact: Artifact) -> bool:
    """Whether the provider says all that identifies content: digest and size."""
    return artifact.sha256 is not None and artifact.size is not None


def _stored_file(store: Store, artifact: Artifact, allow_unhashed: bool) -> StoredFile | None:
    if artifact.sha256 is not None and artifact.size is not None:
        return StoredFile(handle=artifact.handle, sha256=artifact.sha256, size=artifact.size)
    known = store.known_digest(artifact_key(artifact, allow_unhashed=allow_unhashed))
    return None if known is None else StoredFile(handle=artifact.handle, sha256=known[0], size=known[1])

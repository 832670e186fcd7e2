"""Holds what a provider says to what a lock file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from inference_models_core.errors import LockfileMismatchError
from inference_models_core.resolution.lockfile import check_locked, read_lockfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.resolution.lockfile import LockedPackage, Lockfile
    from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
    from inference_models_core.types.references import ModelRef
    from inference_models_core.types.requests import LoadRequest


def locked_request(request: LoadRequest, path: str) -> tuple[LoadRequest, Lockfile]:
    """The request for the revision that is locked, and the lock file.

    Raises:
        LockfileError: If the file cannot be used.
    """
    lockfile = read_lockfile(Path(path))
    revisions = {each.revision for each in lockfile.packages if _may_be(each, request.ref)}
    if request.revision is None and len(revisions) == 1:
        request = attrs.evolve(request, revision=revisions.pop())
    return request, lockfile


def _may_be(locked: LockedPackage, ref: ModelRef) -> bool:
    return locked.model_id == ref.model_id and ref.scheme in (None, locked.provider)


def hold_to_lock(lockfile: Lockfile, provider: str, metadata: ModelMetadata) -> ModelMetadata:
    """The model as it is locked: only locked packages, with the digests that are locked.

    Args:
        lockfile: The lock file.
        provider: Name of the provider that answered.
        metadata: Its answer.

    Returns:
        The answer without packages that are not locked. Files of which the provider says less than the lock file get
        the locked digests, which fetching then insists on.

    Raises:
        LockfileError: If the model is not locked.
        LockfileMismatchError: If the answer says anything else than the lock file; shows both sides.
    """
    locked = lockfile.of_model(metadata.model_id, provider)
    return attrs.evolve(metadata, packages=[_held(each, provider, metadata) for each in locked])


def _held(locked: LockedPackage, provider: str, metadata: ModelMetadata) -> ModelPackage:
    package = next((each for each in metadata.packages if each.package_id == locked.package_id), None)
    if package is None:
        there = ", ".join(sorted(each.package_id for each in metadata.packages)) or "none"
        raise LockfileMismatchError(
            f"{locked} is not what the lock file says:\n  locked: package {locked.package_id}\n  found: {there}",
            hint="if the change is wanted: inference-models sync",
        )
    check_locked(locked, provider, metadata, package)
    return attrs.evolve(package, artifacts=_pinned(package.artifacts, locked))


def _pinned(artifacts: Sequence[Artifact], locked: LockedPackage) -> list[Artifact]:
    files = {file.handle: file for file in locked.files}
    return [
        attrs.evolve(artifact, sha256=files[artifact.handle].sha256, size=files[artifact.handle].size)
        for artifact in artifacts
    ]

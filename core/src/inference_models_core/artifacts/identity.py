"""By what a file is known before it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inference_models_core.errors import IntegrityError, PackageError

if TYPE_CHECKING:
    from inference_models_core.types.packages import Artifact, ModelPackage


def artifact_key(artifact: Artifact, *, allow_unhashed: bool = False) -> str:
    """The key of a file in the store.

    Args:
        artifact: The file.
        allow_unhashed: Whether a file without any digest may be known by its URL alone.

    Returns:
        The SHA-256; ``"md5-<hex>"`` where only that is promised; ``"url-<digest>"`` where nothing is, without the
        query of the URL, which is where signatures are.

    Raises:
        IntegrityError: If nothing is promised and the caller did not allow that.
    """
    if artifact.sha256 is not None:
        return artifact.sha256
    if artifact.md5 is not None:
        return f"md5-{artifact.md5}"
    if not allow_unhashed:
        raise IntegrityError(
            f"the provider gives no digest for {artifact.handle}, so nothing could tell whether it is the right file",
            hint="if you accept that: options=LoadOptions(allow_unhashed_files=True)",
        )
    import hashlib

    parts = urlsplit(artifact.urls[0]) if artifact.urls else None
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts else artifact.handle
    return f"url-{hashlib.sha256(place.encode()).hexdigest()}"


def check_artifacts(package: ModelPackage) -> None:
    """Makes sure that what a provider says about files cannot lead out of the package's directory.

    Raises:
        PackageError: For a name that is no portable relative path, names that would meet on some file system, or a
            package without files.
    """
    from inference_models_core.names import check_handle, check_handles

    where = f"package {package.package_id}"
    if not package.artifacts:
        raise PackageError(f"{where} has no files")
    for artifact in package.artifacts:
        check_handle(artifact.handle, where)
    check_handles([artifact.handle for artifact in package.artifacts], where)

"""Whose files may be opened: the tier of the format against the publisher and what the caller allowed.

Trust is decided here and never raised by metadata. Data and parsed formats are opened from anyone; program-like ones
from a trusted provider or with the caller's general consent; code only when the caller named this package with the
digest of its files. Files at a path that the caller typed need ``allow_local_code_packages`` instead of the digest:
they are already on the machine and the caller can see them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.negotiation import codes
from inference_models_core.types.backends import FormatTier
from inference_models_core.types.negotiation import Rejection

if TYPE_CHECKING:
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.requests import LoadRequest

ALLOW_LOCAL_CODE = "allow_local_code_packages=True"
ALLOW_UNTRUSTED = "allow_untrusted_packages=True"


def package_digest(package: ModelPackage) -> str | None:
    """One digest for everything that a package consists of.

    Args:
        package: A package whose artifacts carry SHA-256 digests.

    Returns:
        SHA-256, 64 lower-case hex digits, of handle and digest of each file, sorted, every text as its length, a
        colon and itself (``"12:weights.onnx64:9f86..."``), in UTF-8; ``None`` if the package has no artifacts or one
        of them has no SHA-256, so that its content cannot be pinned.
    """
    return _digest_of([(artifact.handle, artifact.sha256) for artifact in package.artifacts])


def content_key(package: ModelPackage) -> str | None:
    """A name for the content of a package, as far as its provider promises any: for finding out, not for trust.

    Args:
        package: The package.

    Returns:
        As :func:`package_digest`, with the MD5 of files without a SHA-256; ``None`` if a file has neither.
    """
    return _digest_of([(each.handle, each.sha256 or (each.md5 and f"md5-{each.md5}")) for each in package.artifacts])


def _digest_of(files: list[tuple[str, str | None]]) -> str | None:
    pairs = sorted((handle, digest) for handle, digest in files if digest)
    if not pairs or len(pairs) != len(files):
        return None
    text = "".join([f"{len(handle)}:{handle}{len(digest)}:{digest}" for handle, digest in pairs])
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def trusted_code_entry(package: ModelPackage) -> str | None:
    """The entry of ``LoadOptions.trusted_code`` that allows a package; ``None`` if its content cannot be pinned."""
    digest = package_digest(package)
    return f"{package.package_id}@sha256:{digest}" if digest else None


def check_trust(
    package: ModelPackage, tier: FormatTier, request: LoadRequest, *, provider_trusted: bool
) -> Rejection | None:
    """Decides whether the files of a package may be opened.

    Args:
        package: The package.
        tier: What files of its backend can do.
        request: What the caller allowed.
        provider_trusted: Whether the provider is trusted: samples, a typed path, or configured by the user.

    Returns:
        ``None`` if they may be.
    """
    if package.local_code is not None:
        tier = FormatTier.CODE
    if tier is FormatTier.CODE:
        return _check_code(package, request)
    if tier is FormatTier.DATA or provider_trusted or request.allow_untrusted_packages:
        return None
    return Rejection(
        code=codes.UNTRUSTED_PUBLISHER,
        reason=f"files for {package.backend!r} are program-like and the publisher is not trusted",
        fix=ALLOW_UNTRUSTED,
    )


def check_local_code(package: ModelPackage, request: LoadRequest) -> Rejection | None:
    """Decides whether a model class that the package itself brings may run."""
    if package.local_code is None or request.allow_local_code_packages:
        return None
    reason = f"it brings its own code ({package.local_code.module})"
    return Rejection(code=codes.LOCAL_CODE_FORBIDDEN, reason=reason, fix=ALLOW_LOCAL_CODE)


def _check_code(package: ModelPackage, request: LoadRequest) -> Rejection | None:
    if request.ref.path is not None:
        return _check_code_at_path(package, request)
    entry = trusted_code_entry(package)
    if entry is None:
        reason = "its files run as code and cannot be pinned: the provider gives no SHA-256 for all of them"
        return Rejection(code=codes.CODE_NOT_TRUSTED, reason=reason)
    if entry in request.options.trusted_code:
        return None
    reason = "its files run as code, and exactly these were not allowed"
    return Rejection(code=codes.CODE_NOT_TRUSTED, reason=reason, fix=f'LoadOptions(trusted_code=("{entry}",))')


def _check_code_at_path(package: ModelPackage, request: LoadRequest) -> Rejection | None:
    if package.local_code is not None or request.allow_local_code_packages:
        return None  # a class of its own is the business of check_local_code
    reason = f"files for {package.backend!r} run as code"
    return Rejection(code=codes.CODE_NOT_TRUSTED, reason=reason, fix=ALLOW_LOCAL_CODE)

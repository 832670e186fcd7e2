"""Every error that leaves the library.

Each error has a stable ``code`` for programs, a message for people, a ``hint`` (where one exists, the command that
fixes it) and stays a subclass of the matching built-in, so that generic handlers keep working::

    InferenceModelsError
    ├─ InvalidRequestError (ValueError)         a wrong argument of the caller
    │  ├─ UnknownArgumentError (TypeError)      a keyword that nothing takes; names the nearest legal one
    │  └─ InvalidReferenceError                 text that is neither a model id nor a path
    ├─ PluginError                              one plugin's fault
    │  ├─ PluginImportError (ImportError)       a text reference that cannot be imported
    │  ├─ PluginContractError (TypeError)       a hook or object that breaks its contract
    │  └─ RequiredPluginMissingError            a plugin the host application insists on is not active
    ├─ ProviderError                            finding a model
    │  ├─ ModelNotFoundError (LookupError)
    │  ├─ UnknownProviderError (LookupError)
    │  ├─ AmbiguousProviderError (LookupError)
    │  ├─ AccessDeniedError (PermissionError)
    │  │  ├─ PolicyFailedError                 a gate could not decide, which denies
    │  │  ├─ UnauthorizedError                 no key, or one that the provider does not accept
    │  │  ├─ PaymentRequiredError
    │  │  ├─ ForbiddenError                    a key that may not use this model
    │  │  └─ UsagePausedError
    │  ├─ OfflineError (ConnectionError)       the network is needed and forbidden
    │  └─ ProviderUnavailableError (ConnectionError)
    │     └─ RateLimitedError
    ├─ DownloadError (ConnectionError)         a file could not be fetched; carries ``attempts``
    │  ├─ UnsafeUrlError (PermissionError)     a URL that leads where it must not
    │  └─ DownloadRefusedError                 the server has it and does not give it: 401, 403, 404, 410
    ├─ IntegrityError (ValueError)             bytes that are not those that were promised
    │  ├─ HashDowngradeError                   metadata that promises less than, or other than, it did before
    │  ├─ LockfileError                        a lock file that cannot be used
    │  │  └─ LockfileMismatchError             what was found is not what is locked; shows both
    │  └─ BundleError                          an archive of models that cannot be used
    ├─ CacheError (OSError)                    the cache on this machine
    │  ├─ UnsafeCacheError (PermissionError)   others may write there
    │  ├─ ReadOnlyCacheError (PermissionError) something is missing and cannot be written
    │  ├─ CorruptedCacheError                  a damaged file that cannot be fetched again now
    │  ├─ CacheLockStalledError (TimeoutError) another process holds a lock and makes no progress
    │  └─ DiskFullError                        carries ``path``, ``needed`` and ``available``
    ├─ NegotiationError                         no package fits, or the request contradicts itself
    │  └─ NoCompatiblePackageError (LookupError) carries the ``negotiation``
    ├─ PackageError (ValueError)                a package that is damaged or incomplete
    │  ├─ MalformedDocumentError                a document with a wrong field: file, key, what was expected
    │  ├─ PackageFileMissingError (FileNotFoundError)
    │  └─ UnsafeModelFileError                  a file refused for what it contains
    ├─ LoadError (RuntimeError)
    │  ├─ CannotOpenHereError                   a backend cannot open this package on this machine: the next may try
    │  ├─ DeviceMismatchError                   the runtime would not really use the requested device
    │  └─ LoadFailedError                       every candidate failed; carries ``attempts``
    ├─ InputError (ValueError)                  a picture or call argument that cannot be used
    │  ├─ ImageNotFoundError (FileNotFoundError)
    │  ├─ ImageDecodeError
    │  ├─ ImageTooLargeError
    │  └─ UrlInputForbiddenError (PermissionError)
    ├─ ModelRuntimeError (RuntimeError)         the runtime failed while running
    │  └─ ModelOutputError                      outputs that do not fit the family's contract
    ├─ ModelClosedError (RuntimeError)
    └─ MissingDependencyError (ImportError)     an optional package is needed; the hint installs it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_TEXT = 4096


def printable(text: object, limit: int = _MAX_TEXT) -> str:
    """Text that is safe to show: control characters escaped, length capped.

    Messages quote metadata from outside; a terminal must not execute what stands there.

    Args:
        text: Anything; ``str()`` is applied.
        limit: Longest result in characters.

    Returns:
        The text with every control character but the newline and the tab written as an escape.
    """
    cleaned = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in str(text)[: limit + 1])
    return cleaned if len(cleaned) <= limit else f"{cleaned[: limit - 1]}…"


class InferenceModelsError(Exception):
    """Root of every error of this library.

    Attributes:
        code: Stable identifier of the kind of error, such as ``"model-not-found"``.
        hint: What to do about it, as a sentence or a command; empty where nothing can be said.
    """

    code: ClassVar[str] = "error"
    hint: str

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(printable(message))
        self.hint = printable(hint)

    @property
    def message(self) -> str:
        """The message without the hint."""
        return str(self.args[0])

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values for JSON output: ``code``, ``message``, ``hint``."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class InvalidRequestError(InferenceModelsError, ValueError):
    """An argument of the caller cannot be used."""

    code = "invalid-request"


class UnknownArgumentError(InvalidRequestError, TypeError):
    """A keyword argument that nothing takes."""

    code = "unknown-argument"


class InvalidReferenceError(InvalidRequestError):
    """A model reference that is neither an id nor a path."""

    code = "invalid-reference"


class PluginError(InferenceModelsError):
    """One plugin's fault; the message names the plugin."""

    code = "plugin-error"


class PluginImportError(PluginError, ImportError):
    """A plugin's text reference cannot be imported."""

    code = "plugin-import-failed"


class PluginContractError(PluginError, TypeError):
    """A hook, factory or object of a plugin breaks its contract."""

    code = "plugin-contract"


class RequiredPluginMissingError(PluginError):
    """A plugin named in ``INFERENCE_MODELS_REQUIRE_PLUGINS`` is not active."""

    code = "required-plugin-missing"


class ProviderError(InferenceModelsError):
    """A weights provider could not answer."""

    code = "provider-error"


class ModelNotFoundError(ProviderError, LookupError):
    """No provider that was asked knows the model."""

    code = "model-not-found"


class UnknownProviderError(ProviderError, LookupError):
    """No installed plugin brings this weights provider."""

    code = "unknown-provider"


class AmbiguousProviderError(ProviderError, LookupError):
    """Several providers could be meant; the message lists the ``scheme://`` spellings."""

    code = "ambiguous-provider"


class AccessDeniedError(ProviderError, PermissionError):
    """The provider or a policy of the host application refused access."""

    code = "access-denied"


class PolicyFailedError(AccessDeniedError):
    """A gate of the host application raised, timed out or answered with a wrong type; that denies."""

    code = "policy-failed"


class UnauthorizedError(AccessDeniedError):
    """The provider wants a key, or does not accept the one it got."""

    code = "unauthorized"


class PaymentRequiredError(AccessDeniedError):
    """The account has to be paid for before the model can be used."""

    code = "payment-required"


class ForbiddenError(AccessDeniedError):
    """The key is accepted and may not use this model."""

    code = "forbidden"


class UsagePausedError(AccessDeniedError):
    """The provider has paused the account."""

    code = "usage-paused"


class OfflineError(ProviderError, ConnectionError):
    """The network would be needed, and offline mode forbids it."""

    code = "offline"


class ProviderUnavailableError(ProviderError, ConnectionError):
    """The provider cannot be reached."""

    code = "provider-unavailable"


class RateLimitedError(ProviderUnavailableError):
    """The provider answers too many requests with a pause, and the pause is too long to wait for."""

    code = "rate-limited"


class DownloadError(InferenceModelsError, ConnectionError):
    """A file could not be fetched.

    Attributes:
        attempts: What went wrong each time, oldest first, as sentences.
    """

    code = "download-failed"

    def __init__(self, message: str, *, hint: str = "", attempts: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.attempts = tuple(map(printable, attempts))


class UnsafeUrlError(DownloadError, PermissionError):
    """A URL, or one that it redirects to, leads where downloads must not go."""

    code = "unsafe-url"


class DownloadRefusedError(DownloadError):
    """The server does not give the file: an expired or wrong signature, no permission, not there any more."""

    code = "download-refused"


class IntegrityError(InferenceModelsError, ValueError):
    """Bytes that are not those that were promised."""

    code = "integrity"


class HashDowngradeError(IntegrityError):
    """Metadata that promises less than it did before, or something else, about a file of a package."""

    code = "hash-downgrade"


class LockfileError(IntegrityError):
    """A lock file that cannot be used: malformed, of a newer format, or without the model."""

    code = "lockfile"


class LockfileMismatchError(LockfileError):
    """What was found is not what the lock file says; the message shows both."""

    code = "lockfile-mismatch"


class BundleError(IntegrityError):
    """An archive of models that cannot be used: damaged, of a newer format, or with what has no place in it."""

    code = "bundle"


class CacheError(InferenceModelsError, OSError):
    """The cache on this machine cannot be used."""

    code = "cache-error"


class UnsafeCacheError(CacheError, PermissionError):
    """Others may write into the cache, so that its files prove nothing."""

    code = "unsafe-cache"


class ReadOnlyCacheError(CacheError, PermissionError):
    """Something is missing in a cache that cannot be written."""

    code = "read-only-cache"


class CorruptedCacheError(CacheError):
    """A cached file is damaged and cannot be fetched again now."""

    code = "corrupted-cache"


class CacheLockStalledError(CacheError, TimeoutError):
    """Another process holds a lock and its download makes no progress."""

    code = "cache-lock-stalled"


class DiskFullError(CacheError):
    """The disk has no room for the files.

    Attributes:
        path: Where they should go.
        needed: Bytes.
        available: Bytes that are free for us.
    """

    code = "disk-full"

    def __init__(self, message: str, *, path: Any, needed: int, available: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.needed = needed
        self.available = available


class NegotiationError(InferenceModelsError):
    """Packages and request do not come together."""

    code = "negotiation-failed"


class NoCompatiblePackageError(NegotiationError, LookupError):
    """No package of the model can run here.

    Attributes:
        negotiation: The :class:`~inference_models_core.types.negotiation.Negotiation` with every reason.
    """

    code = "no-compatible-package"

    def __init__(self, message: str, *, hint: str = "", negotiation: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.negotiation = negotiation


class PackageError(InferenceModelsError, ValueError):
    """A model package is damaged or incomplete."""

    code = "package-damaged"


class MalformedDocumentError(PackageError):
    """A document (JSON, text) has a field that is missing or of a wrong type; the message gives file and key."""

    code = "malformed-document"


class PackageFileMissingError(PackageError, FileNotFoundError):
    """A file that the package should have is not there."""

    code = "package-file-missing"


class UnsafeModelFileError(PackageError):
    """A model file is refused for what it contains, such as data outside the package."""

    code = "unsafe-model-file"


class LoadError(InferenceModelsError, RuntimeError):
    """A chosen package could not be loaded."""

    code = "load-failed"


class CannotOpenHereError(LoadError):
    """A backend cannot open this package on this machine.

    The only error that lets the next candidate try (``fallback="compatible"``).
    """

    code = "cannot-open-here"


class DeviceMismatchError(LoadError):
    """The runtime would not really compute on the device that was asked for."""

    code = "device-mismatch"


class LoadFailedError(LoadError):
    """Every candidate failed to load.

    Attributes:
        attempts: Pairs of (candidate, error) in the order they were tried.
    """

    code = "all-candidates-failed"

    def __init__(self, message: str, *, hint: str = "", attempts: Sequence[tuple[Any, BaseException]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.attempts = tuple(attempts)


class InputError(InferenceModelsError, ValueError):
    """An input of a prediction call cannot be used."""

    code = "invalid-input"


class ImageNotFoundError(InputError, FileNotFoundError):
    """There is no file at the path given as a picture."""

    code = "image-not-found"


class ImageDecodeError(InputError):
    """Bytes that are not a picture which can be decoded."""

    code = "image-decode-failed"


class ImageTooLargeError(InputError):
    """A picture with more pixels than allowed; found in its header, before decoding."""

    code = "image-too-large"


class UrlInputForbiddenError(InputError, PermissionError):
    """A URL was given as a picture and URL input was not allowed."""

    code = "url-input-forbidden"


class ModelRuntimeError(InferenceModelsError, RuntimeError):
    """The runtime failed while running the graph."""

    code = "model-runtime-failed"


class ModelOutputError(ModelRuntimeError):
    """The graph's outputs do not fit what the model family expects."""

    code = "unexpected-model-output"


class ModelClosedError(InferenceModelsError, RuntimeError):
    """The model was closed and cannot be used any more."""

    code = "model-closed"


class MissingDependencyError(InferenceModelsError, ImportError):
    """An optional package is needed for this; the hint installs it."""

    code = "missing-dependency"

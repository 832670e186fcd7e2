"""Every code of a rejection that core gives, with its meaning.

The order is that of the rules: a package with a later code came closer to being used. A backend's matcher, a metadata
reader and a host's policy may answer with codes of their own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_REQUESTED_PACKAGE = "not-requested-package"
DUPLICATE_PACKAGE_ID = "duplicate-package-id"
UNTRUSTED_PUBLISHER = "untrusted-publisher"
CODE_NOT_TRUSTED = "code-not-trusted"
LOCAL_CODE_FORBIDDEN = "local-code-forbidden"
BACKEND_NOT_REQUESTED = "backend-not-requested"
BACKEND_NOT_INSTALLED = "backend-not-installed"
AMBIGUOUS_BACKEND = "ambiguous-backend"
NO_IMPLEMENTATION = "no-implementation"
UNSUPPORTED_FEATURES = "unsupported-features"
AMBIGUOUS_IMPLEMENTATION = "ambiguous-implementation"
REQUIREMENTS_NOT_INSTALLED = "requirements-not-installed"
QUANTIZATION_NOT_REQUESTED = "quantization-not-requested"
BATCH_SIZE_UNSUPPORTED = "batch-size-unsupported"
RUNTIME_NOT_INSTALLED = "runtime-not-installed"
DETECTION_FAILED = "detection-failed"
DETECTION_TIMED_OUT = "detection-timed-out"
BACKEND_UNAVAILABLE = "backend-unavailable"
DEVICE_UNAVAILABLE = "device-unavailable"
MATCHER_FAILED = "matcher-failed"
POLICY_FAILED = "policy-failed"
BEYOND_TOLERANCE = "beyond-tolerance"
LEFT_OUT_BY_RANKING = "left-out-by-ranking"
NOT_CACHED = "not-cached"

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        NOT_REQUESTED_PACKAGE: "The caller named another package.",
        DUPLICATE_PACKAGE_ID: "Several packages of the model have this id, so that none of them can be named.",
        UNTRUSTED_PUBLISHER: "The format is program-like, and the publisher is not trusted.",
        CODE_NOT_TRUSTED: "The files run as code, and the caller did not allow exactly these files.",
        LOCAL_CODE_FORBIDDEN: "The package brings its own model class, and the caller did not allow that.",
        BACKEND_NOT_REQUESTED: "The caller asked for other backends.",
        BACKEND_NOT_INSTALLED: "No installed plugin brings the backend.",
        AMBIGUOUS_BACKEND: "Several distributions bring a backend of this name.",
        NO_IMPLEMENTATION: "No installed plugin runs this architecture and task on this backend.",
        UNSUPPORTED_FEATURES: "The implementations that are installed do not understand the package's features.",
        AMBIGUOUS_IMPLEMENTATION: "Several distributions bring equally good implementations.",
        REQUIREMENTS_NOT_INSTALLED: "The implementation is installed, optional packages that it needs are not.",
        QUANTIZATION_NOT_REQUESTED: "The caller did not ask for this precision; int8 and lower are never a default.",
        BATCH_SIZE_UNSUPPORTED: "Every run would compute more pictures than the largest batch asked for.",
        RUNTIME_NOT_INSTALLED: "The plugin is installed, the runtime that it needs is not.",
        DETECTION_FAILED: "The plugin could not say whether its backend can be used.",
        DETECTION_TIMED_OUT: "The plugin took too long to say whether its backend can be used.",
        BACKEND_UNAVAILABLE: "The runtime is installed and cannot be used on this machine.",
        DEVICE_UNAVAILABLE: "The backend cannot use the device asked for.",
        MATCHER_FAILED: "The backend's matcher answered with something that is neither a fit nor a rejection.",
        POLICY_FAILED: "A policy of the host application did not give a valid answer, which denies.",
        BEYOND_TOLERANCE: "It was verified, and its results are farther from the reference's than the caller allows.",
        LEFT_OUT_BY_RANKING: "The host application's ranking left the package out.",
        NOT_CACHED: "The network is forbidden, and files of the package are not in the cache.",
    }
)

STAGES: Mapping[str, int] = MappingProxyType({code: stage for stage, code in enumerate(MEANINGS)})
"""How far a package came, by code."""

"""Where files can be fetched, asked again when signed URLs have expired."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models_core.planning import Plan
    from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage

_FRESH_SECONDS = 30.0
"""An answer this young serves all files of the package: their URLs expire together."""


class UrlSource:
    """Asks the provider again, once for all files of a package. May be called from several threads.

    Args:
        plan: What the request came to.
        package: The package whose files are fetched.
    """

    def __init__(self, plan: Plan, package: ModelPackage) -> None:
        self._plan = plan
        self._package_id = package.package_id
        self._lock = threading.Lock()
        self._answer: ModelMetadata | None = None
        self._asked_at = 0.0

    def again(self, artifact: Artifact) -> Sequence[str]:
        """New URLs of a file; none if the provider does not have the package or the file any more."""
        with self._lock:
            if self._answer is None or time.monotonic() - self._asked_at > _FRESH_SECONDS:
                from inference_models_core.providers.chain import ask_again

                self._answer = ask_again(self._plan.found, self._plan.request, self._plan.registry)
                self._asked_at = time.monotonic()
            answer = self._answer
        files = [
            file for package in answer.packages if package.package_id == self._package_id for file in package.artifacts
        ]
        return next((file.urls for file in files if _is_same(file, artifact)), ())


def _is_same(file: Artifact, artifact: Artifact) -> bool:
    return (file.handle, file.sha256, file.md5) == (artifact.handle, artifact.sha256, artifact.md5)

"""A server's rules and its pool of loaded models, as one plugin that the host application registers in its process."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from inference_models_core import hookimpl
from inference_models_core.types.access import Access, Denial
from inference_models_core.types.events import Event, FileCreatedEvent, ModelLoadedEvent
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import ModelPackage


class AccessManager:
    """Refuses models per key, holds packages to a policy, keeps models loaded; knows aliases, grants and files."""

    def __init__(self, may_load: Callable[[str, str], bool], licences: Container[str | None], capacity: int = 4):
        self.may_load, self.licences, self.capacity = may_load, licences, capacity
        self.aliases: dict[str, str] = {}  # what was asked for -> canonical id
        self.grants: set[tuple[str, str]] = set()  # (canonical id, package id)
        self.files: defaultdict[str, list[Path]] = defaultdict(list)  # canonical id -> what was written for it
        self._pool: OrderedDict[str, tuple[str, Any]] = OrderedDict()  # digest -> (canonical id, model), oldest first
        self._lock = threading.Lock()

    @hookimpl
    def check_access(self, access: Access) -> Denial | None:
        """Before look-up, and again for the package whose files would be used, cached or not."""
        key = access.credential.reveal() if access.credential else ""
        if not self.may_load(key, access.model_id):
            return Denial(reason=f"this key may not load {access.model_id}", code="not-in-contract")
        if access.package is not None:
            self.aliases[access.reference] = access.model_id
            self.grants.add((access.model_id, access.package.package_id))
        return None

    @hookimpl
    def review_package(self, package: ModelPackage) -> Rejection | None:
        """In negotiation, and whenever a choice is remembered."""
        if package.licence in self.licences:
            return None
        return Rejection(code="licence-not-allowed", reason=f"licence {package.licence} is not allowed here")

    @hookimpl
    def find_live_model(self, digest: str) -> Any | None:
        """The model of an equal request, if it is still loaded."""
        with self._lock:
            if digest in self._pool:
                self._pool.move_to_end(digest)
            return self._pool.get(digest, (None, None))[1]

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Files are noted and models kept; a dependency has no digest, it belongs to its parent."""
        if isinstance(event, FileCreatedEvent):
            self.files[event.model_id].append(event.path)
        if isinstance(event, ModelLoadedEvent) and event.digest:
            with self._lock:
                self._pool.setdefault(event.digest, (event.model_id, event.model))
                surplus = list(self._pool)[: max(0, len(self._pool) - self.capacity)]
            self._close(surplus)

    def evict(self, model_id: str) -> None:
        """Closes every loaded instance of a model."""
        self._close([digest for digest, (pooled, _) in tuple(self._pool.items()) if pooled == model_id])

    def _close(self, digests: list[str]) -> None:
        with self._lock:
            models = [self._pool.pop(digest)[1] for digest in digests if digest in self._pool]
        for model in models:
            model.close()

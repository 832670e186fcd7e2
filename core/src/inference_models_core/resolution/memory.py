"""What one cache remembers: providers' answers with the digests that they once gave, and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inference_models_core.artifacts.store_of import open_store
from inference_models_core.resolution.answers import Answers
from inference_models_core.resolution.scope import Scope

if TYPE_CHECKING:
    from inference_models_core.store.store import Store
    from inference_models_core.types.requests import LoadRequest


class Memory(NamedTuple):
    """A cache's store with what is remembered in it.

    Attributes:
        store: The files.
        scope: The key by which credentials are told apart.
        answers: What providers said.
    """

    store: Store
    scope: Scope
    answers: Answers


def open_memory(request: LoadRequest) -> Memory:
    """The memory of the cache that a request uses.

    Raises:
        UnsafeCacheError: If others may write there.
    """
    store = open_store(request)
    scope = Scope(store.root, writable=store.writable, shared=store.shared)
    return Memory(store=store, scope=scope, answers=Answers(scope))

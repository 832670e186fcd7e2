"""The cache that a request uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference_models_core import settings
from inference_models_core.store.store import Store

if TYPE_CHECKING:
    from inference_models_core.types.requests import LoadRequest


def open_store(request: LoadRequest, *, create: bool = True) -> Store:
    """The cache that a request uses.

    Args:
        request: The request.
        create: Whether to make it where it is not there; never without a network.

    Raises:
        UnsafeCacheError: If others may write there.
    """
    root = settings.chosen_cache() if request.cache_dir is None else Path(request.cache_dir)
    shared = request.options.shared_cache or settings.flag("INFERENCE_MODELS_SHARED_CACHE")
    return Store.open(root, shared=shared, create=create and not request.offline)

"""What commands that are about the cache and not about one model give to functions that take a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core import settings
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadOptions, LoadRequest

if TYPE_CHECKING:
    from inference_models_core.store.store import Store


def request_without_model(
    cache_dir: str | None, *, shared_cache: bool, offline: bool = False, **options: Any
) -> LoadRequest:
    """A request that says where the cache is and whether the network may be used."""
    return LoadRequest(
        ref=ModelRef(text="", model_id=""),
        cache_dir=cache_dir,
        offline=offline or settings.offline(),
        options=LoadOptions(shared_cache=shared_cache, **options),
    )


def existing_cache(cache_dir: str | None, *, shared_cache: bool) -> Store:
    """The cache as it is; one that is not there is empty and is not made."""
    from inference_models_core.artifacts.store_of import open_store

    return open_store(request_without_model(cache_dir, shared_cache=shared_cache, offline=True))

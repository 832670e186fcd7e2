"""A model's document that comes in pages: each names the next one in ``nextPage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.parsing import as_object, describe, malformed
from inference_models_core.providers.documents import MAX_PACKAGES, read_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inference_models_core.parsing import Fields
    from inference_models_core.providers.documents import ManifestReader
    from inference_models_core.types.packages import ModelMetadata

MAX_PAGES = 50
_OF_THE_MODEL = ("model_id", "architecture", "task", "variant", "revision", "dependencies", "recommended_parameters")


def read_pages(fetch: Callable[[str | None], Any], where: str, read_manifest: ManifestReader) -> ModelMetadata:
    """Reads all pages of one model's document.

    Args:
        fetch: Cursor (``None`` for the first page) -> the page's document, as :func:`read_model` takes it.
        where: Name of the document, for errors.
        read_manifest: ``ProviderContext.read_manifest``.

    Returns:
        The model with the packages of all pages. What a page does not say about the model, another one does.

    Raises:
        MalformedDocumentError: If pages contradict each other, lead in a circle, or are too many.
    """
    model: ModelMetadata | None = None
    for page in _pages(fetch, where):
        read = read_model(page.mapping, page.where, read_manifest)
        model = read if model is None else _joined(model, read, page.where)
    assert model is not None, "there is a first page, or an error"
    return model


def _pages(fetch: Callable[[str | None], Any], where: str) -> Iterator[Fields]:
    cursor, seen = None, set[str]()
    for number in range(1, MAX_PAGES + 1):
        page = as_object(fetch(cursor), f"{where}, page {number}")
        yield page
        cursor = page.text("nextPage", None)
        if not cursor:
            return
        if cursor in seen:
            malformed(f"{page.where}.nextPage", "a page that was not read before", describe(cursor))
        seen.add(cursor)
    malformed(where, f"at most {MAX_PAGES} pages", "more")


def _joined(model: ModelMetadata, page: ModelMetadata, where: str) -> ModelMetadata:
    told = {name: _agreed(name, getattr(model, name), getattr(page, name), where) for name in _OF_THE_MODEL}
    packages = (*model.packages, *page.packages)
    if len(packages) > MAX_PACKAGES:
        malformed(where, f"at most {MAX_PACKAGES} packages on all pages", f"{len(packages)} so far")
    return attrs.evolve(model, packages=packages, **told)


def _agreed(name: str, before: Any, now: Any, where: str) -> Any:
    if before and now and before != now:
        malformed(where, f"the {name} of the pages before, {describe(before)}", describe(now))
    return before or now

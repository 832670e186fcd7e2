"""What verifying the packages of a model has shown, one small file per model: ``verifications/<model>.json``.

Each entry holds for one content of a package on one version of a runtime: new files or a new runtime are unverified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.errors import CacheError, MalformedDocumentError
from inference_models_core.log import debug
from inference_models_core.names import slug
from inference_models_core.parsing import as_number, as_object, as_sha256, as_text, malformed
from inference_models_core.resolution.choice import FARTHEST_TIME
from inference_models_core.resolution.choices import Choices
from inference_models_core.resolution.notes import read_note, write_note
from inference_models_core.resolution.scope import Scope
from inference_models_core.store import files
from inference_models_core.store.layout import VERIFICATIONS
from inference_models_core.types.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inference_models_core.store.store import Store
    from inference_models_core.types.requests import LoadRequest
    from inference_models_core.types.verification import VerificationKey

FARTHEST = 1e9
"""The largest difference that is told apart; also what stands for numbers that are none."""
MAX_ENTRIES = 1000
"""Per model; the oldest go first."""
_FORMAT = 1
_MAX_FIGURES = 32
_MAX_COUNT = 2**40


class Verifications:
    """What was verified in one cache.

    Args:
        scope: The cache; its key does not matter here.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def recall(self, provider: str, model_id: str) -> Mapping[VerificationKey, Verification]:
        """All that was verified of a model, by what it holds for; a damaged file is put aside with one warning."""
        return {each.key: each for each in read_note(self._path(provider, model_id), _read, self._scope) or ()}

    def remember(self, store: Store, provider: str, model_id: str, found: Iterable[Verification]) -> bool:
        """Keeps what was found out, in place of what was known of the same packages and runtimes.

        Choices that were remembered of the model are forgotten: they were made without knowing this.

        Args:
            store: The cache; two processes that verify the same model wait for each other.
            provider: Name of the provider.
            model_id: Canonical id of the model.
            found: What was found out.

        Returns:
            Whether it is kept: not where the cache cannot be written.

        Raises:
            CacheError: If the cache cannot be used.
        """
        if not self._scope.writable:
            return False
        with store.lock(f"verified-{slug(provider, model_id)}"):
            known = {**self.recall(provider, model_id), **{each.key: each for each in found}}
            latest = sorted(known.values(), key=lambda each: each.created_at)[-MAX_ENTRIES:]
            document = _document(provider, model_id, latest)
            try:
                _read(document, "verifications")
            except MalformedDocumentError as error:  # a plugin's text that is longer than readers accept
                debug("what was verified is not remembered: %s", error.message)
                return False
            written = write_note(self._path(provider, model_id), document, self._scope)
        Choices(self._scope, max_age=0).forget(provider, model_id)
        return written

    def forget(self, provider: str, model_id: str) -> bool:
        """Removes what was verified of a model; whether there was anything."""
        return files.remove(self._path(provider, model_id))

    def models(self) -> set[tuple[str, str]]:
        """Provider and canonical id of every model of which something was verified."""
        paths = sorted(self._scope.layout.folder(VERIFICATIONS).glob("*.json"))
        found = [read_note(path, _read_model, self._scope) for path in paths]
        return {model for model in found if model is not None}

    def _path(self, provider: str, model_id: str) -> Path:
        return self._scope.layout.folder(VERIFICATIONS) / f"{slug(provider, model_id)}.json"


def recall_verified(request: LoadRequest, provider: str, model_id: str) -> Mapping[VerificationKey, Verification]:
    """What was verified of a model in the cache of a request; nothing where that cache is not there, or not safe.

    A model that needs no cache loads without one: what cannot be believed here stops whoever needs it.
    """
    from inference_models_core.artifacts.store_of import open_store

    try:
        store = open_store(request, create=False)
        scope = Scope(store.root, writable=store.writable, shared=store.shared)
        return Verifications(scope).recall(provider, model_id)
    except CacheError as error:
        debug("%s: what was verified is not known: %s", request.ref, error.message)
        return {}


def _document(provider: str, model_id: str, entries: Iterable[Verification]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "provider": provider,
        "modelId": model_id,
        "packages": [_entry_document(each) for each in entries],
    }


def _entry_document(entry: Verification) -> dict[str, Any]:
    return {
        "packageId": entry.package_id,
        "content": entry.content,
        "backend": entry.backend,
        "version": entry.version,
        "device": entry.device,
        "reference": entry.reference,
        "referenceBackend": entry.reference_backend,
        "pictures": entry.pictures,
        "things": entry.things,
        "deltas": dict(entry.deltas),
        "createdAt": entry.created_at,
    }


def _read(value: Any, where: str) -> tuple[Verification, ...]:
    _read_model(value, where)
    return as_object(value, where).items("packages", _read_entry, maximum=MAX_ENTRIES)


def _read_model(value: Any, where: str) -> tuple[str, str]:
    fields = as_object(value, where)
    fields.integer("format", minimum=_FORMAT, maximum=_FORMAT)
    return fields.text("provider"), fields.text("modelId")


def _read_entry(value: Any, where: str) -> Verification:
    fields = as_object(value, where)
    return Verification(
        package_id=fields.text("packageId"),
        content=fields.read("content", as_sha256),
        backend=fields.text("backend"),
        version=fields.text("version"),
        device=fields.text("device"),
        reference=fields.text("reference"),
        reference_backend=fields.text("referenceBackend"),
        pictures=fields.integer("pictures", minimum=0, maximum=_MAX_COUNT),
        things=fields.integer("things", minimum=0, maximum=_MAX_COUNT),
        deltas=fields.read("deltas", _read_deltas),
        created_at=fields.number("createdAt", minimum=-FARTHEST_TIME, maximum=FARTHEST_TIME),
    )


def _read_deltas(value: Any, where: str) -> dict[str, float]:
    mapping = as_object(value, where).mapping
    if len(mapping) > _MAX_FIGURES:
        malformed(where, f"at most {_MAX_FIGURES} figures", str(len(mapping)))
    return {
        as_text(name, where): as_number(delta, f"{where}.{name}", minimum=0, maximum=FARTHEST)
        for name, delta in mapping.items()
    }

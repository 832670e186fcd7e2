"""What providers said: for machines without a network, and for days on which a provider cannot be reached.

One file per answer, ``answers/<name>.json``, where the name is a keyed digest of provider, model, revision, credential
and the provider's environment variables: an answer is found only by who could have asked for it. The answer is kept
under the model's canonical id; another id that leads to it has a small file that says so. Answers that were imported
carry no credential and are found by everybody.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from inference_models_core.errors import MalformedDocumentError
from inference_models_core.log import logger
from inference_models_core.names import slug
from inference_models_core.parsing import as_object
from inference_models_core.providers.context import credential_of
from inference_models_core.providers.documents import model_document, read_model
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.resolution.choice import FARTHEST_TIME
from inference_models_core.resolution.notes import read_note, write_note
from inference_models_core.resolution.pins import Pins
from inference_models_core.resolution.request_key import provider_environment
from inference_models_core.resolution.stable import UnstableValueError, stable_text, stable_value
from inference_models_core.store import files
from inference_models_core.store.layout import ANSWERS
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from inference_models_core.registry import Registry
    from inference_models_core.resolution.scope import Scope
    from inference_models_core.types.packages import ModelMetadata
    from inference_models_core.types.providers import WeightsProviderSpec
    from inference_models_core.types.secrets import Secret

PUBLIC = "public"
"""Scope of answers that anybody may find."""
_FORMAT = 1


class Remembered(NamedTuple):
    """An answer, and its age.

    Attributes:
        metadata: The model; its files have no URLs and its packages may have become unusable, where a plugin that read
            them is gone.
        age_seconds: Seconds since the provider said so; negative if the clock was turned back since.
    """

    metadata: ModelMetadata
    age_seconds: float


class RememberedModel(NamedTuple):
    """One line of a listing.

    Attributes:
        provider: Name of the provider.
        model_id: Canonical id.
        revision: The version that was asked for, if one was.
        created_at: When the provider said so, in seconds since the epoch.
        aliases: Other ids that lead to it, sorted.
    """

    provider: str
    model_id: str
    revision: str | None
    created_at: float
    aliases: tuple[str, ...]


class Answers:
    """The answers that one cache remembers.

    Args:
        scope: The cache and its key.
        now: The time, in seconds since the epoch.
    """

    def __init__(self, scope: Scope, *, now: Callable[[], float] = time.time) -> None:
        self._scope = scope
        self._now = now
        self.pins = Pins(scope)

    def remember(self, spec: WeightsProviderSpec, request: LoadRequest, metadata: ModelMetadata) -> bool:
        """Keeps an answer in place of an older one, after its digests were compared with those given before.

        Args:
            spec: The provider.
            request: What it was asked for.
            metadata: What it said.

        Returns:
            Whether it is kept: not where nothing can be written, nor if the answer cannot be written as a document.

        Raises:
            HashDowngradeError: If it promises less about a file than before, or something else.
        """
        self.pins.check(spec.name, metadata)
        owner = self._owner(spec, request)
        document = model_document(metadata) if self._scope.writable and owner is not None else None
        if document is None or owner is None:
            return False
        ids = dict.fromkeys((metadata.model_id, request.ref.name))
        return self._write(spec.name, owner, ids, request.revision, document, self._now())

    def remember_public(
        self,
        provider: str,
        metadata: ModelMetadata,
        *,
        aliases: Iterable[str] = (),
        revision: str | None = None,
        created_at: float | None = None,
    ) -> bool:
        """Keeps an answer that anybody may find, as for models that were imported.

        Args:
            provider: Name of the provider that it is from.
            metadata: The answer.
            aliases: Other ids that it is to be found by.
            revision: The version that was asked for, if one was.
            created_at: When the provider said so, in seconds since the epoch; now if ``None``.

        Returns:
            Whether it is kept.

        Raises:
            HashDowngradeError: If it promises less about a file than the provider did before, or something else.
        """
        self.pins.check(provider, metadata)
        document = model_document(metadata) if self._scope.writable else None
        if document is None:
            return False
        ids = dict.fromkeys((metadata.model_id, *aliases))
        return self._write(provider, PUBLIC, ids, revision, document, self._now() if created_at is None else created_at)

    def recall(self, spec: WeightsProviderSpec, request: LoadRequest, registry: Registry) -> Remembered | None:
        """What a provider said to the same question under the same credential, else what was imported.

        Args:
            spec: The provider.
            request: What it would be asked for.
            registry: Whose parsers read the packages.

        Returns:
            The answer and its age; ``None`` if none is remembered.
        """
        for owner in (self._owner(spec, request), PUBLIC):
            entry = None if owner is None else self._find(spec.name, owner, request.ref.name, request.revision)
            if entry is not None:
                return self._remembered(entry, request, registry)
        return None

    def list_remembered(
        self, specs: Iterable[WeightsProviderSpec], api_key: Secret | None = None
    ) -> tuple[RememberedModel, ...]:
        """Models that could be recalled under a credential, imported ones included.

        Args:
            specs: The providers in question.
            api_key: The caller's key; the environment's count where it is ``None``.

        Returns:
            One line for each model and revision, by provider and id.
        """
        request = LoadRequest(ref=ModelRef(text="", model_id=""), api_key=api_key)
        owners = {self._owner(spec, request) for spec in specs} | {PUBLIC}
        entries = [entry for _, entry in self._entries() if entry.owner in owners]
        found = {(e.provider, e.model_id, e.revision): e for e in entries if e.model is not None}
        return tuple(_line(entry, entries) for _, entry in sorted(found.items(), key=lambda item: _order(item[0])))

    def forget(self, provider: str, model_id: str) -> int:
        """Removes every answer about a model and every other id that leads to it; how many there were."""
        found = [path for path, entry in self._entries() if (entry.provider, entry.model_id) == (provider, model_id)]
        return sum(map(files.remove, found))

    def models(self) -> set[tuple[str, str]]:
        """Provider and canonical id of every model that an answer is about."""
        return {(entry.provider, entry.model_id) for _, entry in self._entries()}

    def _entries(self) -> Iterator[tuple[Path, Entry]]:
        """Every file with what it says, whoever it belongs to."""
        for path in sorted(self._scope.layout.folder(ANSWERS).glob("*.json")):
            entry = read_note(path, _read_entry, self._scope)
            if entry is not None:
                yield path, entry

    def _owner(self, spec: WeightsProviderSpec, request: LoadRequest) -> str | None:
        """A digest of everything that decides who gets this answer."""
        try:
            # They may say which tenant asks.
            options = stable_text(stable_value(request.options.provider_options, self._sealed))
        except UnstableValueError:
            return None
        credential = credential_of(spec, request)
        values = provider_environment(spec)
        set_names = stable_text(sorted(name for name, value in values.items() if value is not None))
        present = [value for name, value in sorted(values.items()) if value is not None]
        return self._scope.tag(
            "owner", spec.name, "key" if credential else "", credential or "", options, set_names, *present
        )

    def _sealed(self, secret: Secret) -> str:
        return self._scope.tag("option", secret) or ""

    def _path(self, provider: str, owner: str, model_id: str, revision: str | None) -> Path:
        name = slug(provider, model_id, "" if revision is None else f"={revision}", f"{owner}-{_FORMAT}")
        return self._scope.layout.folder(ANSWERS) / f"{name.rpartition('-')[2]}.json"

    def _write(
        self, provider: str, owner: str, ids: Iterable[str], revision: str | None, document: Any, created_at: float
    ) -> bool:
        model_id = document["modelId"]
        entry = {"owner": owner, "provider": provider, "modelId": model_id, "createdAt": created_at}
        entry |= {} if revision is None else {"revision": revision}
        return all(
            write_note(
                self._path(provider, owner, name, revision),
                {**entry, **({"model": document} if name == model_id else {"alias": name})},
                self._scope,
            )
            for name in ids
        )

    def _find(self, provider: str, owner: str, model_id: str, revision: str | None) -> Entry | None:
        entry = self._read(self._path(provider, owner, model_id, revision))
        if entry is not None and entry.model is None:
            entry = self._read(self._path(provider, owner, entry.model_id, revision))
        if entry is None and revision is not None:
            # Asked for no revision, the provider may have said that it is this one.
            latest = self._find(provider, owner, model_id, None)
            return latest if latest is not None and _revision_of(latest) == revision else None
        return entry

    def _read(self, path: Path) -> Entry | None:
        return read_note(path, _read_entry, self._scope)

    def _remembered(self, entry: Entry, request: LoadRequest, registry: Registry) -> Remembered | None:
        try:
            metadata = read_model(
                entry.model, f"what {entry.provider} said", functools.partial(read_manifest, registry)
            )
        except MalformedDocumentError as error:
            logger().warning("%s: what is remembered cannot be used: %s", request.ref, error.message)
            return None
        return Remembered(metadata, self._now() - entry.created_at)


class Entry(NamedTuple):
    """One file.

    Attributes:
        owner: Digest of who may find it, or :data:`PUBLIC`.
        provider: Name of the provider.
        model_id: Canonical id.
        revision: The version that was asked for, if one was.
        created_at: When the provider said so, in seconds since the epoch.
        model: The model's document; ``None`` for an alias.
        alias: The other id.
    """

    owner: str
    provider: str
    model_id: str
    revision: str | None
    created_at: float
    model: Any
    alias: str | None


def _revision_of(entry: Entry) -> Any:
    return entry.model.get("revision") if isinstance(entry.model, dict) else None


def _read_entry(value: Any, where: str) -> Entry:
    fields = as_object(value, where)
    alias = fields.text("alias", None)
    return Entry(
        owner=fields.text("owner"),
        provider=fields.text("provider"),
        model_id=fields.text("modelId"),
        revision=fields.text("revision", None),
        created_at=fields.number("createdAt", minimum=-FARTHEST_TIME, maximum=FARTHEST_TIME),
        model=fields.fields("model").mapping if alias is None else None,
        alias=alias,
    )


def _line(entry: Entry, entries: Iterable[Entry]) -> RememberedModel:
    same = (entry.provider, entry.model_id, entry.revision)
    aliases = {e.alias for e in entries if e.alias is not None and (e.provider, e.model_id, e.revision) == same}
    return RememberedModel(entry.provider, entry.model_id, entry.revision, entry.created_at, tuple(sorted(aliases)))


def _order(key: tuple[str, str, str | None]) -> tuple[str, str, str]:
    return key[0], key[1], key[2] or ""

"""Digests that a provider gave once must not get weaker or other: whoever leaves one out may be serving other bytes.

One small file per model, for every credential: ``pins/<model>.json``. The first document with a SHA-256 for a file
pins it (trust on first use); the caller gives a pin up on purpose, by removing the model from the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.errors import HashDowngradeError
from inference_models_core.names import slug
from inference_models_core.parsing import as_object, as_sha256, as_text
from inference_models_core.resolution.notes import read_note, write_note
from inference_models_core.store import files
from inference_models_core.store.layout import PINS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypeAlias

    from inference_models_core.resolution.scope import Scope
    from inference_models_core.types.packages import Artifact, ModelMetadata

    Digests: TypeAlias = dict[str, dict[str, str | None]]
    """Package id -> handle -> SHA-256, or ``None`` for a file that never had one."""

_FORMAT = 1
_TRIES = 5


class Pins:
    """The digests that were seen by one cache.

    Args:
        scope: The cache; its key does not matter here.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def check(self, provider: str, metadata: ModelMetadata) -> None:
        """Compares what a provider says with what it said before, and keeps what is new.

        Args:
            provider: Its name.
            metadata: Its answer. Packages whose files are on this machine already are not looked at: whoever installs
                a new version of them means it.

        Raises:
            HashDowngradeError: If a file had a SHA-256 before and has none now, or another one, or if a package that
                had some gets a file without.
        """
        path = self._path(provider, metadata.model_id)
        said = _said(metadata)
        known = self._read(path)
        _compare(provider, metadata, known)
        for _ in range(_TRIES):  # another process may write its own over ours
            merged = _merged(known, said)
            if merged == known:
                return
            document = {"format": _FORMAT, "provider": provider, "modelId": metadata.model_id, "packages": merged}
            if not write_note(path, document, self._scope):
                return
            known = self._read(path)

    def forget(self, provider: str, model_id: str) -> bool:
        """Gives up the pins of a model; whether there were any."""
        return files.remove(self._path(provider, model_id))

    def models(self) -> set[tuple[str, str]]:
        """Provider and canonical id of every model with pins."""
        paths = sorted(self._scope.layout.folder(PINS).glob("*.json"))
        found = [read_note(path, _read_model, self._scope) for path in paths]
        return {model for model in found if model is not None}

    def _path(self, provider: str, model_id: str) -> Path:
        return self._scope.layout.folder(PINS) / f"{slug(provider, model_id)}.json"

    def _read(self, path: Path) -> Digests:
        return read_note(path, _read_digests, self._scope) or {}


def _said(metadata: ModelMetadata) -> Digests:
    """The digests of packages that have any."""
    packages = [package for package in metadata.packages if package.directory is None]
    return {
        package.package_id: {artifact.handle: artifact.sha256 for artifact in package.artifacts}
        for package in packages
        if any(artifact.sha256 is not None for artifact in package.artifacts)
    }


def _merged(known: Digests, said: Digests) -> Digests:
    return {**known, **{package_id: {**known.get(package_id, {}), **said[package_id]} for package_id in said}}


def _compare(provider: str, metadata: ModelMetadata, known: Digests) -> None:
    for package in metadata.packages:
        pinned = known.get(package.package_id)
        if pinned is None or package.directory is not None:
            continue
        for artifact in package.artifacts:
            if _is_weaker(artifact, pinned):
                raise _downgrade(provider, metadata.model_id, package.package_id, artifact, pinned)


def _is_weaker(artifact: Artifact, pinned: Mapping[str, str | None]) -> bool:
    before = pinned.get(artifact.handle)
    if before is not None:
        return artifact.sha256 != before
    return artifact.sha256 is None and artifact.handle not in pinned  # a new file in a package that had digests


def _downgrade(
    provider: str, model_id: str, package_id: str, artifact: Artifact, pinned: Mapping[str, str | None]
) -> HashDowngradeError:
    before = pinned.get(artifact.handle)
    had = f"sha256 {before}" if before else "no such file, and a sha256 for others,"
    now = f"sha256 {artifact.sha256}" if artifact.sha256 else f"md5 {artifact.md5}" if artifact.md5 else "no digest"
    return HashDowngradeError(
        f"{artifact.handle} of package {package_id} of {model_id} may have been exchanged: {provider} gave {had} before"
        f" and gives {now} now",
        hint=f"if you know that it was exchanged on purpose: inference-models cache rm {provider}://{model_id}",
    )


def _read_model(value: Any, where: str) -> tuple[str, str]:
    fields = as_object(value, where)
    return fields.text("provider"), fields.text("modelId")


def _read_digests(value: Any, where: str) -> Digests:
    fields = as_object(value, where)
    fields.integer("format", minimum=_FORMAT, maximum=_FORMAT)
    return {
        as_text(package_id, where): {
            as_text(handle, where): None if digest is None else as_sha256(digest, f"{where}: {package_id}.{handle}")
            for handle, digest in as_object(handles, where).mapping.items()
        }
        for package_id, handles in fields.fields("packages").mapping.items()
    }

"""``models.lock``: which packages of which models, down to the digest of each file: every machine gets the same.

The document is JSON, sorted and one value per line, so that a change reads well as a diff. It has no path, no URL and
no secret, and may be kept beside the source code. Of one model several packages may be locked: those of several kinds
of machine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from inference_models_core import parsing
from inference_models_core.errors import (
    LockfileError,
    LockfileMismatchError,
    MalformedDocumentError,
    PackageFileMissingError,
)
from inference_models_core.names import MAX_MODEL_ID, check_handle, check_handles, check_identifier
from inference_models_core.store.store import StoredFile
from inference_models_core.types.converters import to_dict
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inference_models_core.types.packages import ModelMetadata, ModelPackage

FORMAT = 1
FILE_NAME = "models.lock"
_MOST_PACKAGES = 2000


class _File(Protocol):
    """A file as far as it can be compared: what is ``None`` is not known."""

    @property
    def handle(self) -> str: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...


def _by_handle(files: Iterable[StoredFile]) -> tuple[StoredFile, ...]:
    return tuple(sorted(files, key=lambda file: file.handle))


@attrs.frozen(kw_only=True, repr=False)
class LockedPackage(Value):
    """One package of one model, as it was when it was locked.

    Attributes:
        provider: Name of the weights provider.
        model_id: Canonical id of the model.
        package_id: The package.
        backend: Its backend.
        files: Its files with digests and sizes, sorted by name.
        revision: Version of the model, where its provider has versions.
        plugins: Distribution -> version of what resolved and would run it. Loading does not compare them, since a
            package installer has its own locks; ``sync --frozen`` does.
    """

    provider: str
    model_id: str
    package_id: str
    backend: str
    files: tuple[StoredFile, ...] = attrs.field(converter=_by_handle)
    revision: str | None = None
    plugins: Mapping[str, str] = attrs.field(factory=dict, converter=to_dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by in the file: provider, model, package."""
        return self.provider, self.model_id, self.package_id

    def __str__(self) -> str:
        return f"{self.provider}://{self.model_id} package {self.package_id}"


def _by_key(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    return tuple(sorted(packages, key=lambda package: package.key))


@attrs.frozen(kw_only=True, repr=False)
class Lockfile(Value):
    """A lock file's content.

    Attributes:
        packages: Every locked package, sorted; of each (provider, model, package) one.
    """

    packages: tuple[LockedPackage, ...] = attrs.field(default=(), converter=_by_key)

    def of_model(self, model_id: str, provider: str | None = None) -> tuple[LockedPackage, ...]:
        """The packages that are locked of a model.

        Args:
            model_id: Its canonical id.
            provider: Its provider; ``None`` for any.

        Returns:
            One or more, sorted.

        Raises:
            LockfileError: If none is locked, or models of this id are locked of several providers.
        """
        found = [each for each in self.packages if each.model_id == model_id and provider in (None, each.provider)]
        name = model_id if provider is None else f"{provider}://{model_id}"
        if not found:
            raise LockfileError(f"{name} is not in the lock file", hint=f"add it: inference-models lock {name}")
        providers = sorted({each.provider for each in found})
        if len(providers) > 1:
            spellings = ", ".join(f"{each}://{model_id}" for each in providers)
            raise LockfileError(f"{model_id} is locked of several providers", hint=f"write one of: {spellings}")
        return tuple(found)

    def updated(self, packages: Iterable[LockedPackage], *, keep_others: bool = False) -> Lockfile:
        """A copy in which models are locked as given here, and other models as before.

        Args:
            packages: What is locked now.
            keep_others: Whether other packages of the same models stay locked: those for another kind of machine.
        """
        new = {package.key: package for package in packages}
        models = set() if keep_others else {(package.provider, package.model_id) for package in new.values()}
        kept = [each for each in self.packages if (each.provider, each.model_id) not in models and each.key not in new]
        return Lockfile(packages=(*kept, *new.values()))


def read_lockfile(path: Path) -> Lockfile:
    """Reads a lock file.

    Args:
        path: The file.

    Raises:
        LockfileError: If it is not there, malformed, or of a format that only a newer version of this library knows.
    """
    try:
        return parse_lockfile(parsing.read_bytes(path), path.name)
    except PackageFileMissingError as error:
        hint = f"write one: inference-models lock MODEL --output {path}"
        raise LockfileError(error.message, hint=hint) from error


def parse_lockfile(content: bytes, where: str = FILE_NAME) -> Lockfile:
    """Reads a lock file's content; ``where`` names it in errors, which are those of :func:`read_lockfile`."""
    try:
        fields = parsing.as_object(parsing.parse_json(content, where), where)
        _check_format(fields)
        packages = fields.items("models", _read_package, maximum=_MOST_PACKAGES)
        if len({package.key for package in packages}) < len(packages):
            parsing.malformed(f"{where}: models", "every package once", "one twice")
    except MalformedDocumentError as error:
        raise LockfileError(error.message, hint="write it again: inference-models lock MODEL...") from error
    return Lockfile(packages=packages)


def _check_format(fields: parsing.Fields) -> None:
    number = fields.integer("format", minimum=1)
    if number > FORMAT:
        raise LockfileError(
            f"{fields.where} has format {number}, this version reads formats up to {FORMAT}",
            hint="pip install --upgrade inference-models-core",
        )


def _read_package(value: Any, where: str) -> LockedPackage:
    fields = parsing.as_object(value, where)
    files = fields.items("files", _read_file)
    if not files:
        parsing.malformed(f"{where}.files", "at least one file", "none")
    check_handles([file.handle for file in files], f"{where}.files")
    return LockedPackage(
        provider=fields.read("provider", check_identifier),
        model_id=fields.read("id", check_identifier, longest=MAX_MODEL_ID),
        package_id=fields.read("package", check_identifier),
        backend=fields.read("backend", check_identifier),
        revision=fields.read("revision", check_identifier, None),
        plugins=fields.read("plugins", _read_versions, {}),
        files=files,
    )


def _read_file(value: Any, where: str) -> StoredFile:
    fields = parsing.as_object(value, where)
    return StoredFile(
        handle=fields.read("name", check_handle),
        sha256=fields.read("sha256", parsing.as_sha256),
        size=fields.integer("size", minimum=0),
    )


def _read_versions(value: Any, where: str) -> dict[str, str]:
    versions = parsing.as_object(value, where).mapping
    return {
        check_identifier(name, where): check_identifier(version, f"{where}.{name}")
        for name, version in versions.items()
    }


def lockfile_text(lockfile: Lockfile) -> str:
    """The document, equal for equal content, with a line break at its end."""
    document = {"format": FORMAT, "models": [_package_document(package) for package in lockfile.packages]}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _package_document(package: LockedPackage) -> dict[str, Any]:
    document = {
        "provider": package.provider,
        "id": package.model_id,
        "revision": package.revision,
        "package": package.package_id,
        "backend": package.backend,
        "plugins": dict(sorted(package.plugins.items())),
        "files": [{"name": file.handle, "sha256": file.sha256, "size": file.size} for file in package.files],
    }
    return {key: value for key, value in document.items() if value is not None}


def check_locked(
    locked: LockedPackage,
    provider: str,
    metadata: ModelMetadata,
    package: ModelPackage,
    files: Iterable[StoredFile] | None = None,
) -> None:
    """Makes sure that what was found is what is locked.

    Args:
        locked: One entry of the lock file.
        provider: Name of the provider that answered.
        metadata: Its answer.
        package: One of the answer's packages.
        files: The package's files as they are on disk, where they are; without them those of the answer count, as far
            as it says digests and sizes.

    Raises:
        LockfileMismatchError: If it is not; the message shows both sides of everything that differs.
    """
    facts = (provider, metadata.model_id, metadata.revision, package.package_id, package.backend)
    seen = package.artifacts if files is None else files
    raise_mismatch(locked, [*_facts_that_differ(locked, facts), *_files_that_differ(locked, seen)])


def raise_mismatch(locked: LockedPackage, differences: Sequence[str]) -> None:
    """Raises :class:`LockfileMismatchError` with the differences, if there are any."""
    if differences:
        lines = "".join(f"\n  {line}" for line in differences)
        raise LockfileMismatchError(
            f"{locked} is not what the lock file says:{lines}",
            hint="if the change is wanted: inference-models sync",
        )


def differences(locked: LockedPackage, found: LockedPackage) -> tuple[str, ...]:
    """Everything that differs between two states of a package; both sides of each.

    Versions of plugins count where both name the plugin: one machine need not be able to run what another one runs.
    """
    facts = (found.provider, found.model_id, found.revision, found.package_id, found.backend)
    names = sorted(locked.plugins.keys() & found.plugins.keys())
    versions = [(f"version of {name}", locked.plugins[name], found.plugins[name]) for name in names]
    return (
        *_facts_that_differ(locked, facts),
        *_files_that_differ(locked, found.files),
        *_both_sides(versions),
    )


def _facts_that_differ(locked: LockedPackage, found: tuple[str | None, ...]) -> Iterator[str]:
    names = ("provider", "model", "revision", "package", "backend")
    said = (locked.provider, locked.model_id, locked.revision, locked.package_id, locked.backend)
    return _both_sides(zip(names, said, found, strict=True))


def _files_that_differ(locked: LockedPackage, files: Iterable[_File]) -> Iterator[str]:
    found = {file.handle: file for file in files}
    for file in locked.files:
        other = found.pop(file.handle, None)
        known = StoredFile(
            handle=file.handle,
            sha256=file.sha256 if other is None or other.sha256 is None else other.sha256,
            size=file.size if other is None or other.size is None else other.size,
        )
        yield from _both_sides([(file.handle, _file_text(file), "nothing" if other is None else _file_text(known))])
    yield from _both_sides((handle, "nothing", _file_text(file)) for handle, file in sorted(found.items()))


def _file_text(file: _File) -> str:
    return f"sha256:{file.sha256 or 'unknown'} ({'?' if file.size is None else file.size} bytes)"


def _both_sides(facts: Iterable[tuple[str, str | None, str | None]]) -> Iterator[str]:
    return (f"{name}: locked {said or 'none'}, found {seen or 'none'}" for name, said, seen in facts if said != seen)

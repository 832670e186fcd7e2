"""Packages as the store keeps them: a folder of real files that never changes, named by what is in it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core import names, parsing
from inference_models_core.builtin.local_provider import CONFIG_FILE
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.store.documents import read_document
from inference_models_core.store.layout import check_sha256
from inference_models_core.types.converters import to_dict, to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.store.layout import Layout

_DIGEST = 16


@attrs.frozen(kw_only=True, repr=False)
class StoredFile(Value):
    """One file of a package.

    Attributes:
        handle: Relative name in the package's folder, with ``/`` between segments.
        sha256: Digest of its content, 64 lower-case hex digits.
        size: Bytes.
    """

    handle: str
    sha256: str
    size: int

    def __attrs_post_init__(self) -> None:
        names.check_handle(self.handle, "handle")
        check_sha256(self.sha256)
        parsing.as_integer(self.size, "size", minimum=0)


@attrs.frozen(kw_only=True, repr=False)
class StoredPackage(Value):
    """A package whose every file is known by its content.

    Attributes:
        provider: Name of the provider that knew it.
        model_id: Canonical id of its model.
        package_id: Its id.
        files: Its files.
        config: What ``model_config.json`` says beside the files, as plain JSON values.
        links: Whether its files may be hard links to blobs; some runtimes refuse those.
    """

    provider: str
    model_id: str
    package_id: str
    files: tuple[StoredFile, ...] = attrs.field(converter=to_tuple)
    config: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)
    links: bool = True

    def __attrs_post_init__(self) -> None:
        names.check_identifier(self.provider, "provider")
        names.check_identifier(self.model_id, "model id", longest=names.MAX_MODEL_ID)
        names.check_identifier(self.package_id, "package id")
        names.check_handles((file.handle for file in self.files), "files")


@attrs.frozen(kw_only=True, repr=False)
class Manifest(Value):
    """What ``model_config.json`` of a package in the store says about itself."""

    provider: str
    model_id: str
    package_id: str
    backend: str | None
    files: tuple[StoredFile, ...]


def package_folder(layout: Layout, package: StoredPackage) -> Path:
    """The folder of a package; other content, other folder."""
    digest = hashlib.sha256()
    for file in sorted(package.files, key=lambda file: file.handle):
        digest.update(f"{file.handle}\0{file.sha256}\0{file.size}\n".encode())
    name = f"{names.slug(package.package_id)}-{digest.hexdigest()[:_DIGEST]}"
    return layout.model(package.provider, package.model_id) / name


def manifest_content(package: StoredPackage) -> bytes:
    """The text of a package's ``model_config.json``: a package at a path, too, is described by it."""
    own = {
        "cached_as": {
            "provider": package.provider,
            "model_id": package.model_id,
            "package_id": package.package_id,
        },
        "package_artifacts": [
            {"handle": file.handle, "sha256": file.sha256, "size": file.size} for file in package.files
        ],
    }
    return json.dumps({**package.config, **own}, indent=1, sort_keys=True).encode()


def read_manifest(folder: Path) -> Manifest | None:
    """Reads what a package in the store says about itself; ``None`` if it is missing or damaged."""
    fields = read_document(folder / CONFIG_FILE)
    try:
        return None if fields is None else _manifest(fields)
    except MalformedDocumentError:
        return None


def _manifest(fields: parsing.Fields) -> Manifest:
    own = fields.fields("cached_as")
    return Manifest(
        provider=own.text("provider"),
        model_id=own.text("model_id"),
        package_id=own.text("package_id"),
        backend=fields.text("backend_type", None),
        files=fields.items("package_artifacts", _stored_file),
    )


def _stored_file(value: Any, where: str) -> StoredFile:
    fields = parsing.Fields(value, where)
    return StoredFile(handle=fields.text("handle"), sha256=fields.text("sha256"), size=fields.integer("size"))

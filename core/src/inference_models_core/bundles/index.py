"""What a bundle says it contains, and that what it says holds together.

Three statements must agree: the index lists files by digest, the lock file says which package has which file, and each
model's document says what its packages are. None may have more than the others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core import parsing
from inference_models_core.errors import BundleError, LockfileError, MalformedDocumentError
from inference_models_core.names import MAX_MODEL_ID, check_identifier
from inference_models_core.providers.documents import read_model
from inference_models_core.resolution.lockfile import Lockfile, parse_lockfile
from inference_models_core.types.converters import to_tuple
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_models_core.types.packages import ModelPackage

FORMAT = 1
INDEX_NAME = "bundle.json"
SUMS_NAME = "SHA256SUMS"
LOCK_NAME = "models.lock"
_MOST_MODELS = 1000


@attrs.frozen(kw_only=True, repr=False)
class Content(Value):
    """Bytes, by what identifies them: SHA-256 and size."""

    sha256: str
    size: int


@attrs.frozen(kw_only=True, repr=False)
class BundledModel(Value):
    """A model in a bundle.

    Attributes:
        provider: Name of the weights provider that described it.
        document: The description, as :func:`~inference_models_core.providers.documents.model_document` writes it.
        aliases: Other ids by which it was asked for, sorted.
    """

    provider: str
    document: Mapping[str, Any]
    aliases: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)


@attrs.frozen(kw_only=True, repr=False)
class BundleIndex(Value):
    """The first document of a bundle.

    Attributes:
        lock: The lock file that follows.
        models: The models, sorted.
        files: The files that follow, sorted by digest, each once.
    """

    lock: Content
    models: tuple[BundledModel, ...] = attrs.field(converter=to_tuple)
    files: tuple[Content, ...] = attrs.field(converter=to_tuple)


def index_text(index: BundleIndex) -> str:
    """The document, equal for equal content."""
    document = {
        "format": FORMAT,
        "lock": attrs.asdict(index.lock),
        "models": [
            {"provider": model.provider, "aliases": model.aliases, "model": model.document} for model in index.models
        ],
        "files": [attrs.asdict(file) for file in index.files],
    }
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def parse_index(content: bytes) -> BundleIndex:
    """Reads the document.

    Raises:
        BundleError: If it is malformed, or of a format that only a newer version of this library knows.
    """
    try:
        fields = parsing.as_object(parsing.parse_json(content, INDEX_NAME), INDEX_NAME)
        _check_format(fields)
        index = BundleIndex(
            lock=fields.read("lock", _read_content),
            models=fields.items("models", _read_bundled, maximum=_MOST_MODELS),
            files=fields.items("files", _read_content),
        )
    except MalformedDocumentError as error:
        raise BundleError(error.message) from error
    digests = [file.sha256 for file in index.files]
    if digests != sorted(set(digests)):
        raise BundleError(f"{INDEX_NAME}: files are not sorted, or one is listed twice")
    return index


def _check_format(fields: parsing.Fields) -> None:
    number = fields.integer("format", minimum=1)
    if number > FORMAT:
        raise BundleError(
            f"the bundle has format {number}, this version reads formats up to {FORMAT}",
            hint="pip install --upgrade inference-models-core",
        )


def _read_content(value: Any, where: str) -> Content:
    fields = parsing.as_object(value, where)
    return Content(sha256=fields.read("sha256", parsing.as_sha256), size=fields.integer("size", minimum=0))


def _read_bundled(value: Any, where: str) -> BundledModel:
    fields = parsing.as_object(value, where)
    return BundledModel(
        provider=fields.read("provider", check_identifier),
        document=fields.fields("model").mapping,
        aliases=fields.items("aliases", lambda alias, path: check_identifier(alias, path, longest=MAX_MODEL_ID)),
    )


def check_agreement(index: BundleIndex, lock: bytes) -> Lockfile:
    """Makes sure that index, lock file and the models' documents say the same.

    Args:
        index: The index.
        lock: Content of the lock file.

    Returns:
        The lock file.

    Raises:
        BundleError: If they do not, or the lock file or a document cannot be read.
    """
    try:
        lockfile = parse_lockfile(lock, LOCK_NAME)
        described = [
            ((model.provider, metadata.model_id, package.package_id), package)
            for model in index.models
            for metadata in [read_model(model.document, INDEX_NAME, _leave_manifest)]
            for package in metadata.packages
        ]
    except (LockfileError, MalformedDocumentError) as error:
        raise BundleError(error.message, hint=error.hint) from error
    _check_packages(lockfile, described)
    _check_files(lockfile, index)
    return lockfile


def _leave_manifest(_: Mapping[str, Any], __: str) -> Rejection:
    """A bundle is as good on a machine that has no plugin for its packages."""
    return Rejection(code="manifest-not-readable", reason="not read")


def _check_packages(lockfile: Lockfile, described: Sequence[tuple[tuple[str, str, str], ModelPackage]]) -> None:
    locked = {package.key: package for package in lockfile.packages}
    if sorted(locked) != sorted(key for key, _ in described):
        odd = sorted(locked.keys() ^ {key for key, _ in described})
        names = ", ".join(" ".join(key) for key in odd[:3]) or "one is described twice"
        raise BundleError(f"{INDEX_NAME} and {LOCK_NAME} do not have the same packages: {names}")
    for key, package in described:
        said = sorted((file.handle, file.sha256 or "", file.size or 0) for file in package.artifacts)
        if said != [(file.handle, file.sha256, file.size) for file in locked[key].files]:
            raise BundleError(f"{INDEX_NAME} and {LOCK_NAME} do not have the same files of {locked[key]}")


def _check_files(lockfile: Lockfile, index: BundleIndex) -> None:
    needed = {(file.sha256, file.size) for package in lockfile.packages for file in package.files}
    listed = {(file.sha256, file.size) for file in index.files}
    if needed != listed:
        odd = ", ".join(sha256 for sha256, _ in sorted(needed ^ listed)[:3])
        raise BundleError(f"the files of {INDEX_NAME} are not those of {LOCK_NAME}: {odd}")

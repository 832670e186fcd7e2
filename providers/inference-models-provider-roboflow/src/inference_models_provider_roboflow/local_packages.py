"""TensorRT packages that were built on this machine, beside the fetched ones of the same model.

Each is a folder named ``localtrt...`` with ``local_trt_package_manifest.json``, an object of two keys that matter:
``packageManifest`` as in the API's answer, and ``files``, handle -> MD5. Names and checks are those of the tools that
write such folders. An engine runs as code, so its files' SHA-256 are computed as well: a caller can name exactly these.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from inference_models_core.errors import InferenceModelsError
from inference_models_core.log import logger
from inference_models_core.names import check_identifier
from inference_models_core.parsing import MAX_DOCUMENT_BYTES, Fields, as_md5, as_object, describe, malformed, parse_json
from inference_models_core.providers.documents import manifest_facts
from inference_models_core.store.files import open_existing
from inference_models_core.store.identity import of_path, of_stat
from inference_models_core.types.packages import Artifact, ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inference_models_core.providers.documents import ManifestReader

_PREFIX = "localtrt"
_MANIFEST_FILE = "local_trt_package_manifest.json"
_ENGINE = "engine.plan"
_HANDLES = frozenset(
    {_ENGINE, "trt_config.json", "inference_config.json", "class_names.txt", "keypoints_metadata.json"}
)
_BLOCK = 1 << 20


def find_local_packages(folder: Path, read_manifest: ManifestReader) -> Iterator[ModelPackage]:
    """Finds the packages in one model's folder.

    Args:
        folder: The model's folder in the cache; may not exist.
        read_manifest: ``ProviderContext.read_manifest``.

    Yields:
        Packages whose files are as their manifest says; all others are left out with a warning in the log.
    """
    for directory in _directories(folder):
        try:
            yield _package(directory, read_manifest)
        except (OSError, InferenceModelsError) as error:
            logger().warning("the package %s is left out: %s", directory, error)


def _directories(folder: Path) -> list[Path]:
    """Real directories only: a link could lead to a place where others may write."""
    if not _is_directory(folder):
        return []
    return sorted(path for path in folder.iterdir() if path.name.startswith(_PREFIX) and _is_directory(path))


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _package(directory: Path, read_manifest: ManifestReader) -> ModelPackage:
    content, itself = _read(directory / _MANIFEST_FILE, keep=True)
    fields = as_object(parse_json(content, _MANIFEST_FILE), _MANIFEST_FILE)
    promised = _promised(fields.fields("files"))
    artifacts = [_verified(directory / handle, digest) for handle, digest in promised.items()]
    return ModelPackage(
        package_id=check_identifier(directory.name, "name of the folder"),
        directory=directory,
        artifacts=(*artifacts, itself),
        **manifest_facts(fields.fields("packageManifest"), read_manifest),
    )


def _promised(files: Fields) -> dict[str, str]:
    for handle in files.mapping:
        if handle not in _HANDLES:
            malformed(files.where, f"names among {', '.join(sorted(_HANDLES))}", describe(handle))
    if _ENGINE not in files:
        malformed(files.where, _ENGINE, "none")
    return {handle: files.read(handle, as_md5) for handle in files.mapping}


def _verified(path: Path, md5: str) -> Artifact:
    _, artifact = _read(path)
    if artifact.md5 != md5:
        malformed(path.name, f"a file with the MD5 {md5}", f"one with {artifact.md5}")
    return artifact


def _read(path: Path, *, keep: bool = False) -> tuple[bytes, Artifact]:
    """Reads a regular file once through one descriptor: its content if it is to be kept, and its digests."""
    fd = open_existing(path)
    with os.fdopen(fd, "rb", buffering=0) as file:
        before = of_stat(os.fstat(fd))
        md5, sha256, kept = hashlib.md5(usedforsecurity=False), hashlib.sha256(), bytearray()
        while block := file.read(_BLOCK):
            md5.update(block)
            sha256.update(block)
            if keep:
                kept += block
                if len(kept) > MAX_DOCUMENT_BYTES:
                    malformed(path.name, f"at most {MAX_DOCUMENT_BYTES} bytes", "more")
        if before is None or not before == of_stat(os.fstat(fd)) == of_path(path):
            malformed(path.name, "a file that stays as it is while it is read", "one that changed")
    artifact = Artifact(handle=path.name, sha256=sha256.hexdigest(), md5=md5.hexdigest(), size=before.size)
    return bytes(kept), artifact

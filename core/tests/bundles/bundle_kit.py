"""Bundles by hand: their parts, and an archive of any entries."""

from __future__ import annotations

import hashlib
import io
import tarfile

from inference_models_core.bundles.archive import write_archive
from inference_models_core.bundles.index import BundledModel, BundleIndex, Content, index_text
from inference_models_core.resolution.lockfile import LockedPackage, Lockfile, lockfile_text
from inference_models_core.store.store import StoredFile

FILES = {"weights.onnx": b"w" * 3000, "labels.txt": b"cat\ndog\n", "empty.bin": b""}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def content_of(data):
    return Content(sha256=digest(data), size=len(data))


def document(files, package_id="fp32", model_id="acme/screws"):
    entries = [{"fileHandle": name, "sha256": digest(data), "size": len(data)} for name, data in files.items()]
    manifest = {"type": "inference-models-package-v1", "backendType": "onnx"}
    package = {"packageId": package_id, "packageManifest": manifest, "packageFiles": entries}
    return {"modelId": model_id, "modelPackages": [package]}


def locked(files, package_id="fp32", model_id="acme/screws"):
    stored = [StoredFile(handle=name, sha256=digest(data), size=len(data)) for name, data in files.items()]
    return LockedPackage(provider="hub", model_id=model_id, package_id=package_id, backend="onnx", files=stored)


def index_of(lock, documents, contents):
    return BundleIndex(
        lock=content_of(lock),
        models=[BundledModel(provider="hub", document=each) for each in documents],
        files=sorted((content_of(data) for data in contents), key=lambda content: content.sha256),
    )


def good_parts(files=FILES):
    """Index and lock file of one model with these files."""
    lock = lockfile_text(Lockfile(packages=[locked(files)])).encode()
    return index_of(lock, [document(files)], set(files.values())), lock


def write_good(path, folder, files=FILES):
    """Writes a bundle with the code that is tested."""
    folder.mkdir(exist_ok=True)
    for data in files.values():
        (folder / digest(data)).write_bytes(data)
    index, lock = good_parts(files)
    write_archive(path, index, lock, lambda content: folder / content.sha256, lambda *_: None)
    return index


def entry(name, data=b"", **fields):
    """One entry of a tar file, written by the standard library."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar_of(entries, tar_format=tarfile.GNU_FORMAT):
    """A tar file with the end that ours has."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tar_format) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
        length = archive.offset
    return stream.getvalue()[:length] + bytes(1024)


def entries_of(index, lock, files=FILES):
    """What our own archive has, as entries."""
    contents = {digest(data): data for data in files.values()}
    blobs = [entry(f"blobs/{file.sha256}", contents[file.sha256]) for file in index.files]
    return [*first_entries(index_text(index).encode(), index, lock), *blobs]


def first_entries(text, index, lock):
    """The documents: an index as text, digests that fit it, a lock file."""
    names = [("bundle.json", digest(text)), ("models.lock", index.lock.sha256)]
    names += [(f"blobs/{file.sha256}", file.sha256) for file in index.files]
    sums = "".join(f"{sha256}  {name}\n" for name, sha256 in names).encode()
    return [entry("bundle.json", text), entry("SHA256SUMS", sums), entry("models.lock", lock)]

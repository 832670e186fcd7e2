"""The archive of a bundle: a tar file of exactly one shape, so that nothing in it has to be interpreted.

The first entry is the index. Whoever has read it knows every other entry: its name, size and place, up to the last
byte, and all of the second entry, which has the digests of the others. Each header must equal, byte for byte, the one
that writing this entry gives; the file must end where the last entry does. That refuses, in one comparison and before
a byte is written, whatever else an archive could hold: links, devices, other names, duplicates, extra entries, extended
headers, sparse files, sizes that are not true. Equal content gives equal bytes. Any tar program can list and extract
it. Zip was not chosen because it says everything twice, at two places that may differ, and tar in its general form
because of all that its headers can mean.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from inference_models_core.bundles.index import (
    INDEX_NAME,
    LOCK_NAME,
    SUMS_NAME,
    BundleIndex,
    Content,
    check_agreement,
    index_text,
    parse_index,
)
from inference_models_core.errors import BundleError, IntegrityError, InvalidRequestError
from inference_models_core.parsing import MAX_DOCUMENT_BYTES
from inference_models_core.store import files
from inference_models_core.store.faults import disk_full, free_bytes, typed_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inference_models_core.resolution.lockfile import Lockfile

_BLOCK = 512
_SIZE_FIELD = slice(124, 136)
_END = bytes(2 * _BLOCK)
_CHUNK = 1 << 20


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _blob_name(content: Content) -> str:
    return f"blobs/{content.sha256}"


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _sums(index: BundleIndex) -> bytes:
    """Digests of all other entries, as ``sha256sum --check`` reads them."""
    own = Content(sha256=hashlib.sha256(index_text(index).encode()).hexdigest(), size=0)
    return "".join(f"{each.sha256}  {name}\n" for name, each in [(INDEX_NAME, own), *_entries(index)]).encode()


def _entries(index: BundleIndex) -> list[tuple[str, Content]]:
    """Everything behind the index and the digests, in order."""
    return [(LOCK_NAME, index.lock), *((_blob_name(file), file) for file in index.files)]


def archive_size(index: BundleIndex) -> int:
    """Bytes of the archive with this index."""
    beginning = (index_text(index).encode(), _sums(index))
    sizes = [*map(len, beginning), *(content.size for _, content in _entries(index))]
    return sum(_BLOCK + _padded(size) for size in sizes) + len(_END)


def write_archive(
    path: Path, index: BundleIndex, lock: bytes, find: Callable[[Content], Path], told: Callable[[int, int], None]
) -> None:
    """Writes a bundle; its name appears when all of it is on the disk.

    Args:
        path: Where it goes; replaced if it exists.
        index: The index.
        lock: Content of the lock file.
        find: Says where a file of the index is.
        told: Called with bytes written so far, and bytes in all.

    Raises:
        DiskFullError: If there is no room; before the first byte.
        IntegrityError: If a file is not what the index says.
    """
    _check_room(path, archive_size(index))
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    fd = _create(part)
    try:
        with typed_errors(path.absolute().parent, archive_size(index)), os.fdopen(fd, "wb") as target:
            _write_entries(target, index, lock, find, told)
            target.flush()
            files.set_mode(fd, 0o644)
            files.sync(fd)
        files.replace(part, path)
    except BaseException:
        files.remove(part)
        raise
    files.sync_folder(path.absolute().parent)


def _create(path: Path) -> int:
    try:
        return files.create(path)
    except OSError as error:
        raise InvalidRequestError(f"cannot write {path.parent}: {error.strerror or error}") from error


def _check_room(path: Path, needed: int) -> None:
    folder = path.absolute().parent
    if needed > free_bytes(folder):
        raise disk_full(folder, needed)


def _write_entries(
    target: BinaryIO, index: BundleIndex, lock: bytes, find: Callable[[Content], Path], told: Callable[[int, int], None]
) -> None:
    total = archive_size(index)
    for name, content in ((INDEX_NAME, index_text(index).encode()), (SUMS_NAME, _sums(index)), (LOCK_NAME, lock)):
        target.write(_entry(name, content))
    for file in index.files:
        target.write(_header(_blob_name(file), file.size))
        _copy(target, find(file), file)
        told(target.tell(), total)
    target.write(_END)


def _entry(name: str, content: bytes) -> bytes:
    return _header(name, len(content)) + content + bytes(_padded(len(content)) - len(content))


def _copy(target: BinaryIO, source: Path, content: Content) -> None:
    digest, left = hashlib.sha256(), content.size
    with os.fdopen(files.open_existing(source), "rb", buffering=0) as file:
        while chunk := file.read(min(_CHUNK, left)):
            digest.update(chunk)
            target.write(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != content.sha256:
        raise IntegrityError(
            f"{source} changed since it was verified: sha256:{content.sha256} ({content.size} bytes) was expected",
            hint="inference-models cache verify",
        )
    target.write(bytes(_padded(content.size) - content.size))


class BundleArchive:
    """A bundle that is open for reading and whose structure is as it should be; the files' content is not read yet.

    Attributes:
        index: Its index.
        lockfile: Its lock file.
    """

    def __init__(self, file: BinaryIO, index: BundleIndex, lockfile: Lockfile, places: dict[str, int]) -> None:
        self.index = index
        self.lockfile = lockfile
        self._file = file
        self._places = places

    def chunks(self, content: Content) -> Iterator[bytes]:
        """The bytes of a file, at most 1 MiB at a time and never more than its size.

        Raises:
            BundleError: At the end, if they are not what the index promises.
        """
        self._file.seek(self._places[_blob_name(content)])
        digest, left = hashlib.sha256(), content.size
        while chunk := self._file.read(min(_CHUNK, left)):
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        if left or digest.hexdigest() != content.sha256:
            raise _damaged(f"{_blob_name(content)} has other content: sha256:{digest.hexdigest()}")


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[BundleArchive]:
    """Opens a bundle and checks all of its structure.

    Raises:
        InvalidRequestError: If no file is there that can be read.
        BundleError: If it is no bundle, of a newer format, or has anything in it that has no place there.
    """
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise InvalidRequestError(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        yield _checked(file)


def _checked(file: BinaryIO) -> BundleArchive:
    index = _read_index(file)
    size = os.fstat(file.fileno()).st_size
    if size != archive_size(index):
        raise _damaged(f"the file has {size} bytes, its index says {archive_size(index)}")
    _expect(file, _entry(SUMS_NAME, _sums(index)), SUMS_NAME)
    places = dict(_check_entries(file, index))
    lockfile = check_agreement(index, _read_lock(file, places[LOCK_NAME], index.lock))
    return BundleArchive(file, index, lockfile, places)


def _check_entries(file: BinaryIO, index: BundleIndex) -> Iterator[tuple[str, int]]:
    """Name and place of every entry behind the digests."""
    for name, content in _entries(index):
        _expect(file, _header(name, content.size), f"the header of {name}")
        yield name, file.tell()
        file.seek(content.size, os.SEEK_CUR)
        _expect(file, bytes(_padded(content.size) - content.size), f"the end of {name}")
    _expect(file, _END, "the end of the archive")


def _read_lock(file: BinaryIO, place: int, lock: Content) -> bytes:
    if lock.size > MAX_DOCUMENT_BYTES:
        raise _damaged(f"{LOCK_NAME} has {lock.size} bytes")
    file.seek(place)
    content = file.read(lock.size)
    if hashlib.sha256(content).hexdigest() != lock.sha256:
        raise _damaged(f"{LOCK_NAME} is not what the index says")
    return content


def _read_index(file: BinaryIO) -> BundleIndex:
    header = file.read(_BLOCK)
    digits = header[_SIZE_FIELD].rstrip(b"\0 ")
    size = int(digits, 8) if digits and not digits.strip(b"01234567") else MAX_DOCUMENT_BYTES + 1
    if size > MAX_DOCUMENT_BYTES or header != _header(INDEX_NAME, size):
        raise BundleError("this is no bundle: it does not begin with an index", hint="see what it is: tar -tvf FILE")
    content = file.read(size)
    _expect(file, bytes(_padded(size) - size), f"the end of {INDEX_NAME}")
    index = parse_index(content)
    if content != index_text(index).encode():
        raise _damaged(f"{INDEX_NAME} is not as it was written")
    return index


def _expect(file: BinaryIO, expected: bytes, what: str) -> None:
    if file.read(len(expected)) != expected:
        raise _damaged(f"{what} is not as it was written")


def _damaged(message: str) -> BundleError:
    return BundleError(f"the bundle is damaged: {message}", hint="copy or create it again")

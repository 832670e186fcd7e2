"""A bounded reader of the ZIP archives that PyTorch writes.

The runtime's own reader believes what an archive says about itself. This one looks first: every entry is a name that
PyTorch writes, once, lies where the directory says, is not larger than it claims, and has the contents that its
checksum is of. Format: PKWARE's APPNOTE 6.3.10, 4.3; what PyTorch makes of it: ``caffe2/serialize/inline_container.h``.
"""

from __future__ import annotations

import mmap
import re
import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from inference_models_core.errors import PackageError, PackageFileMissingError, UnsafeModelFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LEAST_UNPACKED = 64 * 1024 * 1024
"""Bytes that any archive may unpack to."""
MOST_GROWTH = 4
"""How many times its own size a larger one may unpack to; PyTorch does not compress weights."""
MOST_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Largest entry that is not weights: code, structure, notes of the exporter."""

_MOST_ENTRIES = 200_000
_MOST_DIRECTORY_BYTES = 64 * 1024 * 1024
_CHUNK = 1024 * 1024
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UNKNOWN_32, _UNKNOWN_16 = 0xFFFFFFFF, 0xFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ZIP = b"PK\x03\x04"
_ENTRY = re.compile(
    r"(?:data|constants|traced_inputs|attributes|bytecode)(?:\.pkl|/[0-9]{1,9})"
    r"|code/[^\\:\x00-\x1f\x7f]{1,500}\.py(?:\.debug_pkl)?"  # called like the modules of whoever exported
    r"|extra/[A-Za-z0-9_][A-Za-z0-9_. -]{0,200}"
    r"|\.data/[a-z_]{1,40}|\.format_version|\.storage_alignment"
    r"|version|byteorder|mobile_debug_handles\.pkl"
)
_WEIGHTS = re.compile(r"[a-z_]+/[0-9]+")
_FOREIGN = {
    b"\x08": "an ONNX file, perhaps",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "a web page",
    b"{": "JSON text",
    b"\x80": "a pickle of an old PyTorch; save the model again with a newer one",
    b"\x1f\x8b": "gzip data",
}


class Entry(NamedTuple):
    """One file of an archive.

    Attributes:
        name: Without the folder that all of them are in.
        method: Of compression.
        start: Where its bytes begin in the archive.
        packed: How many there are.
        size: How many they become.
        checksum: CRC-32 of these.
    """

    name: str
    method: int
    start: int
    packed: int
    size: int
    checksum: int

    @property
    def is_weights(self) -> bool:
        """Whether it is the bytes of a tensor."""
        return _WEIGHTS.fullmatch(self.name) is not None


class Archive:
    """An archive that was looked through.

    Args:
        data: Its bytes.
        name: Its file name, for errors.
        entries: Its entries by name.
    """

    def __init__(self, data: mmap.mmap | bytes, name: str, entries: Mapping[str, Entry]) -> None:
        self._data = data
        self.name = name
        self.entries = entries

    def read(self, name: str) -> bytes:
        """An entry that is no weights, unpacked, whole.

        Raises:
            PackageError: If it is not there or damaged.
            UnsafeModelFileError: If it is larger than such entries are.
        """
        entry = self.entries.get(name)
        if entry is None:
            raise PackageError(f"{self.name} lacks {name!r}", hint="export or fetch the model again")
        if entry.size > MOST_DOCUMENT_BYTES:
            _refuse(self.name, f"{name!r} has {entry.size} bytes; such an entry has at most {MOST_DOCUMENT_BYTES}")
        return b"".join(self._chunks(entry))

    def check_contents(self) -> None:
        """Compares every entry with its size and its checksum.

        Raises:
            PackageError: If one is damaged.
        """
        for entry in self.entries.values():
            for _ in self._chunks(entry):
                pass

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """The contents in pieces; what comes out is never more than was promised."""
        size = checksum = 0
        for chunk in self._inflated(entry) if entry.method == _DEFLATED else self._stored(entry):
            size += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if (size, checksum) != (entry.size, entry.checksum):
            raise PackageError(f"{self.name} is damaged: {entry.name!r}", hint="fetch the file again")

    def _stored(self, entry: Entry) -> Iterator[bytes]:
        end = entry.start + entry.packed
        for start in range(entry.start, end, _CHUNK):
            yield self._data[start : min(start + _CHUNK, end)]

    def _inflated(self, entry: Entry) -> Iterator[bytes]:
        inflate, left = zlib.decompressobj(-15), entry.size + 1
        try:
            for packed in self._stored(entry):
                rest = packed
                while rest and left > 0 and not inflate.eof:
                    chunk = inflate.decompress(rest, min(left, _CHUNK))
                    rest, left = inflate.unconsumed_tail, left - len(chunk)
                    yield chunk
        except zlib.error as error:
            raise PackageError(
                f"{self.name} is damaged: {entry.name!r}: {error}", hint="fetch the file again"
            ) from error


def with_archive(path: Path, use: Callable[[Archive], object], max_unpacked_bytes: int | None = None) -> None:
    """Opens an archive, looks through its directory and hands it over.

    Args:
        path: The file; memory-mapped, so that weights are read only where they are checked.
        use: What is done with it while it is open.
        max_unpacked_bytes: Most bytes that it may unpack to; ``None`` for four times its own or 64 MiB.

    Raises:
        PackageFileMissingError: If it cannot be opened.
        PackageError: If it is truncated, damaged, or no such archive.
        UnsafeModelFileError: If it claims more than it has, or has what does not belong there.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PackageError(f"not a file: {path}")
        if status.st_size == 0:
            raise PackageError(f"truncated file: {path.name} is empty", hint="fetch the file again")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            use(read_archive(data, path.name, max_unpacked_bytes))
    except OSError as error:
        if isinstance(error, PackageError):
            raise
        raise PackageFileMissingError(f"cannot read {path}: {error.strerror or error}") from error


def read_archive(data: mmap.mmap | bytes, name: str, max_unpacked_bytes: int | None = None) -> Archive:
    """As :func:`with_archive`, from memory; ``name`` stands in errors."""
    if data[:4] != _ZIP:
        head = data[:32]
        kind = next((kind for magic, kind in _FOREIGN.items() if head.startswith(magic)), "")
        raise PackageError(f"not an archive of PyTorch: {name}{kind and f' looks like {kind}'}")
    try:
        entries = list(_entries(data, name))
    except (struct.error, UnicodeDecodeError) as error:
        raise PackageError(f"{name} is damaged: {error}", hint="fetch the file again") from error
    _check_places(entries, name)
    limit = max_unpacked_bytes or max(LEAST_UNPACKED, MOST_GROWTH * len(data))
    total = sum(entry.size for entry in entries)
    if total > limit:
        _refuse(name, f"it has {len(data)} bytes and would unpack to {total}; {limit} are allowed")
    archive = Archive(data, name, _named(entries, name))
    _check_nesting(archive)
    return archive


def _entries(data: mmap.mmap | bytes, name: str) -> Iterator[Entry]:
    count, size, offset = _directory(data, name)
    if count > _MOST_ENTRIES or size > _MOST_DIRECTORY_BYTES:
        _refuse(name, f"{count} entries, described in {size} bytes")
    directory = data[offset : offset + size]
    position = 0
    for _ in range(count):
        length, entry = _entry(directory, position, data, name)
        position += length
        if entry.start + entry.packed > offset:
            raise PackageError(f"{name} is damaged: {entry.name!r} ends outside of it", hint="fetch the file again")
        yield entry
    if position != size:
        _refuse(name, "its directory has room for more than its entries")


def _directory(data: mmap.mmap | bytes, name: str) -> tuple[int, int, int]:
    """Number of entries, size of the directory and where it begins; it has to end where the end record begins."""
    end = len(data) - _END.size
    if end < 0 or data[end : end + 4] != b"PK\x05\x06":
        raise PackageError(f"truncated or damaged: {name} does not end as an archive", hint="fetch the file again")
    _, disk, start_disk, here, count, size, offset, comment = _END.unpack(data[end:])
    locator = end - _LOCATOR_64.size
    if locator >= 0 and data[locator : locator + 4] == b"PK\x06\x07":
        end = _LOCATOR_64.unpack(data[locator : locator + _LOCATOR_64.size])[2]
        record = _END_64.unpack(data[end : end + _END_64.size])
        if record[0] != b"PK\x06\x06" or end + _END_64.size != locator:
            _refuse(name, "its end record is not where it says")
        disk, start_disk, here, count, size, offset = record[4:10]
    if disk or start_disk or comment or here != count or offset + size != end:
        _refuse(name, "its end record and its directory disagree")
    return count, size, offset


def _entry(directory: bytes, position: int, data: mmap.mmap | bytes, name: str) -> tuple[int, Entry]:
    """An entry of the directory, with its length in there, compared with what stands before its bytes."""
    fields = _CENTRAL.unpack(directory[position : position + _CENTRAL.size])
    magic, _, _, flags, method, _, _, checksum, packed, size, n, m, k, disk, _, _, offset = fields
    at = position + _CENTRAL.size
    raw, extra = directory[at : at + n], directory[at + n : at + n + m]
    size, packed, offset = _wide((size, packed, offset), extra)
    local = _LOCAL.unpack(data[offset : offset + _LOCAL.size])
    if magic != b"PK\x01\x02" or local[0] != _ZIP or disk:
        _refuse(name, "an entry is not where its directory says")
    local_method, local_sum, local_packed, local_size, local_n, local_m = local[3], *local[6:11]
    start = offset + _LOCAL.size + local_n + local_m
    header = data[offset + _LOCAL.size : start]
    if header[:local_n] != raw or local_method != method or flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
        _refuse(name, f"an entry {raw[:60]!r} that is encrypted, packed in an unknown way, or called otherwise inside")
    sizes = _wide((local_size, local_packed), header[local_n:])
    described = local[2] & 0x8  # then they may stand behind the bytes instead
    if (*sizes, local_sum) != (size, packed, checksum) and not (described and not any((*sizes, local_sum))):
        _refuse(name, f"an entry {raw[:60]!r} whose two descriptions differ")
    if method == _STORED and packed != size:
        _refuse(name, f"an entry {raw[:60]!r} of two sizes")
    return _CENTRAL.size + n + m + k, Entry(raw.decode(), method, start, packed, size, checksum)


def _wide(values: tuple[int, ...], extra: bytes) -> tuple[int, ...]:
    """Numbers that did not fit into 32 bits stand in an extra field, in the order of those that did not."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            wide = iter(struct.unpack(f"<{length // 8}Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            return tuple(next(wide, value) if value == _UNKNOWN_32 else value for value in values)
        at += 4 + length
    return values


def _check_places(entries: list[Entry], name: str) -> None:
    """No two entries share bytes."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.start):
        if entry.start < end:
            _refuse(name, f"the bytes of {entry.name[:60]!r} belong to another entry, too")
        end = entry.start + entry.packed


def _named(entries: list[Entry], name: str) -> dict[str, Entry]:
    folder = entries[0].name.partition("/")[0] if entries else ""
    named: dict[str, Entry] = {}
    for entry in entries:
        inside = entry.name.removeprefix(f"{folder}/")
        if inside == entry.name or not _ENTRY.fullmatch(inside) or "/." in inside or "//" in inside:
            _refuse(name, f"an entry {entry.name[:120]!r}, which PyTorch does not write")
        if inside.casefold() in named:
            _refuse(name, f"two entries {entry.name[:120]!r}")
        named[inside.casefold()] = entry._replace(name=inside)
    return {entry.name: entry for entry in named.values()}


def _check_nesting(archive: Archive) -> None:
    for entry in archive.entries.values():
        if entry.name.startswith("extra/") and archive.read(entry.name)[:4] == _ZIP:
            _refuse(archive.name, f"another archive inside, {entry.name!r}")


def _refuse(name: str, what: str) -> NoReturn:
    raise UnsafeModelFileError(f"{name} is refused: {what}", hint="export or fetch the model again")

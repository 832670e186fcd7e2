"""A bounded reader of ``.safetensors`` files (https://github.com/huggingface/safetensors#format).

Eight bytes with the length of a header, the header in JSON, the bytes of the tensors one behind the other. Nothing in
there runs; what is checked is that the tensors are where and as large as the header says, without gaps or overlaps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from inference_models_core.errors import MalformedDocumentError, PackageError, PackageFileMissingError
from inference_models_core.parsing import MAX_DOCUMENT_BYTES, as_integer, as_object, parse_json

if TYPE_CHECKING:
    from pathlib import Path

DTYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}
"""Name in the file -> PyTorch's name, bytes of one number."""

_LENGTH_BYTES = 8
_MOST_AXES = 32


class StoredTensor(NamedTuple):
    """One tensor of a file.

    Attributes:
        name: As the network calls it.
        dtype: PyTorch's name of its type.
        shape: Its size along each axis.
        start: Where its bytes begin behind the header.
        end: Where they end.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_safetensors(path: Path) -> tuple[list[StoredTensor], bytearray]:
    """Reads a file.

    Args:
        path: The file.

    Returns:
        The tensors in the order of their bytes, and these.

    Raises:
        PackageFileMissingError: If it cannot be opened.
        PackageError: If it is truncated, damaged, or of another format.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_LENGTH_BYTES)
            length = _header_length(head, path.name)
            tensors = read_header(file.read(length), path.name)
            size = path.stat().st_size - _LENGTH_BYTES - length
            _check_end(tensors, size, path.name)
            content = bytearray(size)
            if file.readinto(content) != size:
                _refuse(path.name, "it ends inside a tensor")
            return tensors, content
    except OSError as error:
        if isinstance(error, PackageError):
            raise
        raise PackageFileMissingError(f"cannot read {path}: {error.strerror or error}") from error


def _header_length(head: bytes, name: str) -> int:
    length = int.from_bytes(head, "little")
    if len(head) < _LENGTH_BYTES or not 2 <= length <= MAX_DOCUMENT_BYTES:
        kind = "; it looks like an archive or a pickle of PyTorch" if head[:2] in (b"PK", b"\x80\x02") else ""
        _refuse(name, f"its header cannot be {length} bytes long{kind}")
    return length


def read_header(header: bytes, name: str) -> list[StoredTensor]:
    """The tensors that a header describes, in the order of their bytes, which follow each other.

    Args:
        header: The JSON text.
        name: The file's name, for errors.

    Raises:
        PackageError: If it is no such header, or its tensors overlap or leave gaps.
    """
    if not header.startswith(b"{"):
        _refuse(name, "its header is no JSON object")
    described = as_object(parse_json(header, name), name).mapping
    found = [_tensor(key, value, name) for key, value in described.items() if key != "__metadata__"]
    found.sort(key=lambda tensor: (tensor.start, tensor.end))
    end = 0
    for tensor in found:
        if tensor.start != end:
            _refuse(name, f"the bytes of {tensor.name[:120]!r} overlap with others or leave a gap")
        end = tensor.end
    return found


def _tensor(key: str, value: Any, name: str) -> StoredTensor:
    where = f"{name}: {key[:120]}"
    fields = as_object(value, where)
    dtype, width = DTYPES[fields.text("dtype", choices=DTYPES)]
    shape = tuple(fields.items("shape", _size))
    start, end = fields.items("data_offsets", _size, length=2)
    if len(shape) > _MOST_AXES or end - start != math.prod(shape) * width:
        raise MalformedDocumentError(f"{where}: {end - start} bytes are not what {dtype} of {list(shape)} takes")
    return StoredTensor(key, dtype, shape, start, end)


def _size(value: Any, where: str, **_: Any) -> int:
    return as_integer(value, where, minimum=0)


def _check_end(tensors: list[StoredTensor], size: int, name: str) -> None:
    end = tensors[-1].end if tensors else 0
    if end != size:
        _refuse(name, f"its tensors take {end} bytes, and {size} are there")


def _refuse(name: str, what: str) -> NoReturn:
    raise PackageError(f"{name} is no safetensors file, or damaged: {what}", hint="fetch or save the file again")

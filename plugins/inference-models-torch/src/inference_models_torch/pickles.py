"""Follows the pickles of a PyTorch archive without making a single object of them.

A pickle is a program for a machine with a stack. PyTorch writes a small part of its language, and its readers call
only a handful of functions; whatever goes beyond that is refused here, before any of them sees it. On the way the
storages are noted: what each tensor claims to be large is compared with the bytes that are there.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from inference_models_core.errors import PackageError, UnsafeModelFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEM_SIZES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "QInt8Storage": 1,
    "QUInt8Storage": 1,
    "QInt32Storage": 4,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
}
"""Kinds of storage -> bytes of one element."""

_FUNCTIONS = frozenset(
    (
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_qtensor",
        "torch device",
        "torch Size",
        "torch per_tensor_affine",
        "torch per_channel_affine",
        "torch.jit._pickle build_boollist",
        "torch.jit._pickle build_doublelist",
        "torch.jit._pickle build_intlist",
        "torch.jit._pickle build_tensorlist",
        "torch.jit._pickle restore_type_tag",
        "builtins complex",
        *(f"torch {name}" for name in ITEM_SIZES),
    )
)
_CLASS = re.compile(r"__torch__(?:\.[^\s.()]+)* [^\s.()]+")
_MOST_OPERATIONS = 20_000_000

_MARK: Any = object()
_OPAQUE: Any = object()
_CONSTANTS = frozenset(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"))
_OPAQUES = frozenset(("NONE", "NEWTRUE", "NEWFALSE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT"))
_STORES = frozenset(("BINPUT", "LONG_BINPUT"))
_LOADS = frozenset(("BINGET", "LONG_BINGET"))
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_TAKES = {"REDUCE": 2, "NEWOBJ": 2, "BUILD": 2, "APPEND": 2, "SETITEM": 3}
"""Operations that leave one value in the place of these many: what is called or changed, and with what."""
_TAKES_TO_MARK = frozenset(("APPENDS", "SETITEMS"))


class Storage(NamedTuple):
    """The numbers of one or more tensors, as a pickle describes them.

    Attributes:
        kind: Such as ``"FloatStorage"``.
        key: Name of its entry, in the folder that belongs to the pickle.
        length: How many numbers.
    """

    kind: str
    key: str
    length: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.length * ITEM_SIZES[self.kind]


def read_pickle(content: bytes, where: str, *, classes: bool) -> list[Storage]:
    """Follows one pickle.

    Args:
        content: The pickle.
        where: What it is, for errors.
        classes: Whether it may name classes that the archive's own code describes.

    Returns:
        The storages that it refers to, each as often as it does.

    Raises:
        PackageError: If it is damaged.
        UnsafeModelFileError: If it uses an operation, or names a function, that PyTorch does not write.
    """
    machine = _Machine(where, classes=classes)
    try:
        for count, (operation, argument) in enumerate(_operations(content, where)):
            if count > _MOST_OPERATIONS:
                _refuse(where, f"more than {_MOST_OPERATIONS} operations")
            machine.step(operation, argument)
    except UnsafeModelFileError:
        raise
    except (ValueError, LookupError, struct.error) as error:
        raise PackageError(f"{where} is damaged: {error}", hint="export or fetch the model again") from error
    return machine.storages


def _operations(content: bytes, where: str) -> Iterator[tuple[str, Any]]:
    """Each operation with its argument; of those alone that PyTorch writes, nothing else is even read."""
    position = 0
    while position < len(content):
        known = _OPERATIONS.get(content[position])
        if known is None:
            _refuse(where, f"the operation {content[position : position + 1]!r}, which PyTorch does not write")
        operation, read = known
        argument, position = read(content, position + 1) if read else (None, position + 1)
        yield operation, argument
        if operation == "STOP":
            if position != len(content):
                _refuse(where, "something behind its end")
            return
    raise ValueError("it ends before its end")


def _fixed(layout: str) -> Callable[[bytes, int], tuple[Any, int]]:
    """Reads a number."""
    packed = struct.Struct(f"<{layout}" if layout != "d" else ">d")
    return lambda content, at: (packed.unpack_from(content, at)[0], at + packed.size)


def _read_text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    if length > len(content) - at - 4:
        raise ValueError("a text is longer than what is there")
    return content[at + 4 : at + 4 + length].decode("utf-8", "surrogatepass"), at + 4 + length


def _read_long(content: bytes, at: int) -> tuple[int, int]:
    end = at + 1 + content[at]
    return int.from_bytes(content[at + 1 : end], "little", signed=True), end


def _read_name(content: bytes, at: int) -> tuple[str, int]:
    """Module and name, a line each."""
    middle = content.index(b"\n", at)
    end = content.index(b"\n", middle + 1)
    return f"{content[at:middle].decode('ascii')} {content[middle + 1 : end].decode('ascii')}", end + 1


_OPERATIONS: dict[int, tuple[str, Callable[[bytes, int], tuple[Any, int]] | None]] = {
    0x80: ("PROTO", _fixed("B")),
    ord("c"): ("GLOBAL", _read_name),
    ord("X"): ("BINUNICODE", _read_text),
    ord("J"): ("BININT", _fixed("i")),
    ord("K"): ("BININT1", _fixed("B")),
    ord("M"): ("BININT2", _fixed("H")),
    0x8A: ("LONG1", _read_long),
    ord("G"): ("BINFLOAT", _fixed("d")),
    ord("q"): ("BINPUT", _fixed("B")),
    ord("r"): ("LONG_BINPUT", _fixed("I")),
    ord("h"): ("BINGET", _fixed("B")),
    ord("j"): ("LONG_BINGET", _fixed("I")),
    ord("N"): ("NONE", None),
    0x88: ("NEWTRUE", None),
    0x89: ("NEWFALSE", None),
    ord(")"): ("EMPTY_TUPLE", None),
    ord("]"): ("EMPTY_LIST", None),
    ord("}"): ("EMPTY_DICT", None),
    ord("("): ("MARK", None),
    ord("t"): ("TUPLE", None),
    0x85: ("TUPLE1", None),
    0x86: ("TUPLE2", None),
    0x87: ("TUPLE3", None),
    ord("a"): ("APPEND", None),
    ord("e"): ("APPENDS", None),
    ord("s"): ("SETITEM", None),
    ord("u"): ("SETITEMS", None),
    ord("b"): ("BUILD", None),
    ord("R"): ("REDUCE", None),
    0x81: ("NEWOBJ", None),
    ord("Q"): ("BINPERSID", None),
    ord("."): ("STOP", None),
}
"""Operations that PyTorch writes, by their byte (``pickletools`` describes them)."""


class _Machine:
    """The stack and the memo, on which only texts, numbers, names and tuples of these keep their values."""

    def __init__(self, where: str, *, classes: bool) -> None:
        self._where = where
        self._classes = classes
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self.storages: list[Storage] = []

    def step(self, operation: str, argument: Any) -> None:
        """One operation; an ``IndexError`` or ``KeyError`` where it takes what is not there."""
        stack = self._stack
        if operation in _CONSTANTS:
            stack.append(argument)
        elif operation in _STORES:
            self._memo[argument] = stack[-1]
        elif operation in _LOADS:
            stack.append(self._memo[argument])
        elif operation in _OPAQUES:
            stack.append(_OPAQUE)
        elif operation == "MARK":
            stack.append(_MARK)
        elif operation == "TUPLE":
            stack.append(tuple(self._to_mark()))
        elif operation in _TUPLES:
            stack.append(tuple(self._take(_TUPLES[operation])))
        else:
            self._rare(operation, argument)

    def _rare(self, operation: str, argument: Any) -> None:
        stack = self._stack
        if operation in _TAKES:
            self._take(_TAKES[operation])
            stack.append(_OPAQUE)
        elif operation in _TAKES_TO_MARK:
            self._to_mark()
            self._take(1)
            stack.append(_OPAQUE)
        elif operation == "GLOBAL":
            stack.append(self._named(argument))
        elif operation == "BINPERSID":
            self.storages.append(self._storage(*self._take(1)))
            stack.append(_OPAQUE)
        elif operation == "STOP":
            self._take(1)
            if stack:
                _refuse(self._where, "something left over in the end")

    def _take(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError("it takes what it never put there")
        taken = self._stack[-count:]
        if any(value is _MARK for value in taken):
            raise IndexError("it takes a mark for a value")
        del self._stack[-count:]
        return taken

    def _to_mark(self) -> list[Any]:
        stack = self._stack
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is _MARK:
                taken = stack[at + 1 :]
                del stack[at:]
                return taken
        raise IndexError("it takes what it never put there")

    def _named(self, name: str) -> str:
        if name not in _FUNCTIONS and not (self._classes and _CLASS.fullmatch(name)):
            _refuse(self._where, f"the name {name[:120]!r}, which PyTorch does not write")
        return name

    def _storage(self, reference: Any) -> Storage:
        """``("storage", kind, key, device, count)``, and in files of older releases something more."""
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            _refuse(self._where, "a reference to something that is no storage")
        kind, key, length = reference[1], reference[2], reference[4]
        # Nothing here may be looked into before its type is known: a tuple can stand for exponentially many.
        if not isinstance(kind, str) or not isinstance(key, str) or not isinstance(length, int) or length < 0:
            _refuse(self._where, "a storage that is described wrongly")
        if (plain := kind.removeprefix("torch ")) not in ITEM_SIZES:
            _refuse(self._where, f"a storage of the kind {plain[:60]!r}")
        return Storage(plain, key, length)


def _refuse(where: str, what: str) -> NoReturn:
    raise UnsafeModelFileError(f"{where} is refused: it has {what}", hint="export or fetch the model again")

"""What a pickle of an archive may do."""

from __future__ import annotations

import collections
import os
import pickle
import random
import struct

import pytest
from inference_models_core.errors import PackageError, UnsafeModelFileError
from inference_models_torch.pickles import Storage, read_pickle
from inference_models_torch.torchscript_file import read_torchscript_file


def read(content):
    return read_pickle(content, "data.pkl", classes=True)


def test_storages_are_noted(archives):
    tensors = archives.tensor(), archives.tensor(kind="HalfStorage", key="1", count=5)
    found = read(archives.module(*tensors))
    assert found == [Storage("FloatStorage", "0", 3), Storage("HalfStorage", "1", 5)]
    assert [storage.size for storage in found] == [12, 10]


def test_a_storage_whose_parts_are_remembered():
    """As PyTorch writes the second of two tensors: names and texts come from the memo."""
    remember = (
        b"\x80\x02(X\x07\0\0\0storageq\x00ctorch\nFloatStorage\nq\x01X\x01\0\0\x000q\x02X\x03\0\0\0cpuq\x03K\x03tQ0."
    )
    with pytest.raises(UnsafeModelFileError, match="b'0'"):
        read(remember)
    again = remember.replace(b"tQ0.", b"tQ(h\x00h\x01X\x01\0\0\x001h\x03K\x02tQ\x86.")
    assert read(again) == [Storage("FloatStorage", "0", 3), Storage("FloatStorage", "1", 2)]


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("protocol", range(6))
def test_calls_of_anything_else(protocol):
    with pytest.raises(UnsafeModelFileError):
        read(pickle.dumps(Evil(), protocol))


@pytest.mark.parametrize(
    "named",
    ["os system", "builtins eval", "builtins exec", "builtins getattr", "posix system", "torch load", "torch.hub load",
     "torch.serialization load", "torch jit", "collections namedtuple", "__torch__.os evil()", "__torch__x M",
     "numpy a", "torch.distributed.rpc rref", "__builtin__ eval",
     "torch._utils _rebuild_device_tensor_from_numpy"],
)  # fmt: skip
def test_names(archives, named):
    with pytest.raises(UnsafeModelFileError, match="does not write"):
        read(b"\x80\x02" + archives.name(named) + b")R.")


def test_classes_only_where_there_is_code(archives):
    with pytest.raises(UnsafeModelFileError):
        read_pickle(archives.module(), "data.pkl", classes=False)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02I1\n.",  # texts of numbers
        b"\x80\x02N2.",  # DUP
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02(i",
        b"\x80\x02ios\nsystem\n.",  # INST
        b"\x80\x02(os\nsystem\n.",  # OBJ
        b"\x80\x02\x82\x01.",  # an extension of copyreg
        b"\x80\x02Pabc\n.",  # a reference in text
        b"\x80\x05\x97.",  # a buffer from outside
    ],
)
def test_operations_that_pytorch_does_not_write(content):
    with pytest.raises((UnsafeModelFileError, PackageError)):
        read(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x02", b"\x80\x02.", b"\x80\x02R.", b"\x80\x02t.", b"\x80\x02h\x05.", b"\x80\x02u.", b"\x80\x02(\x85.",
     b"\x80\x02q\x00.", b"\x80\x02X\xff\xff\xff\xffab.", b"\x80\x02}(K\x01", b"\x80\x02K\x01b.", b"(((((.",
     b"nonsense"],
)  # fmt: skip
def test_damaged(content):
    with pytest.raises(PackageError):
        read(content)


def test_something_behind_the_end_or_left_over():
    for content in (b"\x80\x02N.x", b"\x80\x02NN."):
        with pytest.raises(UnsafeModelFileError):
            read(content)


@pytest.mark.parametrize(
    "reference",
    [
        {"kind": "EvilStorage"},
        {"count": -1},
    ],
)
def test_a_storage_that_cannot_be(archives, reference):
    with pytest.raises(UnsafeModelFileError):
        read(b"\x80\x02" + archives.storage(**reference) + b".")


@pytest.mark.parametrize(
    "content", [b"\x80\x02K\x01Q.", b"\x80\x02)Q.", b"\x80\x02X\x01\0\0\0aQ.", b"\x80\x02(K\x01tQ."]
)
def test_a_reference_to_something_else(content):
    with pytest.raises(UnsafeModelFileError, match="no storage"):
        read(content)


def test_a_tuple_that_stands_for_very_many_takes_no_time(archives):
    """Each is twice the one before; written out it would be 2 ** 400 long."""
    doubled = b"".join(b"q\x01h\x01\x86" for _ in range(400))
    as_kind = (
        b"\x80\x02("
        + archives.text("storage")
        + b"N"
        + doubled
        + archives.text("0")
        + archives.text("cpu")
        + b"K\x03tQ."
    )
    with pytest.raises(UnsafeModelFileError):
        read(as_kind)
    assert read(b"\x80\x02N" + doubled + b".") == []


@pytest.mark.parametrize(("count", "fits"), [(3, True), (2, True), (4, False), (2**31 - 1, False)])
def test_a_tensor_larger_than_its_bytes(archives, save, count, fits):
    path = save(archives.build(archives.parts({"data.pkl": archives.module(archives.tensor(count=count))})))
    if fits:
        assert read_torchscript_file(path).weights == {"float32": count}
        return
    with pytest.raises(UnsafeModelFileError, match="lies in the 12"):
        read_torchscript_file(path)


@pytest.mark.parametrize("key", ["1", "../data/0", "", "0/0"])
def test_a_tensor_of_an_entry_that_is_not_there(archives, save, key):
    path = save(archives.build(archives.parts({"data.pkl": archives.module(archives.tensor(key=key))})))
    with pytest.raises(PackageError, match="lacks"):
        read_torchscript_file(path)


def test_a_pickle_beside_is_looked_at_too(archives, save):
    path = save(archives.build(archives.parts({"code/__torch__.py.debug_pkl": pickle.dumps(Evil(), 2)})))
    with pytest.raises(UnsafeModelFileError):
        read_torchscript_file(path)
    assert read_torchscript_file(path, describe_only=True)


def test_mutations_are_typed_errors(archives):
    content = archives.module(archives.tensor(), archives.tensor(kind="LongStorage", key="1"))
    chance = random.Random(7)
    outcomes = collections.Counter()
    for _ in range(2000):
        data = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            outcomes[type(read(bytes(data)))] += 1
        except PackageError as error:
            outcomes[type(error)] += 1
    assert outcomes[PackageError] > 100
    assert outcomes[UnsafeModelFileError] > 100


def test_long_numbers():
    assert read(b"\x80\x02\x8a\x08" + struct.pack("<q", 2**62) + b".") == []

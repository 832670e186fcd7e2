"""What may be in an archive: 30 that are refused, one reason each, and damage of every kind."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib

import pytest
from inference_models_core.errors import PackageError, PackageFileMissingError, UnsafeModelFileError
from inference_models_torch.archive import LEAST_UNPACKED, read_archive
from inference_models_torch.torchscript_file import read_torchscript_file

MEGABYTE = 1024 * 1024


def test_an_archive_as_pytorch_writes_it(archives):
    archive = read_archive(archives.build(), "weights.torchscript")
    archive.check_contents()
    assert archive.read("version") == b"3\n"
    assert archive.entries["data/0"].size == 12


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_may_be_packed(archives, method):
    archive = read_archive(archives.build(method=method), "x")
    archive.check_contents()
    assert archive.read("code/__torch__.py") == archives.code


def test_wide_numbers(archives):
    """Zip64, which PyTorch always writes the end of an archive in."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in archives.parts().items():
            with made.open(zipfile.ZipInfo(f"w/{name}"), "w", force_zip64=True) as file:
                file.write(content)
    data = buffer.getvalue()
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2LH", data[-22:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    archive = read_archive(data[:-22] + record + locator + end, "x")
    archive.check_contents()
    assert archive.entries["data/0"].size == 12
    moved = struct.pack("<4sLQL", b"PK\x06\x07", 0, offset, 1)
    with pytest.raises(UnsafeModelFileError):
        read_archive(data[:-22] + record + moved + end, "x")


@pytest.mark.parametrize(
    "entry",
    ["/data/1", "../data/1", "data/../../x", "code/../../x.py", "code//x.py", "code/./x.py", "evil.so", "data.pkl.exe",
     "sub/data.pkl", "code/x.pyc", "extra/../x", "extra/a/b", "extra/.hidden", "data/x", "C:\\data", "data/1\n"],
)  # fmt: skip
def test_names_that_pytorch_does_not_write(archives, entry):
    with pytest.raises(UnsafeModelFileError, match="does not write"):
        read_archive(archives.build(archives.parts({entry: b"x"})), "x")


def test_an_entry_outside_of_the_folder(archives):
    content = archives.build({f"w/{name}": content for name, content in archives.parts().items()}, folder="")
    assert read_archive(content, "x")
    outside = {**{f"w/{name}": content for name, content in archives.parts().items()}, "v/data/1": b""}
    with pytest.raises(UnsafeModelFileError):
        read_archive(archives.build(outside, folder=""), "x")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("other", ["data.pkl", "DATA.pkl"])
def test_one_name_twice(archives, other):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in (*archives.parts(), "code/a.py", "code/A.py" if other == "DATA.pkl" else "code/a.py"):
            made.writestr(f"w/{name}", b"")
    with pytest.raises(UnsafeModelFileError, match="two entries"):
        read_archive(buffer.getvalue(), "x")


def test_an_archive_inside(archives):
    with pytest.raises(UnsafeModelFileError, match="another archive inside"):
        read_archive(archives.build(archives.parts({"extra/more": archives.build()})), "x")


def test_more_than_it_should_unpack_to(archives, save):
    bomb = archives.build(archives.parts({"data/1": bytes(LEAST_UNPACKED)}), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < MEGABYTE
    with pytest.raises(UnsafeModelFileError, match="would unpack to"):
        read_torchscript_file(save(bomb))
    assert read_torchscript_file(save(bomb), max_unpacked_bytes=2 * LEAST_UNPACKED)


def test_a_document_that_is_too_large(archives, save):
    content = archives.build(archives.parts({"code/__torch__.py": bytes(33 * MEGABYTE)}))
    with pytest.raises(UnsafeModelFileError, match="has at most"):
        read_torchscript_file(save(content))


def lying(content, entry, sizes=None, checksum=None, *, where="both"):
    """An archive whose descriptions of an entry say something else."""
    data = bytearray(content)
    raw = f"weights/{entry}".encode()
    for magic, at, length in ((b"PK\x03\x04", 14, 30), (b"PK\x01\x02", 16, 46)):
        if where != "both" and (where == "header") != (magic == b"PK\x03\x04"):
            continue
        start = next(i for i in range(len(data)) if data[i : i + 4] == magic and data[i + length :].startswith(raw))
        old = struct.unpack_from("<3L", data, start + at)
        struct.pack_into("<3L", data, start + at, *(checksum if checksum is not None else old[0],), *(sizes or old[1:]))
    return bytes(data)


@pytest.mark.parametrize("where", ["header", "directory"])
@pytest.mark.parametrize("lie", [{"sizes": (12, 13)}, {"sizes": (8, 8)}, {"checksum": 7}])
def test_two_descriptions_that_differ(archives, where, lie):
    with pytest.raises(UnsafeModelFileError):
        read_archive(lying(archives.build(), "data/0", **lie, where=where), "x")


def test_a_checksum_that_is_wrong(archives, save):
    with pytest.raises(PackageError, match=r"damaged: 'data/0'"):
        read_torchscript_file(save(lying(archives.build(), "data/0", checksum=7)))


def test_a_packed_entry_that_goes_on(archives):
    """The promise is a hundred bytes; what would come out is a million."""
    packed = zlib.compress(bytes(MEGABYTE))[2:-4]
    content = archives.build(archives.parts({"extra/config.txt": bytes(100)}), method=zipfile.ZIP_DEFLATED)
    entry = read_archive(content, "x").entries["extra/config.txt"]
    data = content[: entry.start] + packed + content[entry.start + entry.packed :]
    shift = len(packed) - entry.packed
    data = lying(data, "extra/config.txt", (len(packed), 100))
    end = bytearray(data)
    struct.pack_into("<L", end, len(end) - 6, struct.unpack_from("<L", end, len(end) - 6)[0] + shift)
    archive_entries = bytes(end)
    with pytest.raises(PackageError):
        read_archive(archive_entries, "x").check_contents()


def test_two_entries_that_share_bytes(archives):
    content = archives.build(archives.parts({"data/1": struct.pack("<3f", 1, 2, 3)}))
    start = read_archive(content, "x").entries["data/0"].start - 30 - len("weights/data/0")
    data = bytearray(content.replace(b"weights/data/1", b"weights/data/0"))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"weights/data/0"))
    struct.pack_into("<L", data, at + 42, start)
    with pytest.raises(UnsafeModelFileError, match="another entry"):
        read_archive(bytes(data), "x")


@pytest.mark.parametrize("flag", [1, 0x40, 0x2000])
def test_encrypted(archives, flag):
    data = bytearray(archives.build())
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<H", data, at + 8, flag)
    with pytest.raises(UnsafeModelFileError, match="encrypted"):
        read_archive(bytes(data), "x")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_in_another_way(archives, method):
    with pytest.raises(UnsafeModelFileError, match="unknown way"):
        read_archive(archives.build(method=method), "x")


def test_something_before_or_behind_it(archives):
    for content in (
        b"PK\x03\x04" + archives.build(),
        archives.build() + b"x",
        archives.build()[:-2] + b"\x05\x00hello",
    ):
        with pytest.raises(PackageError):
            read_archive(content, "x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "does not end"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"\x08\x07onnx", "ONNX"),
        (b"junk", "not an archive"),
    ],
)
def test_other_files(save, content, says):
    with pytest.raises(PackageError, match=says):
        read_torchscript_file(save(content))


def test_no_file(tmp_path):
    with pytest.raises(PackageFileMissingError):
        read_torchscript_file(tmp_path / "weights.torchscript")
    with pytest.raises(PackageError):
        read_torchscript_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackageError, match="not a file"):
        read_torchscript_file(tmp_path / "pipe")


def test_weights_without_a_program(archives, save):
    with pytest.raises(PackageError, match="no program"):
        read_torchscript_file(save(archives.build(archives.parts({"code/__torch__.py": None}))))


def test_every_damage_is_a_typed_error(archives, save):
    """A byte changed, a piece cut out, a piece doubled: refused, or nothing that matters."""
    content = archives.with_config(archives.export)
    chance = random.Random(4)
    for _ in range(400):
        data = bytearray(content)
        at, length = chance.randrange(len(data)), chance.randrange(1, 40)
        kind = chance.randrange(3)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + length]
        else:
            data[at:at] = data[at : at + length]
        try:
            found = read_torchscript_file(save(bytes(data)))
        except PackageError:
            continue
        assert found.weights == {"float32": 3}

"""The archive: equal bytes for equal content, any tar program reads it, and nothing else is accepted."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile

import attrs
import pytest
from bundle_kit import (
    FILES,
    content_of,
    digest,
    document,
    entries_of,
    entry,
    first_entries,
    good_parts,
    index_of,
    locked,
    tar_of,
    write_good,
)
from inference_models_core.bundles.archive import open_archive, write_archive
from inference_models_core.bundles.importing import verify_bundle
from inference_models_core.bundles.index import index_text
from inference_models_core.errors import BundleError, DiskFullError, IntegrityError, InvalidRequestError
from inference_models_core.resolution.lockfile import Lockfile, lockfile_text


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "models.bundle"
    write_good(path, tmp_path / "files")
    return path


def verified(path):
    return verify_bundle(path, lambda *_: None)


def test_what_is_written_is_read(bundle):
    assert verified(bundle) == Lockfile(packages=[locked(FILES)])
    with open_archive(bundle) as archive:
        read = {content.sha256: b"".join(archive.chunks(content)) for content in archive.index.files}
    assert read == {digest(data): data for data in FILES.values()}


def test_any_tar_program_reads_it(bundle):
    with tarfile.open(bundle) as archive:
        assert archive.getnames() == [
            "bundle.json",
            "SHA256SUMS",
            "models.lock",
            *(f"blobs/{d}" for d in sorted(map(digest, FILES.values()))),
        ]
        assert {entry.mode for entry in archive} == {0o644}
        assert archive.extractfile("models.lock").read() == good_parts()[1]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the program sha256sum")
def test_it_can_be_checked_without_us(bundle, tmp_path):
    with tarfile.open(bundle) as archive:
        for each in archive:
            (tmp_path / each.name).parent.mkdir(exist_ok=True)
            (tmp_path / each.name).write_bytes(archive.extractfile(each).read())
    run = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count(": OK") == len(FILES) + 2


def test_it_is_what_the_standard_library_writes(bundle):
    assert bundle.read_bytes() == tar_of(entries_of(*good_parts()))


def test_equal_content_gives_equal_bytes(bundle, tmp_path):
    for path in (tmp_path / "files").iterdir():
        path.chmod(0o600)
        os.utime(path, (1, 1))
    write_good(tmp_path / "again.bundle", tmp_path / "files")
    assert (tmp_path / "again.bundle").read_bytes() == bundle.read_bytes()


def test_sizes_beyond_what_plain_tar_headers_hold():
    from inference_models_core.bundles.archive import _header

    header = _header("blobs/" + "a" * 64, 9 * 2**30)
    assert len(header) == 512
    assert tarfile.TarInfo.frombuf(header, "ascii", "strict").size == 9 * 2**30


def test_content_that_changed_meanwhile_is_not_packed(tmp_path):
    index, lock = good_parts()
    (tmp_path / "x").write_bytes(b"x" * 3000)
    with pytest.raises(IntegrityError, match="changed since"):
        write_archive(tmp_path / "models.bundle", index, lock, lambda _: tmp_path / "x", lambda *_: None)
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_failed_write_leaves_the_old_bundle(bundle, tmp_path):
    before = bundle.read_bytes()
    index, lock = good_parts()
    with pytest.raises(FileNotFoundError):
        write_archive(bundle, index, lock, lambda _: tmp_path / "nowhere", lambda *_: None)
    assert bundle.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["files", "models.bundle"]


def test_no_room(tmp_path):
    index, lock = good_parts()
    index = attrs.evolve(index, files=[*index.files, attrs.evolve(content_of(b""), sha256="f" * 64, size=2**60)])
    with pytest.raises(DiskFullError, match="are free") as caught:
        write_archive(tmp_path / "models.bundle", index, lock, lambda _: tmp_path, lambda *_: None)
    assert caught.value.needed > 2**60 > caught.value.available
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    index, lock = good_parts()
    with pytest.raises(InvalidRequestError, match="cannot write"):
        write_archive(tmp_path / "nowhere" / "models.bundle", index, lock, lambda _: tmp_path, lambda *_: None)


# Crafted archives

INDEX, LOCK = good_parts()
GOOD = entries_of(INDEX, LOCK)
HEAD, BLOBS = GOOD[:3], GOOD[3:]
TEXT = HEAD[0][1]


def with_index(index, lock=LOCK, files=FILES):
    """An archive with another index, and everything that fits it."""
    return tar_of(entries_of(index, lock, files))


def with_text(text):
    """An archive with an index of any bytes, and the digests that fit it."""
    return tar_of([*first_entries(text, INDEX, LOCK), *BLOBS])


def with_blob(*arguments, **fields):
    """An archive whose first file is another entry."""
    return tar_of([*HEAD, entry(*arguments, **fields), *BLOBS[1:]])


def relocked(*packages):
    return lockfile_text(Lockfile(packages=packages)).encode()


def agreeing(lock, documents, files=FILES):
    """An archive that is in order, with statements that need not agree."""
    return with_index(index_of(lock, documents, set(files.values())), lock, files)


def patched(position, data):
    content = bytearray(tar_of(GOOD))
    content[position : position + len(data)] = data
    return bytes(content)


def sum_of(header):
    """A header with the right checksum."""
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    return header[:148] + f"{total:06o}\0 ".encode() + header[156:]


def resized(size_field):
    """The first header with another size field."""
    header = tar_of(GOOD)[:512]
    return sum_of(header[:124] + size_field + header[136:]) + tar_of(GOOD)[512:]


NAME, DATA = BLOBS[0][0].name, BLOBS[0][1]
BIG = attrs.evolve(INDEX.files[-1], size=2**50)
CASES = {
    "empty file": b"",
    "not a tar file": b"PK\x03\x04" + bytes(2000),
    "only zeros": bytes(10240),
    "no index": tar_of(GOOD[1:]),
    "index under another name": tar_of([entry("index.json", TEXT), *GOOD[1:]]),
    "index is a link": tar_of([entry("bundle.json", type=tarfile.SYMTYPE, linkname="/etc/passwd"), *GOOD[1:]]),
    "lock file is a hard link": tar_of(
        [*GOOD[:2], entry("models.lock", type=tarfile.LNKTYPE, linkname="bundle.json"), *BLOBS]
    ),
    "digests of something else": tar_of([GOOD[0], entry("SHA256SUMS", HEAD[1][1].replace(b"a", b"b")), *GOOD[2:]]),
    "no digests": tar_of([GOOD[0], *GOOD[2:]]),
    "blob is a symbolic link": with_blob(NAME, type=tarfile.SYMTYPE, linkname="../../x"),
    "blob is a device": with_blob(NAME, type=tarfile.CHRTYPE, devmajor=1),
    "blob is a FIFO": with_blob(NAME, type=tarfile.FIFOTYPE),
    "blob is a folder": with_blob(NAME, type=tarfile.DIRTYPE),
    "blob is sparse": with_blob(NAME, DATA, type=tarfile.GNUTYPE_SPARSE),
    "blob with an absolute name": with_blob("/etc/cron.d/x", DATA),
    "blob with a name that leads up": with_blob(f"../{NAME}", DATA),
    "blob under a digest in upper case": with_blob(NAME.upper(), DATA),
    "blob with a name that is too long": with_blob("blobs/" + "a" * 200, DATA),
    "blob that anybody may run": with_blob(NAME, DATA, mode=0o755),
    "blob that is set-uid": with_blob(NAME, DATA, mode=0o4644),
    "blob of a user": with_blob(NAME, DATA, uname="root"),
    "blob with a time": with_blob(NAME, DATA, mtime=1_700_000_000),
    "blob with extended headers": tar_of(
        [*HEAD, entry(NAME, DATA, pax_headers={"path": "/etc/x"}), *BLOBS[1:]], tarfile.PAX_FORMAT
    ),
    "duplicate entry": tar_of([*GOOD, GOOD[-1]]),
    "duplicate entry in the middle": tar_of([*GOOD[:4], GOOD[3], *GOOD[4:]]),
    "missing entry": tar_of(GOOD[:-1]),
    "extra entry at the end": tar_of([*GOOD, entry("setup.py", b"import os")]),
    "extra entry in front": tar_of([entry("a.txt", b"a"), *GOOD]),
    "other order": tar_of([*HEAD, *reversed(BLOBS)]),
    "cut in the middle": tar_of(GOOD)[:-1500],
    "cut before its end": tar_of(GOOD)[:-1],
    "cut in the index": tar_of(GOOD)[:700],
    "something behind the end": tar_of(GOOD) + bytes(512),
    "something in the end": patched(len(tar_of(GOOD)) - 5, b"x"),
    "something in the padding": patched(512 + len(TEXT), b"x"),
    "wrong checksum": patched(148, b"0000000\0"),
    "gzip": __import__("gzip").compress(tar_of(GOOD)),
    "index of 2^33 bytes": resized(b"77777777777\0"),
    "index of a size in base 256": resized(b"\x80" + bytes(3) + b"\x7f" * 8),
    "index of a negative size": resized(b"-0000000001\0"),
    "index whose size is no number": resized(b"12 34 zz 00\0"),
    "index that is no JSON": with_text(b"{"),
    "index nested too deep": with_text(b"[" * 100_000),
    "index written otherwise": with_text(TEXT + b" "),
    "index with other white space": tar_of([entry("bundle.json", TEXT.replace(b'": ', b'":\t')), *GOOD[1:]]),
    "index with a key twice": with_text(TEXT.replace(b"{", b'{"format": 1,', 1)),
    "index with more keys": with_text(TEXT.replace(b"{", b'{"script": "x",', 1)),
    "size that is not true": with_index(attrs.evolve(INDEX, files=[*INDEX.files[:-1], BIG])),
    "file that is listed twice": with_index(attrs.evolve(INDEX, files=[*INDEX.files, INDEX.files[-1]])),
    "files that are not sorted": with_index(attrs.evolve(INDEX, files=INDEX.files[::-1])),
    "lock file that is another": with_index(INDEX, LOCK.replace(b"onnx", b"trtx")),
    "lock file that is no lock file": with_index(attrs.evolve(INDEX, lock=content_of(b"{}")), b"{}"),
    "lock file with a path that leads out": agreeing(LOCK.replace(b"labels.txt", b"../../x.py"), [document(FILES)]),
    "document with a path that leads out": agreeing(
        LOCK, [document({("../x.py" if n == "labels.txt" else n): d for n, d in FILES.items()})]
    ),
    "file that no package has": agreeing(LOCK, [document(FILES)], {**FILES, "more.bin": b"more"}),
    "file that is not there": agreeing(
        LOCK, [document(FILES)], {name: data for name, data in FILES.items() if name != "labels.txt"}
    ),
    "package that is not locked": agreeing(LOCK, [document(FILES), document(FILES, model_id="acme/nuts")]),
    "package that is not described": agreeing(relocked(locked(FILES), locked(FILES, "fp16")), [document(FILES)]),
    "package that is described twice": agreeing(LOCK, [document(FILES), document(FILES)]),
    "package with other files": agreeing(LOCK, [document({**FILES, "labels.txt": FILES["weights.onnx"]})]),
    "package with other names": agreeing(LOCK, [document({f"x{name}": data for name, data in FILES.items()})]),
    "model that is no document": agreeing(LOCK, [{"modelId": 7}]),
}


def test_the_good_archive_would_be_accepted(tmp_path):
    (tmp_path / "x.bundle").write_bytes(tar_of(GOOD))
    verified(tmp_path / "x.bundle")
    (tmp_path / "x.bundle").write_bytes(agreeing(LOCK, [document(FILES)]))
    verified(tmp_path / "x.bundle")
    (tmp_path / "x.bundle").write_bytes(resized(tar_of(GOOD)[124:136]))
    verified(tmp_path / "x.bundle")


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_place_in_a_bundle(tmp_path, case):
    """The structure alone refuses it: no file's content has to be read."""
    path = tmp_path / "x.bundle"
    path.write_bytes(CASES[case])
    with pytest.raises(BundleError) as caught, open_archive(path):
        pytest.fail("it was opened")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("damaged", [data for data in FILES.values() if data])
def test_damaged_content_is_found(tmp_path, damaged):
    path = tmp_path / "x.bundle"
    content = bytearray(tar_of(GOOD))
    place = content.index(damaged, len(tar_of(HEAD)) - 1024)
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="other content"):
        verified(path)


def test_every_byte_matters(tmp_path):
    """No byte of an archive can change without being noticed."""
    path = tmp_path / "x.bundle"
    small = {"a.bin": b"a"}
    index, lock = good_parts(small)
    content = tar_of(entries_of(index, lock, small))
    for place in range(0, len(content), 5):
        changed = bytearray(content)
        changed[place] ^= 0x20
        path.write_bytes(changed)
        with pytest.raises(BundleError):
            verified(path)


def test_a_large_index_is_not_read(tmp_path):
    path = tmp_path / "x.bundle"
    path.write_bytes(CASES["index of 2^33 bytes"])
    with pytest.raises(BundleError, match="does not begin with an index"):
        verified(path)


def test_a_newer_format_says_what_to_update(tmp_path):
    path = tmp_path / "x.bundle"
    newer = index_text(INDEX).replace('"format": 1', '"format": 2').encode()
    path.write_bytes(with_text(newer))
    with pytest.raises(BundleError, match="format 2") as caught:
        verified(path)
    assert caught.value.hint == "pip install --upgrade inference-models-core"


@pytest.mark.parametrize("name", ["nothing.bundle", "."])
def test_what_cannot_be_read(tmp_path, name):
    with pytest.raises(InvalidRequestError, match="cannot read"):
        verified(tmp_path / name)


def test_progress_is_told(tmp_path):
    path, told = tmp_path / "x.bundle", []
    path.write_bytes(tar_of(GOOD))
    verify_bundle(path, lambda done, total: told.append((done, total)))
    assert told[-1] == (sum(map(len, FILES.values())),) * 2

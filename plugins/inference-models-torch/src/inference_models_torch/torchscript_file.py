"""What a TorchScript archive says about itself, after everything in it was found to be what PyTorch writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.errors import PackageError, UnsafeModelFileError
from inference_models_core.parsing import as_object, parse_json
from inference_models_core.types.value import Value

from inference_models_torch.archive import with_archive
from inference_models_torch.pickles import read_pickle
from inference_models_torch.script_code import read_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inference_models_torch.archive import Archive
    from inference_models_torch.pickles import Storage

EXPORT_NOTES = "extra/config.txt"
"""Where Ultralytics writes what it knows about a model."""

_STRUCTURE = ("data.pkl", "constants.pkl")
_KINDS = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "CharStorage": "int8",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
}


@attrs.frozen(kw_only=True, repr=False)
class TorchScriptFile(Value):
    """What a TorchScript archive says about itself.

    Attributes:
        weights: Type of number in numpy's spelling -> how many are stored, whole numbers that are no weights left out.
        libraries: Other libraries whose operators the graph calls, such as ``"torchvision"``.
        metadata: What the exporter wrote about the model; empty where nothing.
    """

    weights: Mapping[str, int]
    libraries: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = attrs.field(factory=dict)


def read_torchscript_file(
    path: Path, *, max_unpacked_bytes: int | None = None, describe_only: bool = False
) -> TorchScriptFile:
    """Reads an archive and refuses it if it could do more than compute.

    Args:
        path: The file.
        max_unpacked_bytes: Most bytes that it may unpack to; ``None`` for the usual bound.
        describe_only: Whether the file is not going to be opened by the runtime now; leaves out what takes the most
            time, checksums and the pickles that belong to the text of the code.

    Returns:
        What it says.

    Raises:
        PackageFileMissingError: If it cannot be opened.
        PackageError: If it is truncated, damaged, or no TorchScript archive.
        UnsafeModelFileError: If it is refused.
    """
    found: list[TorchScriptFile] = []

    def use(archive: Archive) -> None:
        if not describe_only:
            archive.check_contents()
            _check_side_pickles(archive)
        found.append(_read(archive))

    with_archive(path, use, max_unpacked_bytes)
    return found[0]


def _read(archive: Archive) -> TorchScriptFile:
    if not any(name.startswith("code/") for name in archive.entries):
        raise PackageError(
            f"{archive.name} holds weights and no program: it is no TorchScript archive",
            hint="save the model with torch.jit.save, or name the file .pt and say what model it is of",
        )
    sources = {name: archive.read(name) for name in archive.entries if name.endswith(".py")}
    code = read_code(sources, archive.name)
    storages = [storage for name in _STRUCTURE if name in archive.entries for storage in read_storages(archive, name)]
    return TorchScriptFile(weights=_weights(storages), libraries=code.libraries, metadata=_metadata(archive))


def _check_side_pickles(archive: Archive) -> None:
    """Those that the runtime reads only now and then, such as the lines of code that an error shows."""
    for name in archive.entries:
        if name.endswith("pkl") and name not in _STRUCTURE:
            read_pickle(archive.read(name), f"{archive.name}: {name!r}", classes=True)


def read_storages(archive: Archive, name: str, *, classes: bool = True) -> Iterable[Storage]:
    """The storages of one pickle of an archive, once each, none of them larger than the bytes that are there.

    Args:
        archive: The archive.
        name: The pickle's entry; its storages lie in the folder of that name.
        classes: Whether it may name classes that the archive's own code describes.

    Raises:
        PackageError: If it is damaged.
        UnsafeModelFileError: If it uses what PyTorch does not write, or lies about sizes.
    """
    folder = name.removesuffix(".pkl")
    found = {
        storage.key: storage
        for storage in read_pickle(archive.read(name), f"{archive.name}: {name!r}", classes=classes)
        if _fits(archive, f"{folder}/{storage.key}", storage)
    }
    return found.values()


def _fits(archive: Archive, entry: str, storage: Storage) -> bool:
    there = archive.entries.get(entry)
    if there is None:
        raise PackageError(f"{archive.name} lacks {entry!r}", hint="export or fetch the model again")
    if storage.size > there.size:
        raise UnsafeModelFileError(
            f"{archive.name} is refused: a tensor of {storage.size} bytes lies in the {there.size} of {entry!r}",
            hint="export or fetch the model again",
        )
    return True


def _weights(storages: Iterable[Storage]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for storage in storages:
        kind = _KINDS.get(storage.kind)
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + storage.length
    return counts


def _metadata(archive: Archive) -> Mapping[str, Any]:
    if EXPORT_NOTES not in archive.entries:
        return {}
    where = f"{archive.name}: {EXPORT_NOTES}"
    return as_object(parse_json(archive.read(EXPORT_NOTES), where), where).mapping

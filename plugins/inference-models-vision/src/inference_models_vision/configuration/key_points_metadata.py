"""``keypoints_metadata.json``: which key points the objects of each class have, and which of them a skeleton joins.

The format is the one that Roboflow's platform writes: a list with one entry per class::

    [{"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]}]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
from inference_models_core import parsing
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from inference_models_core.predictions.key_points import Edge
    from inference_models_core.types.packages import ModelPackage

FILE_NAME = "keypoints_metadata.json"
_NUMBER = re.compile("[0-9]{1,9}")


@attrs.frozen(kw_only=True, repr=False)
class KeyPointsMetadata(Value):
    """The whole document, by class id of the model.

    Attributes:
        names: For each class the names of its key points, by slot.
        skeletons: For each class the pairs of its slots that are joined by a line.
    """

    names: tuple[tuple[str, ...], ...]
    skeletons: tuple[tuple[Edge, ...], ...]

    @property
    def slots(self) -> int:
        """Key points per object in the network's output: as many as the class with the most has."""
        return max(map(len, self.names), default=0)


class _Entry(NamedTuple):
    class_id: int
    names: tuple[str, ...]
    edges: tuple[Edge, ...]


def package_key_points(
    package_dir: Path, package: ModelPackage, *, class_names: Sequence[str], removed_classes: Collection[str] = ()
) -> KeyPointsMetadata | None:
    """Reads the key points of a package.

    Args:
        package_dir: Directory with the package's files.
        package: Its metadata.
        class_names: The network's vocabulary, by class id.
        removed_classes: Names of it that the model does not have.

    Returns:
        The key points, or ``None`` for a package that is described by its metadata alone.

    Raises:
        PackageFileMissingError: If the package should have the file and has not.
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    if package.preprocessing is not None:
        return None
    document = parsing.parse_json(parsing.read_bytes(package_dir / FILE_NAME), FILE_NAME)
    return parse_key_points_metadata(document, class_names=class_names, removed_classes=removed_classes)


def numbered_key_points(slots: int) -> tuple[str, ...]:
    """Names for a bare file that has none."""
    return tuple(f"point_{i}" for i in range(slots))


def parse_key_points_metadata(
    document: Any, where: str = FILE_NAME, *, class_names: Sequence[str], removed_classes: Collection[str] = ()
) -> KeyPointsMetadata:
    """Reads the document.

    Args:
        document: The parsed JSON. Its class ids are those of ``class_names``.
        where: What to call it in errors, usually the file's name.
        class_names: The network's vocabulary, by class id.
        removed_classes: Names of it that the model does not have; the document may leave them out.

    Returns:
        Its content for the classes that are left, in their order.

    Raises:
        MalformedDocumentError: With file, key, what was expected and what was found.
    """
    entries: dict[int, _Entry] = {}
    for index, entry in enumerate(parsing.as_list(document, where, _entry)):
        path = f"{where}[{index}].object_class_id"
        if entry.class_id >= len(class_names):
            parsing.malformed(path, f"one of the {len(class_names)} classes of the model", str(entry.class_id))
        if entry.class_id in entries:
            parsing.malformed(path, "one entry per class", f"a second one for class {entry.class_id}")
        entries[entry.class_id] = entry
    kept = [class_id for class_id, name in enumerate(class_names) if name not in removed_classes]
    for class_id in kept:
        if class_id not in entries:
            parsing.malformed(where, f"an entry for class {class_id} ({class_names[class_id]})", "none")
    if not any(entries[class_id].names for class_id in kept):
        parsing.malformed(where, "a key point of some class", "none")
    return KeyPointsMetadata(
        names=tuple(entries[class_id].names for class_id in kept),
        skeletons=tuple(entries[class_id].edges for class_id in kept),
    )


def _entry(value: Any, where: str) -> _Entry:
    fields = parsing.as_object(value, where)
    names = _names(fields.fields("keypoints"))
    return _Entry(
        class_id=fields.integer("object_class_id", minimum=0),
        names=names,
        edges=fields.items("edges", lambda edge, path: _edge(edge, path, len(names))),
    )


def _names(points: parsing.Fields) -> tuple[str, ...]:
    """Names in the order of their numbers, which are text here and may have gaps."""
    by_number: dict[int, str] = {}
    for key in points.mapping:
        if not _NUMBER.fullmatch(key) or int(key) in by_number:
            parsing.malformed(points.where, "one name per number from 0", f"the key {parsing.describe(key)}")
        by_number[int(key)] = points.text(key)
    return tuple(by_number[number] for number in sorted(by_number))


def _edge(value: Any, where: str, count: int) -> Edge:
    fields = parsing.as_object(value, where)
    start, end = fields.integer("from", minimum=0), fields.integer("to", minimum=0)
    if max(start, end) >= count:
        parsing.malformed(where, f"two of the class's {count} key points", f"{start} and {end}")
    return start, end

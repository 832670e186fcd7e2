"""Bare exports beside the library that wrote them: `AutoModel.from_pretrained(FILE)` and `YOLO(FILE)`.

No documents say anything here; the file's own metadata does. Masks are not compared: ours are the reference's, and
both sides scale them in their own way.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from parity import asking, exported, measures
from parity.answers import OURS, Answer
from parity.measures import Deltas
from parity.pictures import pictures

SIZE = (96, 128)
_NMS = {"confidence": 0.25, "iou_threshold": 0.7, "class_agnostic_nms": False, "max_detections": 100}
_KEY_POINTS = {**_NMS, "key_points_threshold": 0.0}
_ENDINGS: Mapping[str, tuple[str, str]] = {
    "": ("detect", "boxes"),
    "-pose": ("pose", "key points"),
    "-cls": ("classify", "class"),
}
ROUNDING: Mapping[tuple[str, str], float] = {("torchscript", "score"): 1e-3}
"""Runtime and measure -> how far that may be beyond its bar."""
_FILES = ("raw.onnx", "raw.torchscript", "fused.onnx", "fused.torchscript")


@attrs.frozen
class Bare:
    """One file.

    Attributes:
        network: What Ultralytics calls it, without an ending.
        ending: Of that name, which stands for a task.
        file: "raw" or "fused" with the ending of a format.
    """

    network: str
    ending: str
    file: str

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"bare {self.network}{self.ending} {self.file}"

    @property
    def kind(self) -> str:
        """What a result holds; see :mod:`parity.answers`."""
        return _ENDINGS[self.ending][1]

    @property
    def runtime(self) -> str:
        """What opens the file: "onnx" or "torchscript"."""
        return self.file.rpartition(".")[2]

    def path(self) -> Path:
        """The export; all of a network have the same weights."""
        files = _files(self.network, self.ending)
        seed = zlib.crc32(f"{self.network}{self.ending}".encode())
        paths = exported.export("ultralytics", f"{self.network}{self.ending}.yaml", SIZE, seed, files)
        return paths[files.index(self.file)]


def _files(network: str, ending: str) -> tuple[str, ...]:
    final = ending == "-cls" or network in ("yolov10n", "yolo26n")  # nothing to suppress
    return _FILES[:2] if final else _FILES


BARE = tuple(
    Bare(network, ending, file)
    for network, endings in (
        ("yolov5n", ("",)),
        ("yolov8n", tuple(_ENDINGS)),
        ("yolov9t", ("",)),
        ("yolov10n", ("",)),
        ("yolo11n", tuple(_ENDINGS)),
        ("yolo12n", ("",)),
        ("yolo26n", tuple(_ENDINGS)),
    )
    for ending in endings
    for file in _files(network, ending)
)


def compare(bare: Bare, count: int) -> tuple[Deltas, int]:
    """The worst of each measure over so many pictures, and how many boxes, or pictures, were compared."""
    path = bare.path()
    with TemporaryDirectory() as folder:
        output = Path(folder) / "answers.npz"
        exported.run("parity.asking", str(path), _ENDINGS[bare.ending][0], bare.kind, str(count), str(output))
        theirs = asking.read(output, count)
    found = [measures.compare(*pair) for pair in zip(ours(bare, path, count), theirs, strict=True)]
    return measures.worst(found), sum(len(answer.get("xyxy", [0])) for answer in theirs)


def ours(bare: Bare, path: Path, count: int) -> list[Answer]:
    """Our answers, with the thresholds that Ultralytics is given."""
    from inference_models_core import AutoModel

    said: Mapping[str, Any] = {"boxes": _NMS, "key points": _KEY_POINTS}.get(bare.kind, {})
    with AutoModel.from_pretrained(path, device="cpu") as model:
        return [OURS[bare.kind](model(picture, **said)[0]) for picture in pictures(count)]

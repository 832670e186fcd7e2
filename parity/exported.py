"""Rows whose graphs the original libraries export, with seeded weights: the layouts are theirs, not our reading.

The exports exist only while the session runs: Ultralytics is under the AGPL, and nothing of it is kept. Both systems
run the same file, on tensors that are equal to the last bit, so that scores may lie anywhere.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import attrs

from parity.rows import ROWS, Row

VARIANT = "exported"
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "resize_mode": ("letterbox", "stretch"),
    "static_crop": (None,),
    "contrast": (None,),
    "grayscale": (False,),
    "padding_value": (114,),
    "color_mode": ("rgb",),
    "normalization": (None,),
}
#: Name of the row that it is a variant of -> the library and its name of the network.
_NETWORKS: dict[str, tuple[str, str]] = {
    **{
        f"{ours} {task}": ("ultralytics", f"{theirs}{ending}.yaml")
        for ours, theirs in (("yolov8", "yolov8n"), ("yolov11", "yolo11n"), ("yolo26", "yolo26n"))
        for task, ending in (
            ("object-detection", ""),
            ("instance-segmentation", "-seg"),
            ("keypoint-detection", "-pose"),
        )
    },
    "yolov8 classification fused": ("ultralytics", "yolov8n-cls.yaml"),
    "yolov11 classification fused": ("ultralytics", "yolo11n-cls.yaml"),
    "yolov9 object-detection": ("ultralytics", "yolov9t.yaml"),
    "yolov10 object-detection": ("ultralytics", "yolov10n.yaml"),
    "yolov12 object-detection": ("ultralytics", "yolo12n.yaml"),
    "resnet classification": ("torchvision", "resnet18"),
    "vit classification": ("torchvision", "vit_b_32"),
}


def _row(name: str, library: str, network: str) -> Row:
    (like,) = (row for row in ROWS if row.name == name)
    variant = f"{like.variant} {VARIANT} by {library}".strip()
    size = (224, 224) if network.startswith("vit") else like.size  # its positions are counted
    row = attrs.evolve(like, variant=variant, size=size, more={**like.more, **_SETTINGS}, batches=(1,))
    return attrs.evolve(row, write=_writer(library, network, row))


def _writer(library: str, network: str, row: Row) -> Callable[[Path, int | None], None]:
    def write(folder: Path, batch: int | None) -> None:  # noqa: ARG001 - always 1
        (folder / "weights.onnx").write_bytes(_export(library, network, row.size, row.seed).read_bytes())

    return write


@functools.cache
def _export(library: str, network: str, size: tuple[int, int], seed: int) -> Path:
    """The file, made in a process of its own: importing Ultralytics changes how OpenCV behaves."""
    path = Path(mkdtemp()) / f"{network}.onnx"
    said = [library, network, *map(str, size), str(seed), str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "parity.exporting", *said], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{library} cannot export {network}:\n{done.stdout}{done.stderr}")
    return path


EXPORTED = tuple(_row(name, *network) for name, network in _NETWORKS.items())

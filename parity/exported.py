"""Rows whose graphs the original libraries export, with seeded weights: the layouts are theirs, not our reading.

The exports exist only while the session runs: Ultralytics is under the AGPL, and nothing of it is kept. Both systems
run the same file, on tensors that are equal to the last bit, so that scores may lie anywhere.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import attrs

from parity.rows import ROWS, Row
from parity.scenes import Size

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
        f"{ours} {task}{variant}": ("ultralytics", f"{theirs}{ending}.yaml")
        for ours, theirs, variant in (
            ("yolov8", "yolov8n", ""),
            ("yolov11", "yolo11n", ""),
            ("yolo26", "yolo26n", ""),
            ("yolov8", "yolov8n", " nms_fused"),
            ("yolov11", "yolo11n", " nms_fused"),
        )
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
    row = attrs.evolve(like, variant=variant, size=size, more={**like.more, **_SETTINGS}, batches=_batches(like))
    return attrs.evolve(row, write=_writer(library, network, row))


def _batches(like: Row) -> tuple[int | None, ...]:
    """Exported suppression is a loop over the pictures of the export; either system loses boxes of larger batches."""
    return (1,) if "nms_fused" in like.features else (1, None)


def _writer(library: str, network: str, row: Row) -> Callable[[Path, int | None], None]:
    names = ("fused",) if "nms_fused" in row.features else ("raw", "dynamic")

    def write(folder: Path, batch: int | None) -> None:
        files = export(library, network, row.size, row.seed, tuple(f"{name}.onnx" for name in names))
        (folder / "weights.onnx").write_bytes(files[batch is None].read_bytes())

    return write


@functools.cache
def export(library: str, network: str, size: Size, seed: int, names: tuple[str, ...]) -> tuple[Path, ...]:
    """The files, made in a process of its own: importing Ultralytics changes how OpenCV behaves.

    Args:
        library: "ultralytics" or "torchvision".
        network: What the library calls it.
        size: (height, width) of its input in pixels.
        seed: Of its weights.
        names: Of the files; see :mod:`parity.exporting`.
    """
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    paths = tuple(folder / name for name in names)
    run("parity.exporting", library, network, *map(str, size), str(seed), *map(str, paths))
    return paths


def run(module: str, *arguments: str) -> None:
    """Runs a module of ours in a process of its own, which may neither download nor install anything."""
    quiet = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
    said = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(said, capture_output=True, text=True, check=False, env={**os.environ, **quiet})
    if done.returncode:
        raise SystemExit(f"{' '.join(said)}:\n{done.stdout}{done.stderr}")


EXPORTED = tuple(_row(name, *network) for name, network in _NETWORKS.items())

"""Asks Ultralytics about the session's pictures: `python -m parity.asking FILE TASK KIND PICTURES OUTPUT`.

A process of its own, because importing Ultralytics changes how OpenCV and Pillow behave.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parity.answers import Answer
from parity.pictures import pictures

ARGUMENTS = {"conf": 0.25, "iou": 0.7, "max_det": 100, "device": "cpu", "verbose": False}


def _array(tensor: Any) -> Any:
    return tensor.cpu().numpy()


def _boxes(result: Any) -> Answer:
    found = result.boxes
    return {"xyxy": _array(found.xyxy), "class_id": _array(found.cls).astype(int), "confidence": _array(found.conf)}


def _key_points(result: Any) -> Answer:
    found = result.keypoints
    return {**_boxes(result), "key_points": _array(found.xy), "key_points_confidence": _array(found.conf)}


def _class(result: Any) -> Answer:
    return {"label": np.array(result.probs.top1), "scores": _array(result.probs.data)}


_KINDS: Mapping[str, Callable[[Any], Answer]] = {
    "boxes": _boxes,
    "key points": _key_points,
    "class": _class,
}


def main(file: str, task: str, kind: str, count: str, output: str) -> None:
    """Writes one array per picture and name."""
    from ultralytics import YOLO

    model = YOLO(file, task=task)
    arrays = {}
    for index, picture in enumerate(pictures(int(count))):
        (result,) = model.predict(picture, **ARGUMENTS)
        arrays |= {f"{index}.{name}": values for name, values in _KINDS[kind](result).items()}
    np.savez(output, **arrays)


def read(path: Path, count: int) -> list[Answer]:
    """What :func:`main` wrote: one answer per picture."""
    with np.load(path) as file:
        arrays = dict(file)
    return [
        {name.partition(".")[2]: values for name, values in arrays.items() if name.startswith(f"{index}.")}
        for index in range(count)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])

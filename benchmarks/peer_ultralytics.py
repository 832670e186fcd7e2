"""Ultralytics on an ONNX file as a peer; `python benchmarks/peer_ultralytics.py FILE PICTURE` is its fresh process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ARGUMENTS = {"conf": 0.25, "iou": 0.7, "max_det": 300, "imgsz": 640, "device": "cpu", "verbose": False}


def _model(path: Path) -> Any:
    from ultralytics import YOLO

    return YOLO(path, task="detect")


def call() -> Any:
    """A picture to boxes."""
    from peer_cases import graph_with_metadata
    from peer_worker import Work
    from pictures import frame

    model, picture = _model(graph_with_metadata()), frame()
    return Work(lambda: None, lambda _: model.predict(picture, **ARGUMENTS), _boxes)


def _boxes(results: Any) -> list[Any]:
    boxes = results[0].boxes
    return [array.tolist() for array in (boxes.xyxy, boxes.conf, boxes.cls.int())]


if __name__ == "__main__":
    import cv2

    file, picture_path = sys.argv[1:]
    print(json.dumps(_boxes(_model(Path(file)).predict(cv2.imread(picture_path), **ARGUMENTS))))

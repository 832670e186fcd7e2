"""The reference system as a peer; `python benchmarks/peer_reference.py FOLDER PICTURE` is its fresh process."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

CONFIDENCE, IOU, MOST = 0.25, 0.7, 300
ARGUMENTS = {"confidence": CONFIDENCE, "iou_threshold": IOU, "max_detections": MOST}


@cache
def _model(package: Path) -> Any:
    from inference_models import AutoModel

    return AutoModel.from_pretrained(str(package))


def pre_process(mode: str, adjustment: str, height: int, width: int) -> Any:
    """A picture to a tensor, after a run."""
    from peer_cases import Prepared
    from peer_worker import Work
    from pictures import frame

    model, picture = _model(Prepared(mode, adjustment).package()), frame(height, width)
    tensor, _ = model.pre_process(picture)
    return Work(
        before=lambda: model.forward(tensor),
        measured=lambda _: model.pre_process(picture),
        found=lambda made: made[0].numpy()[0, :, ::8, ::8].tolist(),
    )


def post_process(count: int) -> Any:
    """A detector's output to boxes, after a run."""
    import torch
    from peer_cases import candidates, yolov8n_size_package
    from peer_worker import Work
    from pictures import frame

    model, output = _model(yolov8n_size_package()), torch.from_numpy(candidates(count))
    tensor, metadata = model.pre_process(frame())

    def run() -> torch.Tensor:
        model.forward(tensor)
        return output.clone()

    return Work(run, lambda given: model.post_process(given, metadata, **ARGUMENTS), _boxes)


def masks(share: float, form: str) -> Any:
    """A segmenter's outputs to boxes and masks: `dense` planes or run lengths, `rle`."""
    import torch
    from peer_cases import FULL_HD, instances, segmentation_package
    from peer_worker import Work
    from pictures import frame

    model, outputs = _model(segmentation_package()), [torch.from_numpy(each) for each in instances(share)]
    _, metadata = model.pre_process(frame(*FULL_HD))

    def decode(given: tuple[torch.Tensor, ...]) -> Any:
        (result,) = model.post_process(given, metadata, mask_format=form, **ARGUMENTS)
        return result.mask

    def found(made: Any) -> list[str]:
        return [counts.decode() for counts in made.masks] if form == "rle" else []

    return Work(lambda: tuple(each.clone() for each in outputs), decode, found)


def call() -> Any:
    """A picture to boxes."""
    from peer_cases import yolov8n_size_package
    from peer_worker import Work
    from pictures import frame

    model, picture = _model(yolov8n_size_package()), frame()
    return Work(lambda: None, lambda _: model(picture, **ARGUMENTS), _boxes)


def _boxes(results: Any) -> list[Any]:
    return [array.tolist() for array in (results[0].xyxy, results[0].confidence, results[0].class_id)]


if __name__ == "__main__":
    import cv2

    folder, picture_path = sys.argv[1:]
    print(json.dumps(_boxes(_model(Path(folder))(cv2.imread(picture_path), **ARGUMENTS))))

"""This repository as a peer; `framework.py` is its fresh process."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from inference_models_core import AutoModel
from peer_cases import (
    CONFIDENCE,
    FULL_HD,
    IOU,
    MOST,
    Prepared,
    candidates,
    instances,
    segmentation_package,
    yolov8n_size_package,
)
from peer_worker import Work
from pictures import frame

ARGUMENTS = {"confidence": CONFIDENCE, "iou_threshold": IOU, "max_detections": MOST}


@cache
def _model(package: Path) -> Any:
    return AutoModel.from_pretrained(package, device="cpu")


def pre_process(mode: str, adjustment: str, height: int, width: int) -> Work:
    """A picture to a tensor, after a run."""
    model, picture = _model(Prepared(mode, adjustment).package()), frame(height, width)
    prepared = model.pre_process(picture)
    return Work(
        before=lambda: model.forward(prepared),
        measured=lambda _: model.pre_process(picture),
        found=lambda made: np.asarray(made.groups[0].tensor)[0, :, ::8, ::8].tolist(),
    )


def post_process(count: int) -> Work:
    """A detector's output to boxes, after a run."""
    model, output = _model(yolov8n_size_package()), candidates(count)
    prepared = model.pre_process(frame())

    def run() -> list[tuple[np.ndarray, ...]]:
        model.forward(prepared)
        return [(output.copy(),)]

    return Work(run, lambda outputs: model.post_process(outputs, prepared, **ARGUMENTS), _boxes)


def masks(share: float, form: str) -> Work:
    """A segmenter's outputs to boxes and masks: `dense` planes or run lengths, `rle`."""
    model, outputs = _model(segmentation_package()), instances(share)
    prepared = model.pre_process(frame(*FULL_HD))

    def decode(given: list[tuple[np.ndarray, ...]]) -> Any:
        (result,) = model.post_process(given, prepared, **ARGUMENTS)
        return result.masks.dense() if form == "dense" else result.masks.rle()

    def found(made: Any) -> list[str]:
        return [one["counts"].decode() for one in made] if form == "rle" else []

    return Work(lambda: [tuple(each.copy() for each in outputs)], decode, found)


def call() -> Work:
    """A picture to boxes."""
    model, picture = _model(yolov8n_size_package()), frame()
    return Work(lambda: None, lambda _: model(picture, **ARGUMENTS), _boxes)


class OwnShare(NamedTuple):
    """A whole call less what the runtime takes."""

    model: Any
    pictures: list[np.ndarray]

    def seconds(self) -> float:
        """For one picture."""
        spent: list[float] = []
        run = onnxruntime.InferenceSession.run

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            outputs = run(*arguments)
            spent.append(time.perf_counter() - started)
            return outputs

        onnxruntime.InferenceSession.run = timed
        try:
            started = time.perf_counter()
            self.model(self.pictures, **ARGUMENTS)
            whole = time.perf_counter() - started
        finally:
            onnxruntime.InferenceSession.run = run
        return (whole - sum(spent)) / len(self.pictures)

    def answer(self) -> Any:
        """What a call finds in the first picture."""
        return _boxes(self.model(self.pictures, **ARGUMENTS))


def own_share(batch: int) -> OwnShare:
    """Of calls with so many pictures, to a network that takes as many at once."""
    return OwnShare(_model(yolov8n_size_package(batch)), [frame(seed=seed) for seed in range(batch)])


def _boxes(results: Any) -> list[Any]:
    return [array.tolist() for array in (results[0].xyxy, results[0].confidence, results[0].class_id)]

"""One warm call, picture to boxes: ours against the loop by hand, interleaved, same session settings, same boxes."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from graphs import yolov8n_size_package
from handwritten import Detector
from inference_models_core import AutoModel
from measuring import (
    Found,
    Goal,
    check_same_boxes,
    interleaved,
    median_difference,
    median_ratio,
    print_goals,
    timed,
)
from pictures import frame

ROUNDS = 80
SAMPLE_ROUNDS = 300
ARGUMENTS = {"confidence": 0.25, "iou_threshold": 0.7, "max_detections": 300}


def main() -> None:
    """Prints the tables."""
    seconds, title = _measure(yolov8n_size_package(), frame(), ROUNDS)
    ratio = median_ratio(seconds["ours"], seconds["by hand"])
    print_goals(f"yolov8n-size graph, {title}", [*_medians(seconds), Goal("ours / by hand", ratio, 1.05)])
    seconds, title = _measure("samples/shapes-detector", _sample_picture(), SAMPLE_ROUNDS)
    difference = 1000 * median_difference(seconds["ours"], seconds["by hand"])
    print_goals(f"sample model, {title}", [*_medians(seconds), Goal("ours - by hand", difference, 1.0, "ms")])


def _measure(reference: str | Path, picture: np.ndarray, rounds: int) -> tuple[dict[str, list[float]], str]:
    """Seconds of both sides, and what was measured in words."""
    with AutoModel.from_pretrained(reference, device="cpu") as model:
        package = model.resolution.chosen.package
        hand = Detector(str(Path(package.directory) / "weights.onnx"))
        boxes = check_same_boxes(_ours(model, picture), _lists(hand(picture)))
        seconds = interleaved(
            {
                "ours": partial(timed, lambda: model(picture, **ARGUMENTS)),
                "by hand": partial(timed, lambda: hand(picture)),
            },
            rounds,
        )
    size = f"{picture.shape[1]}x{picture.shape[0]}"
    return seconds, f"{size} picture, {boxes} boxes alike; medians of {rounds} interleaved pairs"


def _ours(model: Any, picture: np.ndarray) -> Found:
    result = model(picture, **ARGUMENTS)[0]
    return _lists((result.xyxy, result.confidence, result.class_id))


def _lists(arrays: Any) -> Found:
    boxes, confidences, classes = (array.tolist() for array in arrays)
    return boxes, confidences, classes


def _sample_picture() -> np.ndarray:
    import cv2
    from inference_models_provider_samples.provider import PICTURES

    return cv2.imread(str(sorted(PICTURES.iterdir())[0]))


def _medians(seconds: dict[str, list[float]]) -> list[Goal]:
    return [Goal(side, 1000 * statistics.median(values), unit="ms") for side, values in seconds.items()]


if __name__ == "__main__":
    main()

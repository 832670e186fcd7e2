"""Measure the sample detector on held-out scenes: mAP at IoU 0.5 and 0.75, through the library or plain onnxruntime.

Exits with status 1 when a figure is below its bar.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from average_precision import Boxes, average_precision, best_confidence
from plain import CANDIDATE_SCORE, IMAGE_SIZE, NMS_IOU, decode, letterbox
from scenes import Scene, generate_scene
from shapes import CLASS_NAMES

#: Training draws from 1,000,000 on, validation from 2,000,000 on.
TEST_SEED = 3_000_000
MODEL_ID = "samples/shapes-detector"
BARS = {0.5: 0.90, 0.75: 0.80}
Detect = Callable[[np.ndarray], Boxes]


def through_library(model_id: str) -> Detect:
    """The public way: a BGR picture in, boxes in its pixels out."""
    from inference_models_core import AutoModel

    model = AutoModel.from_pretrained(model_id)
    ids = [CLASS_NAMES.index(name) for name in model.class_names]

    def detect(image: np.ndarray) -> Boxes:
        result = model(image, confidence=CANDIDATE_SCORE, iou_threshold=NMS_IOU, max_detections=300)[0]
        return Boxes(xyxy=result.xyxy, classes=np.take(ids, result.class_id), scores=result.confidence)

    return detect


def through_onnxruntime(path: Path) -> Detect:
    """The plain way, on one file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def detect(image: np.ndarray) -> Boxes:
        square, scale, left, top = letterbox(image)
        tensor = np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        (output,) = session.run(None, {"images": tensor})
        found = decode(output[0])
        height, width = image.shape[:2]
        xyxy = (found.xyxy - [left, top, left, top]) / scale
        return Boxes(xyxy=np.clip(xyxy, 0, [width, height, width, height]), classes=found.classes, scores=found.scores)

    return detect


def truth(scene: Scene) -> Boxes:
    return Boxes(xyxy=scene.boxes, classes=scene.class_ids, scores=np.ones(len(scene.objects)))


def measure(detect: Detect, scenes: int) -> tuple[list[Boxes], list[Boxes]]:
    """Detections and truth of the test scenes."""
    found, true = [], []
    for seed in range(TEST_SEED, TEST_SEED + scenes):
        scene = generate_scene(seed)
        found.append(detect(scene.image))
        true.append(truth(scene))
    return found, true


def print_table(figures: dict[float, np.ndarray], true: list[Boxes]) -> None:
    """Average precision of each class and their mean, a column per IoU."""
    classes = np.concatenate([boxes.classes for boxes in true])
    print(f"{'class':12s} {'objects':>8s} " + " ".join(f"{f'AP{100 * t:.0f}':>7s}" for t in figures))
    for class_id, name in enumerate(CLASS_NAMES):
        row = " ".join(f"{column[class_id]:7.3f}" for column in figures.values())
        print(f"{name:12s} {np.count_nonzero(classes == class_id):8d} {row}")
    print(f"{'mean':12s} {len(classes):8d} " + " ".join(f"{np.nanmean(column):7.3f}" for column in figures.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MODEL_ID, help="what AutoModel.from_pretrained gets")
    parser.add_argument("--onnx", type=Path, help="measure this file with plain onnxruntime instead")
    parser.add_argument("--scenes", type=int, default=500)
    arguments = parser.parse_args()
    start = time.monotonic()
    detect = through_onnxruntime(arguments.onnx) if arguments.onnx else through_library(arguments.model)
    found, true = measure(detect, arguments.scenes)
    figures = {
        threshold: average_precision(found, true, classes=len(CLASS_NAMES), threshold=threshold) for threshold in BARS
    }
    way = f"onnxruntime on {arguments.onnx.parent.name}" if arguments.onnx else arguments.model
    print(f"{way}: {arguments.scenes} held-out scenes, input {IMAGE_SIZE} px, NMS IoU {NMS_IOU}")
    print_table(figures, true)
    confidence, f1 = best_confidence(found, true, classes=len(CLASS_NAMES))
    print(f"best F1 {f1:.3f} at confidence {confidence:.2f}; {time.monotonic() - start:.0f} s")
    missed = [t for t, bar in BARS.items() if np.nanmean(figures[t]) < bar]
    sys.exit(f"below the bar at IoU {missed}" if missed else 0)


if __name__ == "__main__":
    main()

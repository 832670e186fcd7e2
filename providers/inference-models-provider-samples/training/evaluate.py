"""Measure a sample model on held-out scenes, through the library or with plain onnxruntime.

Boxes, masks and key points: average precision at IoU (masks' IoU, key points' similarity) 0.5, 0.75, and the mean from
0.5 to 0.95. Classes: accuracy on crops. Exits with status 1 when a figure is below its bar.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from average_precision import Boxes, average_precision, best_confidence
from plain import NMS_IOU
from recognition import classifies_plainly, classifies_through_library, finds_plainly, finds_through_library
from scenes import Scene, generate_scene
from shapes import CLASS_NAMES
from tasks import CLASSES, TASKS, Task

if TYPE_CHECKING:
    from collections.abc import Callable

#: Training draws from 1,000,000 on, validation from 2,000,000 on.
TEST_SEED = 3_000_000
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
#: What each model has to reach.
BARS: dict[str, dict[str, float]] = {
    "shapes-detector": {"AP50": 0.90, "AP75": 0.80},
    "shapes-segmenter": {"AP50": 0.90, "AP": 0.70},
    "shapes-keypoints": {"AP50": 0.75, "AP": 0.50},
    "shapes-classifier": {"accuracy": 0.97},
}


def through_library(task: Task, backend: str | None) -> Callable[[Scene], object]:
    """The way that users have."""
    from inference_models_core import AutoModel

    model = AutoModel.from_pretrained(f"samples/{task.model}", backend=backend)
    return finds_through_library(task, model) if task.boxes else classifies_through_library(model)


def plainly(task: Task, path: Path) -> Callable[[Scene], object]:
    """The way to compare with."""
    return finds_plainly(task, path) if task.boxes else classifies_plainly(task, path)


def truth(scene: Scene) -> Boxes:
    return Boxes(xyxy=scene.boxes, classes=scene.class_ids, scores=np.ones(len(scene.objects)))


def recognised(recognise: Callable[[Scene], object], scenes: int) -> tuple[list[object], list[Boxes]]:
    """What is found in the test scenes, and what there is."""
    found, true = [], []
    for seed in range(TEST_SEED, TEST_SEED + scenes):
        scene = generate_scene(seed)
        found.append(recognise(scene))
        true.append(truth(scene))
    return found, true


def precision_columns(found: list[Boxes], true: list[Boxes]) -> dict[str, np.ndarray]:
    """Average precision of each class, and the mean over all thresholds."""
    every = {t: average_precision(found, true, classes=CLASSES, threshold=t) for t in THRESHOLDS}
    return {"AP50": every[0.5], "AP75": every[0.75], "AP": np.mean(list(every.values()), axis=0)}


def accuracy_columns(found: list[np.ndarray], true: list[Boxes]) -> dict[str, np.ndarray]:
    """Part of the crops of each class that were named so."""
    classes = np.concatenate([boxes.classes for boxes in true])
    right = np.concatenate(found) == classes
    return {"accuracy": np.array([right[classes == class_id].mean() for class_id in range(CLASSES)])}


def print_table(columns: dict[str, np.ndarray], true: list[Boxes]) -> dict[str, float]:
    """A row a class, and their mean, which is returned."""
    classes = np.concatenate([boxes.classes for boxes in true])
    print(f"{'class':12s} {'objects':>8s} " + " ".join(f"{name:>8s}" for name in columns))
    for class_id, name in enumerate(CLASS_NAMES):
        row = " ".join(f"{column[class_id]:8.3f}" for column in columns.values())
        print(f"{name:12s} {np.count_nonzero(classes == class_id):8d} {row}")
    means = {name: float(np.nanmean(column)) for name, column in columns.items()}
    print(f"{'mean':12s} {len(classes):8d} " + " ".join(f"{mean:8.3f}" for mean in means.values()))
    return means


def print_boxes(found: list[Boxes], true: list[Boxes]) -> None:
    """The same detections measured by their boxes, where something else was measured, and the best threshold."""
    boxes = [attrs.evolve(detected, overlaps=None) for detected in found]
    if any(detected.overlaps is not None for detected in found):
        means = {name: np.nanmean(column) for name, column in precision_columns(boxes, true).items()}
        print("by boxes: " + "  ".join(f"{name} {mean:.3f}" for name, mean in means.items()))
    confidence, f1 = best_confidence(boxes, true, classes=CLASSES)
    print(f"best F1 of boxes {f1:.3f} at confidence {confidence:.2f}, NMS IoU {NMS_IOU}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=TASKS, help="which one")
    parser.add_argument("--backend", help="the library's backend; its own choice by default")
    parser.add_argument("--onnx", type=Path, help="measure this file with plain onnxruntime instead")
    parser.add_argument("--scenes", type=int, default=500)
    arguments = parser.parse_args()
    start, task = time.monotonic(), TASKS[arguments.model]
    recognise = plainly(task, arguments.onnx) if arguments.onnx else through_library(task, arguments.backend)
    found, true = recognised(recognise, arguments.scenes)
    way = f"onnxruntime on {arguments.onnx.parent.name}" if arguments.onnx else f"backend {arguments.backend or 'auto'}"
    print(f"samples/{task.model}, {way}: {arguments.scenes} held-out scenes, input {task.size} px")
    means = print_table((precision_columns if task.boxes else accuracy_columns)(found, true), true)
    if task.boxes:
        print_boxes(found, true)
    print(f"{time.monotonic() - start:.0f} s")
    missed = [f"{name} {means[name]:.3f}, not {bar}" for name, bar in BARS[task.model].items() if means[name] < bar]
    sys.exit(f"below the bar: {missed}" if missed else 0)


if __name__ == "__main__":
    main()

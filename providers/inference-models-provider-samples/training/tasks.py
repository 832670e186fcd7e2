"""What the models differ in: network, samples, loss, what a package says of them. Everything else is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs
from crops import CROP_SIZE, make_crops
from dataset import make_samples
from key_points import SLOTS
from loss import detection_loss, key_point_loss, mask_loss
from network import Classifier, Detector, KeyPointDetector, Segmenter
from plain import IMAGE_SIZE
from shapes import CLASS_NAMES
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from dataset import Batch
    from torch import Tensor, nn

CLASSES = len(CLASS_NAMES)
LABEL_SMOOTHING = 0.05


class Data(Protocol):
    """Samples of any task."""

    def __len__(self) -> int: ...

    def batch(self, indices: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        """Some of them as tensors, augmented if `rng` is given."""


@attrs.frozen(kw_only=True)
class Task:
    """One of the sample models.

    Attributes:
        name: The task, as packages call it.
        model: Name of the model.
        architecture: The family that decodes it.
        size: Side of the square input in pixels.
        build: The untrained network.
        draw: Samples of seeds, as `make_samples`.
        loss: Of the network on a batch.
        outputs: Names of the graph's outputs.
        batch: Pictures in a step.
        boxes: Whether it finds boxes.
    """

    name: str
    model: str
    architecture: str = "yolov8"
    size: int = IMAGE_SIZE
    build: Callable[[], nn.Module]
    draw: Callable[..., Data] = make_samples
    loss: Callable[[Any, Batch], Tensor]
    outputs: Sequence[str] = ("output0",)
    batch: int = 16
    boxes: bool = True


def _detector_loss(model: Detector, batch: Batch) -> Tensor:
    return detection_loss(model.raw(batch.images), model.points, batch)[0]


def _segmenter_loss(model: Segmenter, batch: Batch) -> Tensor:
    raw = model.raw(batch.images)
    loss, positives = detection_loss(raw, model.points, batch)
    return loss + mask_loss(raw, positives, batch)


def _key_points_loss(model: KeyPointDetector, batch: Batch) -> Tensor:
    raw = model.raw(batch.images)
    loss, positives = detection_loss(raw, model.points, batch)
    return loss + key_point_loss(raw, positives, batch)


def _classifier_loss(model: Classifier, batch: Batch) -> Tensor:
    return cross_entropy(model(batch.images), batch.classes, label_smoothing=LABEL_SMOOTHING)


def _labelled_samples(seeds: Sequence[int], **settings: Any) -> Data:
    return make_samples(seeds, labels=True, **settings)


TASKS = {
    task.model: task
    for task in (
        Task(
            name="object-detection",
            model="shapes-detector",
            build=lambda: Detector(CLASSES, IMAGE_SIZE),
            loss=_detector_loss,
        ),
        Task(
            name="instance-segmentation",
            model="shapes-segmenter",
            build=lambda: Segmenter(CLASSES, IMAGE_SIZE),
            draw=_labelled_samples,
            loss=_segmenter_loss,
            outputs=("output0", "output1"),
        ),
        Task(
            name="keypoint-detection",
            model="shapes-keypoints",
            build=lambda: KeyPointDetector(CLASSES, IMAGE_SIZE, SLOTS),
            loss=_key_points_loss,
            batch=32,
        ),
        Task(
            name="classification",
            model="shapes-classifier",
            architecture="resnet",
            size=CROP_SIZE,
            build=lambda: Classifier(CLASSES),
            draw=make_crops,
            loss=_classifier_loss,
            batch=128,
            boxes=False,
        ),
    )
}

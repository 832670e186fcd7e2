"""Predictions of every type, on one picture, for the tests."""

from __future__ import annotations

import types

import numpy as np
import pytest
from inference_models_core.predictions import (
    Classification,
    DepthMap,
    Detections,
    Embedding,
    GazeDetections,
    ImageSource,
    InstanceDetections,
    InteractiveSegmentation,
    KeyPointDetections,
    Masks,
    MultiLabelClassification,
    Points,
    SemanticSegmentation,
    StructuredText,
    Text,
)

HEIGHT, WIDTH = 120, 200
NAMES = ("cat", "dog", "Grüße 猫")


def picture() -> np.ndarray:
    """A BGR picture with another value in each channel."""
    pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:] = (10, 90, 200)
    return pixels


def source(pixels: np.ndarray | None = None) -> ImageSource:
    return ImageSource(reference=picture() if pixels is None else pixels, size=(HEIGHT, WIDTH))


def boxes(count: int) -> dict:
    corners = np.array([[20.25, 30.5, 80.75, 90.125], [100, 5, 190, 60], [5, 100, 60, 119]], np.float32)
    return {
        "xyxy": corners[:count],
        "class_id": np.array([0, 2, 7])[:count],
        "confidence": np.array([0.9, 0.25, 0.5], np.float32)[:count],
        "class_names": NAMES,
        "image": source(),
    }


def masks(count: int) -> Masks:
    planes = np.zeros((3, HEIGHT, WIDTH), bool)
    planes[0, 35:80, 25:70] = True
    planes[1, 10:50, 110:180] = np.eye(40, 70, dtype=bool)
    return Masks.from_dense(planes[:count])


def detections(count: int = 3, **more) -> Detections:
    return Detections(**boxes(count), **more)


def instances(count: int = 3, **more) -> InstanceDetections:
    return InstanceDetections(**boxes(count), masks=masks(count), **more)


def key_points(count: int = 3, **more) -> KeyPointDetections:
    xy = np.array([[[30, 40], [50, 60]], [[120, 20], [150, 40]], [[10, 105], [50, 115]]], np.float32)
    return KeyPointDetections(
        **boxes(count),
        key_points=xy[:count],
        key_points_confidence=np.array([[0.9, 0.8], [0.7, 0], [0.6, 0.5]], np.float32)[:count],
        key_point_names=[["nose", "tail"], ["nose"]],
        skeletons=[[(0, 1)], [], [(0, 1), (1, 5)]],
        **more,
    )


def gaze(count: int = 3) -> GazeDetections:
    return GazeDetections(**boxes(count), yaw=np.array([0.5, -0.5, 0])[:count], pitch=np.array([0.1, 0, -1])[:count])


def structured_text(count: int = 3) -> StructuredText:
    return StructuredText(**boxes(count), text="one\ntwo äö", texts=np.array(["one", "two", "äö"])[:count])


def segmentation() -> SemanticSegmentation:
    ids = np.zeros((HEIGHT, WIDTH), np.int64)
    ids[20:100, 50:150] = 2
    ids[40:60, 70:90] = 9
    confidence = np.where(ids == 2, np.float32(0.75), np.float32(0.5))
    return SemanticSegmentation(
        segmentation_map=ids, confidence=confidence, class_names=NAMES, background_id=0, image=source()
    )


def depth() -> DepthMap:
    return DepthMap(depth=np.linspace(1, 3, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH), unit="metre", image=source())


def interactive(count: int = 3) -> InteractiveSegmentation:
    return InteractiveSegmentation(
        masks=masks(count),
        confidence=np.array([0.9, 0.8, 0.1])[:count],
        prompt_id=np.array([0, 0, 1])[:count],
        logits=np.zeros((3, 8, 8), np.float32)[:count],
        image=source(),
    )


def points(count: int = 3) -> Points:
    xy = np.array([[10.5, 20.25], [100, 60], [199, 119]])
    return Points(
        xy=xy[:count],
        class_id=np.arange(3)[:count],
        confidence=np.ones(3)[:count],
        class_names=NAMES,
        image=source(),
    )


def classification() -> Classification:
    return Classification(confidence=[0.1, 0.7, 0.2], class_names=NAMES, image=source())


def multi_label() -> MultiLabelClassification:
    return MultiLabelClassification(confidence=[0.9, 0.2, 0.8], class_id=[0, 2], class_names=NAMES, image=source())


def text() -> Text:
    return Text(text="A grey picture.\nÜber 猫.", image=source())


def embedding() -> Embedding:
    return Embedding(vector=[3.0, 4.0], image=source())


PER_INSTANCE = {
    "detections": detections,
    "instance-detections": instances,
    "key-point-detections": key_points,
    "gaze-detections": gaze,
    "structured-text": structured_text,
    "interactive-segmentation": interactive,
    "points": points,
}

ALL = {
    **PER_INSTANCE,
    "semantic-segmentation": segmentation,
    "depth-map": depth,
    "classification": classification,
    "multi-label-classification": multi_label,
    "text": text,
    "embedding": embedding,
}


@pytest.fixture(scope="session")
def build():
    """The functions of this module, by name."""
    return types.SimpleNamespace(**globals())


@pytest.fixture(params=sorted(ALL))
def prediction(request):
    """A prediction of every type in turn."""
    return ALL[request.param]()


@pytest.fixture(params=sorted(PER_INSTANCE))
def make(request):
    """For every type with instances a function that makes one with so many of them."""
    return PER_INSTANCE[request.param]

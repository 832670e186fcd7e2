"""Every row of the catalog, with outputs that its family takes. Whoever adds a row adds an entry here.

Then the row is loaded and called by eight threads (`test_threads.py`) and given 1,000 outputs that no graph should
give (`test_fuzzed_outputs.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from inference_models_core.runtime.modules import missing_modules
from inference_models_vision.catalog import MODELS

SIZE = 64
NAMES = ("cat", "dog")
BOXES, CLASSES, SLOTS, MASKS, SIDE = 9, len(NAMES), 2, 32, 16
RAW, FUSED = {"type": "nms", "fused": False}, {"type": "nms", "fused": True}

Outputs = Callable[[np.random.Generator], list[Any]]


@attrs.frozen(kw_only=True)
class Entry:
    """How to build one row.

    Attributes:
        outputs: What the graph gives for a picture, without the batch axis.
        variant: What tells two entries of a row apart.
        post_processing: Of ``inference_config.json``; ``None`` for packages that leave it out.
        size: Side of the input in pixels.
        features: Of the package.
        names: Of ``class_names.txt``.
        documents: Further files.
        inputs: Graph -> type and shape of its input, without the batch axis, for rows of several or other graphs.
        moved: What a bright picture adds to the outputs; a fifth of them unless said.
    """

    outputs: Outputs
    variant: str = ""
    post_processing: Any = None
    size: int = SIZE
    features: tuple[str, ...] = ()
    names: tuple[str, ...] = NAMES
    documents: Any = attrs.field(factory=dict)
    inputs: Any = None
    moved: Outputs | None = None


def scores(rng: np.random.Generator, *shape: int) -> Any:
    return rng.uniform(0.02, 0.98, shape)


def centred(rng: np.random.Generator, count: int = BOXES) -> Any:
    return np.concatenate([rng.uniform(10, 54, (count, 2)), rng.uniform(6, 30, (count, 2))], axis=1)


def corners(rng: np.random.Generator, count: int = BOXES) -> Any:
    found = centred(rng, count)
    return np.concatenate([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], axis=1)


def points(rng: np.random.Generator) -> Any:
    xy = rng.uniform(0, SIZE, (BOXES, SLOTS, 2))
    return np.concatenate([xy, scores(rng, BOXES, SLOTS, 1)], axis=2).reshape(BOXES, -1)


def prototypes(rng: np.random.Generator) -> Any:
    return rng.normal(size=(MASKS, SIDE, SIDE))


def coefficients(rng: np.random.Generator) -> Any:
    return rng.normal(size=(BOXES, MASKS))


def side_by_side(*parts: Any) -> Any:
    return np.concatenate(parts, axis=1)


def yolo(*extras: Outputs) -> Outputs:
    """(4 + classes + extras, boxes)."""

    def outputs(rng: np.random.Generator) -> list[Any]:
        return [side_by_side(centred(rng), scores(rng, BOXES, CLASSES), *(extra(rng) for extra in extras)).T]

    return outputs


def objectness(*extras: Outputs) -> Outputs:
    """(boxes, 5 + classes + extras)."""

    def outputs(rng: np.random.Generator) -> list[Any]:
        return [side_by_side(centred(rng), scores(rng, BOXES, 1 + CLASSES), *(extra(rng) for extra in extras))]

    return outputs


def rows(*extras: Outputs) -> Outputs:
    """(boxes, 6 + extras): corners, score, class."""

    def outputs(rng: np.random.Generator) -> list[Any]:
        labels = rng.integers(0, CLASSES, (BOXES, 1)).astype(float)
        found = np.sort(scores(rng, BOXES, 1), axis=0)[::-1]
        return [side_by_side(corners(rng), found, labels, *(extra(rng) for extra in extras))]

    return outputs


def with_prototypes(boxes: Outputs) -> Outputs:
    return lambda rng: [*boxes(rng), prototypes(rng)]


def rfdetr(*more: Outputs) -> Outputs:
    """Boxes as shares of the input, logits with one class more than there are names."""

    def outputs(rng: np.random.Generator) -> list[Any]:
        logits = rng.normal(0, 2, (BOXES, CLASSES + 1))
        return [centred(rng) / SIZE, logits, *(each(rng) for each in more)]

    return outputs


def uncertain_points(rng: np.random.Generator) -> Any:
    return rng.normal(0.5, 0.5, (BOXES, (CLASSES + 1) * SLOTS, 8))


def vector(count: int) -> Outputs:
    return lambda rng: [rng.normal(0, 2, count)]


def maps(count: int) -> Outputs:
    return lambda rng: [rng.normal(0, 2, (count, SIDE, SIDE))]


KEY_POINTS = {
    "keypoints_metadata.json": [
        {"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from": 0, "to": 1}]},
        {"object_class_id": 1, "keypoints": {"0": "beak"}, "edges": []},
    ]
}
FUSED_FEATURES = ("nms_fused",)
SOFTMAX, SIGMOID = ({"type": kind, "fused": False} for kind in ("softmax", "sigmoid"))
WITH_BACKGROUND = ("background", *NAMES)


def _both(raw: Outputs, fused: Outputs, **more: Any) -> tuple[Entry, ...]:
    """Raw outputs, and those of a graph that suppresses boxes itself."""
    return (
        Entry(outputs=raw, post_processing=RAW, **more),
        Entry(outputs=fused, variant="nms_fused", post_processing=FUSED, features=FUSED_FEATURES, **more),
    )


def _lite(rng: np.random.Generator) -> list[Any]:
    return [corners(rng), rng.normal(2, 1, (BOXES, 1)), rng.normal(0, 2, (BOXES, CLASSES))]


def _yolact(rng: np.random.Generator) -> list[Any]:
    priors = centred(rng) / SIZE
    shares = scores(rng, BOXES, 1 + CLASSES)
    return [rng.normal(size=(BOXES, 4)), shares, coefficients(rng), priors, rng.normal(size=(SIDE, SIDE, MASKS))]


def _text_map(rng: np.random.Generator) -> list[Any]:
    """Where text is, from 0 to 1: two lines."""
    found = rng.uniform(0, 0.1, (1, SIZE, SIZE))
    found[0, 8:20, 6:50] = found[0, 34:50, 20:60] = 0.75
    return [found]


def _steps(low: float) -> Outputs:
    """A score for each character, one more for none and one for a space, at each step of a line."""
    return lambda rng: [rng.uniform(low, 1, (SIDE, len(CHARACTERS) + 2))]


CHARACTERS = "abcd"
_TEXT_INPUT = {"inference": ("float32", (3, SIZE, SIZE))}
_DETECTION, _SEGMENTATION, _POSE = "object-detection", "instance-segmentation", "keypoint-detection"
_CLASSIFICATION, _LABELS, _SEMANTIC = "classification", "multi-label-classification", "semantic-segmentation"
_GENERATIONS = ("yolov8", "yolov9", "yolov11", "yolov12")

ENTRIES: dict[tuple[str, str], tuple[Entry, ...]] = {
    **{(name, _DETECTION): _both(yolo(), rows()) for name in _GENERATIONS},
    ("yolov5", _DETECTION): (Entry(outputs=objectness(), post_processing=RAW),),
    ("yolov7", _DETECTION): (Entry(outputs=objectness(), post_processing=RAW),),
    ("yolov10", _DETECTION): (Entry(outputs=rows(), post_processing=FUSED),),
    ("yolo26", _DETECTION): (Entry(outputs=rows(), post_processing=FUSED),),
    ("yolonas", _DETECTION): (
        Entry(outputs=lambda rng: [corners(rng), scores(rng, BOXES, CLASSES)], post_processing=RAW),
    ),
    ("yololite", _DETECTION): _both(_lite, rows()),
    ("rfdetr", _DETECTION): (Entry(outputs=rfdetr()),),
    **{
        (name, _SEGMENTATION): _both(with_prototypes(yolo(coefficients)), with_prototypes(rows(coefficients)))
        for name in _GENERATIONS
    },
    **{
        (name, _SEGMENTATION): (Entry(outputs=with_prototypes(objectness(coefficients)), post_processing=RAW),)
        for name in ("yolov5", "yolov7")
    },
    ("yolo26", _SEGMENTATION): (Entry(outputs=with_prototypes(rows(coefficients)), post_processing=FUSED),),
    ("yolact", _SEGMENTATION): (Entry(outputs=_yolact, post_processing=RAW),),
    ("rfdetr", _SEGMENTATION): (Entry(outputs=rfdetr(lambda rng: rng.normal(size=(BOXES, SIDE, SIDE)))),),
    ("rfdetr", _POSE): (Entry(outputs=rfdetr(uncertain_points), documents=KEY_POINTS),),
    **{(name, _POSE): _both(yolo(points), rows(points), documents=KEY_POINTS) for name in ("yolov8", "yolov11")},
    ("yolo26", _POSE): (Entry(outputs=rows(points), post_processing=FUSED, documents=KEY_POINTS),),
    **{
        (name, _CLASSIFICATION): (Entry(outputs=vector(CLASSES), post_processing=SOFTMAX),)
        for name in ("yolov8", "yolov11", "yolo26", "vit", "resnet", "dinov3_probe")
    },
    **{
        (name, _LABELS): (Entry(outputs=vector(CLASSES), post_processing=SIGMOID),)
        for name in ("vit", "resnet", "dinov3_probe")
    },
    **{
        (name, _SEMANTIC): (Entry(outputs=maps(1 + CLASSES), names=WITH_BACKGROUND),)
        for name in ("deep-lab-v3-plus", "yolo26", "rfdetr")
    },
    ("yolo26", "depth-estimation"): (Entry(outputs=lambda rng: [rng.uniform(0.5, 9, (1, SIZE, SIZE))], names=()),),
    ("l2cs-net", "gaze-detection"): (
        Entry(outputs=lambda rng: [rng.uniform(-1, 1, 1) for _ in range(2)], size=448, names=()),
    ),
    ("pp-ocrv6-det", _DETECTION): (
        Entry(
            outputs=_text_map,
            names=(),
            inputs=_TEXT_INPUT,
            documents={"inference.yml": {"PostProcess": {"unclip_ratio": 1.5}}},
        ),
    ),
    ("pp-ocrv6-rec", "text-only-ocr"): (
        Entry(
            outputs=_steps(0),
            moved=_steps(-1),
            names=(),
            inputs=_TEXT_INPUT,
            documents={"inference.yml": {"PostProcess": {"character_dict": list(CHARACTERS)}}},
        ),
    ),
    ("clip", "embedding"): (
        Entry(
            outputs=vector(6),
            names=(),
            inputs={"visual": ("float32", (3, SIZE, SIZE)), "textual": ("int64", (77,))},
        ),
    ),
}

CATALOG = {(spec.architecture, spec.task): spec for spec in MODELS}
CASES = {
    " ".join(filter(None, (*key, entry.variant))): (CATALOG[key], entry)
    for key in CATALOG
    for entry in ENTRIES.get(key, ())
    if not missing_modules(CATALOG[key].requires_modules)
}
"""Name -> row and entry, of those that the catalog has and whose optional packages are here."""

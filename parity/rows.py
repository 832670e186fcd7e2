"""Every architecture, task and variant that both systems have; data, and the layout of each one's outputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from parity import graphs, matrix, scenes
from parity.graphs import Output
from parity.scenes import BOX_SWAY, CLASSES, KEY_POINTS, LOGIT_SWAY, SLOTS, SWAY, Size

Outputs = Callable[[np.random.Generator, Size], "list[Output]"]

_NMS = ("confidence", "iou_threshold", "class_agnostic_nms", "max_detections")
_RAW: Mapping[str, Any] = {"type": "nms", "fused": False}
_FUSED: Mapping[str, Any] = {
    "type": "nms",
    "fused": True,
    "nms_parameters": {"max_detections": 20, "confidence_threshold": 0.1, "iou_threshold": 0.5, "class_agnostic": 0},
}
_CALL = ("pictures_per_call", "input_color_format")


@attrs.frozen(kw_only=True)
class Row:
    """One architecture, task and variant.

    Attributes:
        architecture: As packages call it.
        task: The same.
        variant: What tells two rows of the same task apart.
        kind: What a result holds; see :mod:`parity.answers`.
        outputs: Makes the graph's outputs for a size.
        size: (height, width) of the network's input in pixels.
        call: Names of the arguments that a prediction call has, of :data:`parity.matrix.CALL`.
        more: Settings of this row beside those of the matrix.
        class_names: Of ``class_names.txt``.
        removed_classes: Of ``class_names_operations``.
        post_processing: Of ``inference_config.json``.
        has_config: Whether the package has an ``inference_config.json``.
        features: Of ``model_config.json``.
        documents: Further files of the package.
        write: Writes the graphs, for rows that are not one graph of one input.
        has_tensors: Whether both systems show what their networks see.
        leave_out: Names of settings of packages and calls that say nothing here.
        adapt: Names of functions of :mod:`parity.adapting` that turn the reference's answer into ours where
            ``docs/differences.md`` says that they differ.
    """

    architecture: str
    task: str
    kind: str
    outputs: Outputs = lambda rng, size: []  # noqa: ARG005
    variant: str = ""
    size: Size = (96, 128)
    call: tuple[str, ...] = ()
    more: Mapping[str, tuple[Any, ...]] = attrs.field(factory=dict)
    class_names: tuple[str, ...] = CLASSES
    removed_classes: tuple[str, ...] = ()
    post_processing: Mapping[str, Any] | None = None
    has_config: bool = True
    features: tuple[str, ...] = ()
    documents: Mapping[str, Any] = attrs.field(factory=dict)
    write: Callable[[Path, int | None], None] | None = None
    has_tensors: bool = True
    leave_out: tuple[str, ...] = ()
    adapt: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tables and golden data call the row."""
        return " ".join(filter(None, (self.architecture, self.task, self.variant)))

    @property
    def seed(self) -> int:
        """Of everything random in the row; changes with nothing but its name."""
        return zlib.crc32(self.name.encode())

    @property
    def cases(self) -> tuple[matrix.Case, ...]:
        """The settings to compare in, every two of them together at least once."""
        package = matrix.PACKAGE if self.has_config else {"graph_batch": matrix.PACKAGE["graph_batch"]}
        call = {name: matrix.CALL[name] for name in (*_CALL, *self.call)}
        factors = {**package, **call, **self.more}
        return matrix.covering(tuple((name, tuple(v)) for name, v in factors.items() if name not in self.leave_out))

    def write_graphs(self, folder: Path, batch: int | None) -> None:
        """Writes the graph, or graphs."""
        if self.write is not None:
            self.write(folder, batch)
            return
        outputs = self.outputs(np.random.default_rng(self.seed), self.size)
        graphs.save(folder / "weights.onnx", self.size, outputs, batch=batch, seed=self.seed)


def _yolo(*, corners: bool = False, objectness: bool = False, fields_first: bool = True, extras: str = "") -> Outputs:
    """Raw outputs of a YOLO: boxes, scores, key points."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        found = scenes.boxes(rng, size, 16, 3)
        parts: list[Any] = [(found if corners else scenes.xywh(found), BOX_SWAY)]
        classes = scenes.class_scores(rng, len(found), members=3)
        if objectness:
            parts.append((scenes.scores(rng, len(found)), SWAY))
        parts.append((classes, np.where(classes > SWAY, SWAY, 0)))
        if extras == "key points":
            parts.append(scenes.key_points(rng, found))
        return [scenes.joined(*parts, fields_first=fields_first)]

    return outputs


def _rows(*, key_points: bool = False) -> Outputs:
    """Final rows, from graphs that suppress boxes themselves or need not."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        corners, parts = scenes.rows(rng, size)
        return [scenes.joined(*parts, *([scenes.key_points(rng, corners)] if key_points else []))]

    return outputs


def _nas(rng: np.random.Generator, size: Size) -> list[Output]:
    found, classes = scenes.boxes(rng, size, 16, 3), scenes.class_scores(rng, 48, members=3)
    return [Output(base=found, amplitude=BOX_SWAY), Output(base=classes, amplitude=np.where(classes > SWAY, SWAY, 0))]


def _lite(rng: np.random.Generator, size: Size) -> list[Output]:
    found, sure = scenes.boxes(rng, size, 16, 3), 0.98
    classes = scenes.logits(np.clip(scenes.class_scores(rng, 48, members=3) / sure, 1e-4, 0.999))
    objectness = np.full((48, 1), scenes.logits(np.array(sure)))
    return [
        Output(base=found, amplitude=BOX_SWAY),
        Output(base=objectness, amplitude=LOGIT_SWAY / 4),
        Output(base=classes, amplitude=LOGIT_SWAY),
    ]


def _rfdetr(*, with_masks: bool = False, with_key_points: bool = False, classes: int = 5) -> Outputs:
    """Boxes in shares of the input, logits with one class more than there are names, masks or key points."""

    def outputs(rng: np.random.Generator, size: Size) -> list[Output]:
        found = np.concatenate([rng.uniform(0.1, 0.9, (24, 2)), rng.uniform(0.05, 0.6, (24, 2))], axis=1)
        labels = scenes.logits(np.clip(scenes.class_scores(rng, 24, classes), 1e-4, 0.999))
        given = [Output(base=found, amplitude=0.02), Output(base=labels, amplitude=LOGIT_SWAY)]
        if with_masks:
            given.append(Output(base=scenes.blobs(rng, 24, (size[0] // 4, size[1] // 4)), amplitude=0.2))
        if with_key_points:
            given.append(_uncertain_key_points(rng, 24, classes))
        return given

    return outputs


def _uncertain_key_points(rng: np.random.Generator, count: int, classes: int) -> Output:
    shape = (count, classes * SLOTS)
    spread = rng.uniform(1.5, 3.5, (*shape, 3)) * (1, 0.1, 1)
    found = scenes.logits(scenes.scores(rng, *shape))[..., None]
    values = [rng.uniform(-0.1, 1.1, (*shape, 2)), found, np.zeros((*shape, 1)), spread, np.zeros((*shape, 1))]
    sway = np.array([0.02, 0.02, LOGIT_SWAY, 0, 0.05, 0.05, 0.05, 0])
    base = np.concatenate(values, axis=-1)
    return Output(base=base, amplitude=np.broadcast_to(sway, base.shape))


def _key_points_metadata(names: tuple[int, ...] = KEY_POINTS) -> dict[str, Any]:
    entries = [
        {
            "object_class_id": index,
            "keypoints": {str(point): f"point {point}" for point in range(count)},
            "edges": [{"from": 0, "to": count - 1}] if count > 1 else [],
        }
        for index, count in enumerate(names)
    ]
    return {"keypoints_metadata.json": entries}


def _gaze(rng: np.random.Generator, size: Size) -> list[Output]:  # noqa: ARG001
    return [Output(base=rng.uniform(-0.5, 0.5, 1), amplitude=0.4) for _ in range(2)]


def _detection(architecture: str, outputs: Outputs, variant: str = "", **more: Any) -> Row:
    said: dict[str, Any] = {"kind": "boxes", "call": _NMS, "post_processing": _RAW}
    return Row(architecture=architecture, task="object-detection", outputs=outputs, variant=variant, **said | more)


def _fused(task: str, architecture: str, outputs: Outputs, kind: str, **more: Any) -> Row:
    said = {"post_processing": _FUSED, "features": ("nms_fused",), "call": ("confidence",), "variant": "nms_fused"}
    return Row(architecture=architecture, task=task, outputs=outputs, kind=kind, **said | more)


_DETECTION = "object-detection"
_KEY_POINTS: Mapping[str, Any] = {
    "task": "keypoint-detection",
    "kind": "key points",
    "documents": _key_points_metadata(),
    "adapt": ("key_points_in_picture",),
    "more": {"key_points_threshold": (None, 0.5)},
}
_RFDETR: Mapping[str, Any] = {"architecture": "rfdetr", "adapt": ("declared_color_order",)}
_TWO_STEPS = {"dataset_size": (None, (80, 112))}

DETECTORS = (
    *(_detection(name, _yolo()) for name in ("yolov8", "yolov9", "yolov11", "yolov12")),
    *(_fused(_DETECTION, name, _rows(), "boxes") for name in ("yolov8", "yolov9", "yolov11", "yolov12")),
    _detection("yolov5", _yolo(objectness=True, fields_first=False)),
    _detection("yolov10", _rows(), call=("confidence", "max_detections"), post_processing=_FUSED),
    _detection("yolo26", _rows(), call=("confidence",), post_processing=_FUSED),
    _detection("yolonas", _nas),
    _detection("yololite", _lite),
    _fused(_DETECTION, "yololite", _rows(), "boxes"),
    Row(
        task=_DETECTION,
        kind="boxes",
        outputs=_rfdetr(),
        call=("confidence",),
        more=_TWO_STEPS,
        **_RFDETR,
    ),
    Row(
        task=_DETECTION,
        kind="boxes",
        variant="classes removed",
        outputs=_rfdetr(classes=4),
        call=("confidence",),
        removed_classes=("dog",),
        **_RFDETR,
    ),
)
POSES = (
    *(
        Row(architecture=name, outputs=_yolo(extras="key points"), call=_NMS, post_processing=_RAW, **_KEY_POINTS)
        for name in ("yolov8", "yolov11")
    ),
    *(_fused(architecture=name, outputs=_rows(key_points=True), **_KEY_POINTS) for name in ("yolov8", "yolov11")),
    Row(
        architecture="yolo26",
        outputs=_rows(key_points=True),
        call=("confidence",),
        post_processing=_FUSED,
        **_KEY_POINTS,
    ),
    Row(
        task="keypoint-detection",
        kind="key points",
        variant="classes removed",
        outputs=_rfdetr(with_key_points=True, classes=4),
        call=("confidence",),
        removed_classes=("dog",),
        documents=_key_points_metadata((3, 2, 3, 1)),
        more=_TWO_STEPS | {"key_points_threshold": (None, 0.5)},
        **_RFDETR,
    ),
)
SEGMENTERS = (
    Row(
        task="instance-segmentation",
        kind="masks",
        outputs=_rfdetr(with_masks=True),
        call=("confidence", "max_detections"),
        more=_TWO_STEPS,
        **_RFDETR | {"adapt": ("declared_color_order", "masks_of_picture_size")},
    ),
)
OTHERS = (
    Row(
        architecture="l2cs-net",
        task="gaze-detection",
        kind="gaze",
        outputs=_gaze,
        size=(448, 448),
        has_config=False,
        class_names=(),
        leave_out=("graph_batch",),
    ),
)
ROWS = (*DETECTORS, *POSES, *SEGMENTERS, *OTHERS)

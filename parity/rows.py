"""Every architecture, task and variant that both systems have; data, and the layout of each one's outputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from parity import graphs, layouts, matrix
from parity.layouts import Outputs
from parity.scenes import CLASSES, KEY_POINTS, Size

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
        std: What the network's input is divided by, for families whose packages do not say.
        least_side: Pictures with a shorter side are left out.
        batches: Of its graphs; ``None`` for any.
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
    std: tuple[float, ...] | None = None
    leave_out: tuple[str, ...] = ()
    least_side: int = 0
    batches: tuple[int | None, ...] = matrix.PACKAGE["graph_batch"]
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
        package = {**(matrix.PACKAGE if self.has_config else {}), "graph_batch": self.batches}
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
    *(_detection(name, layouts.yolo()) for name in ("yolov8", "yolov9", "yolov11", "yolov12")),
    *(_fused(_DETECTION, name, layouts.rows(), "boxes") for name in ("yolov8", "yolov9", "yolov11", "yolov12")),
    _detection("yolov5", layouts.yolo(objectness=True, fields_first=False)),
    _detection("yolov10", layouts.rows(), call=("confidence", "max_detections"), post_processing=_FUSED),
    _detection("yolo26", layouts.rows(), call=("confidence",), post_processing=_FUSED),
    _detection("yolonas", layouts.nas),
    _detection("yololite", layouts.lite),
    _fused(_DETECTION, "yololite", layouts.rows(), "boxes"),
    Row(
        task=_DETECTION,
        kind="boxes",
        outputs=layouts.rfdetr(),
        call=("confidence",),
        more=_TWO_STEPS,
        **_RFDETR,
    ),
    Row(
        task=_DETECTION,
        kind="boxes",
        variant="classes removed",
        outputs=layouts.rfdetr(classes=4),
        call=("confidence",),
        removed_classes=("dog",),
        **_RFDETR,
    ),
)
_POSES = layouts.yolo(extras="key points")
_POSE_ROWS = layouts.rows(key_points=True)
POSES = (
    *(
        Row(architecture=name, outputs=_POSES, call=_NMS, post_processing=_RAW, **_KEY_POINTS)
        for name in ("yolov8", "yolov11")
    ),
    *(_fused(architecture=name, outputs=_POSE_ROWS, **_KEY_POINTS) for name in ("yolov8", "yolov11")),
    Row(
        architecture="yolo26",
        outputs=_POSE_ROWS,
        call=("confidence",),
        post_processing=_FUSED,
        **_KEY_POINTS,
    ),
    Row(
        task="keypoint-detection",
        kind="key points",
        variant="classes removed",
        outputs=layouts.rfdetr(with_key_points=True, classes=4),
        call=("confidence",),
        removed_classes=("dog",),
        documents=_key_points_metadata((3, 2, 3, 1)),
        more=_TWO_STEPS | {"key_points_threshold": (None, 0.5)},
        **_RFDETR,
    ),
)
_SEGMENTS: Mapping[str, Any] = {
    "task": "instance-segmentation",
    "kind": "masks",
    "adapt": ("masks_of_picture_size",),
    "post_processing": _RAW,
    "call": _NMS,
}
_SEGMENTED = {name: _SEGMENTS[name] for name in ("task", "kind", "adapt")}
_OBJECTNESS: Mapping[str, Any] = _SEGMENTS | {"adapt": ("masks_of_picture_size", "classes_without_objectness")}
SEGMENTERS = (
    Row(
        task="instance-segmentation",
        kind="masks",
        outputs=layouts.rfdetr(with_masks=True),
        call=("confidence", "max_detections"),
        more=_TWO_STEPS,
        **_RFDETR | {"adapt": ("declared_color_order", "masks_of_picture_size")},
    ),
    Row(architecture="yolov5", outputs=layouts.segments(objectness=True, fields_first=False), **_OBJECTNESS),
    Row(architecture="yolov7", outputs=layouts.segments(objectness=True, fields_first=False, between=3), **_OBJECTNESS),
    *(Row(architecture=name, outputs=layouts.segments(), **_SEGMENTS) for name in ("yolov8", "yolov11")),
    *(_fused(architecture=name, outputs=layouts.segments(final=True), **_SEGMENTED) for name in ("yolov8", "yolov11")),
    Row(
        architecture="yolo26",
        outputs=layouts.segments(final=True),
        **_SEGMENTS | {"call": ("confidence",), "post_processing": _FUSED},
    ),
    Row(architecture="yolact", outputs=layouts.yolact, batches=(1,), **_SEGMENTS),
)
_CLASSIFIERS = ("vit", "resnet", "dinov3_probe")
CLASSIFIERS = (
    *(
        Row(
            architecture=name,
            task="classification",
            kind="class",
            variant=variant,
            outputs=layouts.scores(fused="softmax" if variant else None),
            post_processing={"type": "softmax", "fused": bool(variant)},
        )
        for name in ("yolov8", "yolov11", *_CLASSIFIERS)
        for variant in ("", "fused")
    ),
    *(
        Row(
            architecture=name,
            task="multi-label-classification",
            kind="labels",
            variant=variant,
            outputs=layouts.scores(fused="sigmoid" if variant else None),
            call=("confidence",),
            post_processing={"type": "sigmoid", "fused": bool(variant)},
        )
        for name in _CLASSIFIERS
        for variant in ("", "fused")
    ),
)
_MAPS: Mapping[str, Any] = {
    "task": "semantic-segmentation",
    "kind": "classes map",
    "class_names": ("background", *CLASSES),
    "outputs": layouts.planes(len(CLASSES) + 1),
    "call": ("confidence",),
    "adapt": ("maps_of_picture_size", "only_what_was_seen"),
}
_ONE_CLASS: Mapping[str, Any] = {
    "variant": "one channel",
    "class_names": ("background", "cat"),
    "outputs": layouts.planes(1),
}
MAPS = (
    Row(architecture="deep-lab-v3-plus", **_MAPS),
    Row(architecture="deep-lab-v3-plus", **_MAPS | _ONE_CLASS),
    Row(architecture="yolo26", **_MAPS),
    Row(architecture="yolo26", **_MAPS | _ONE_CLASS),
    Row(architecture="rfdetr", more=_TWO_STEPS, **_MAPS | {"adapt": ("declared_color_order", *_MAPS["adapt"])}),
    Row(
        architecture="yolo26",
        task="depth-estimation",
        kind="depth",
        class_names=(),
        outputs=layouts.planes(1, base=5.0),
        adapt=_MAPS["adapt"],
    ),
)
OTHERS = (
    Row(
        architecture="l2cs-net",
        task="gaze-detection",
        kind="gaze",
        outputs=layouts.gaze,
        size=(448, 448),
        has_config=False,
        class_names=(),
        leave_out=("graph_batch",),
        std=(0.229, 0.224, 0.225),
    ),
    Row(
        architecture="clip",
        task="embedding",
        kind="vector",
        write=layouts.clip,
        has_config=False,
        class_names=(),
        leave_out=("graph_batch",),
        std=(0.26862954, 0.26130258, 0.27577711),
    ),
)


def config_of(architecture: str, task: str, **more: Any) -> dict[str, Any]:
    """A ``model_config.json``."""
    return {"model_architecture": architecture, "task_type": task, "backend_type": "onnx", **more}


def _detector_document(variant: str, limit: int, order: str) -> dict[str, Any]:
    operations = [
        {"DecodeImage": {"img_mode": order, "channel_first": False}},
        {"DetResizeForTest": {"limit_side_len": limit, "limit_type": variant}},
        {"NormalizeImage": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255."}},
    ]
    settings = {"name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5}
    return {"PreProcess": {"transform_ops": operations}, "PostProcess": settings}


_READER_DOCUMENT: Mapping[str, Any] = {
    "PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
    "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(layouts.CHARACTERS)},
}
_BARE: Mapping[str, Any] = {"has_config": False, "class_names": (), "leave_out": ("graph_batch",)}
_DETECTOR: Mapping[str, Any] = {"architecture": "pp-ocrv6-det", "task": "object-detection"}
_READER: Mapping[str, Any] = {"architecture": "pp-ocrv6-rec", "task": "text-only-ocr"}
TEXTS = (
    *(
        Row(
            variant=f"{variant} {limit} {order}",
            kind="polygons",
            write=layouts.text_regions,
            documents={"inference.yml": _detector_document(variant, limit, order)},
            std=(0.229, 0.224, 0.225),
            **_DETECTOR,
            **_BARE,
        )
        for variant, limit, order in (("min", 160, "BGR"), ("max", 256, "RGB"))
    ),
    Row(
        kind="text",
        write=layouts.text_lines,
        documents={"inference.yml": _READER_DOCUMENT},
        std=(0.5, 0.5, 0.5),
        **_READER,
        **_BARE,
    ),
    Row(
        architecture="pp-ocrv6",
        task="pipeline",
        kind="page",
        least_side=32,  # whole pixels, which the reference rounds to, leave no order in less
        write=layouts.page,
        documents={
            "detector/inference.yml": _detector_document("min", 160, "BGR"),
            "detector/model_config.json": config_of(**_DETECTOR),
            "reader/inference.yml": _READER_DOCUMENT,
            "reader/model_config.json": config_of(**_READER),
        },
        **_BARE | {"leave_out": ("graph_batch", "input_color_format")},
    ),
)
ROWS = (*DETECTORS, *POSES, *SEGMENTERS, *CLASSIFIERS, *MAPS, *TEXTS, *OTHERS)

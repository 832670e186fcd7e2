"""The metadata that Ultralytics writes into its exports (https://docs.ultralytics.com/modes/export/).

Keys: ``description``, ``author``, ``version``, ``task``, ``stride``, ``batch``, ``imgsz``, ``names``, ``args``,
``end2end``. Values are texts of Python literals where the format takes only texts (``metadata_props`` of ONNX files),
else what JSON makes of them (``config.txt`` of TorchScript archives), where the class ids of ``names`` are texts.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, TypeVar

from inference_models_core.errors import MalformedDocumentError
from inference_models_core.types.backends import BatchSupport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_TASKS = {
    "detect": "object-detection",
    "segment": "instance-segmentation",
    "pose": "keypoint-detection",
    "classify": "classification",
    "obb": "oriented-object-detection",
    "semantic": "semantic-segmentation",
    "depth": "depth-estimation",
}
_LETTERBOXED = frozenset(("detect", "segment", "pose", "obb"))
_FAMILY = re.compile(r"YOLO[- ]?v?(\d{1,2})", re.IGNORECASE)
_ARCHITECTURES = {
    # Ultralytics gave its own versions of the older families the head of YOLOv8.
    "3": "yolov8",
    "5": "yolov8",
    "6": "yolov8",
    "8": "yolov8",
    "9": "yolov9",
    "10": "yolov10",
    "11": "yolov11",
    "12": "yolov12",
    "26": "yolo26",
}
_ENDING = frozenset(("yolov10", "yolo26"))
_GREY = 114
_MAX_LITERAL = 256 * 1024
_MAX_CLASSES = 100_000
_MAX_SIDE = 65_536


def read_ultralytics(
    metadata: Mapping[str, Any], graph_size: tuple[int, int] | None, name: str, *, graph_says_sizes: bool = True
) -> dict[str, Any] | None:
    """Reads the metadata of an export.

    Args:
        metadata: What the file says about itself.
        graph_size: (height, width) that the graph fixes, if it does; it wins over the metadata.
        name: The file's name, for errors.
        graph_says_sizes: Whether a graph of this format would fix a size if it had one; if not, only an export that was
            asked to be dynamic takes others than its own.

    Returns:
        Fields of ``LocalFileFacts``; ``None`` if Ultralytics did not write the file.

    Raises:
        MalformedDocumentError: If the metadata is damaged.
    """
    reader = _Metadata(metadata, name)
    if reader.text("author").lower() != "ultralytics":
        return None
    size = graph_size or reader.image_size()
    dynamic = graph_size is None and (graph_says_sizes or reader.is_dynamic())
    task = reader.text("task")
    return {
        "architecture": _with_head_of(architecture(reader.text("description")), reader),
        "task": _TASKS.get(task),
        "class_names": reader.class_names(),
        "input_size": size,
        "preprocessing": _preprocessing(size, dynamic, reader) if task in _LETTERBOXED else None,
        "features": reader.features(),
        "origin": f"ultralytics {reader.text('version')}".strip(),
    }


def read_batch(metadata: Mapping[str, Any], name: str) -> BatchSupport:
    """Batch sizes of an export whose graph does not say them.

    Args:
        metadata: What the file says about itself, written by Ultralytics.
        name: The file's name, for errors.

    Returns:
        See :func:`read_dynamic_batch` where the export was asked to be dynamic, else the one that it was made with.

    Raises:
        MalformedDocumentError: If the metadata is damaged.
    """
    reader = _Metadata(metadata, name)
    return _dynamic_batch(reader) if reader.is_dynamic() else BatchSupport(static=reader.batch())


def read_dynamic_batch(metadata: Mapping[str, Any], name: str) -> BatchSupport:
    """Batch sizes of an export whose graph takes any.

    Suppression inside the graph is a loop over the pictures that it was exported with: of a larger batch, all that
    follow come back without boxes.

    Args:
        metadata: What the file says about itself, written by Ultralytics.
        name: The file's name, for errors.

    Raises:
        MalformedDocumentError: If the metadata is damaged.
    """
    return _dynamic_batch(_Metadata(metadata, name))


def _dynamic_batch(reader: _Metadata) -> BatchSupport:
    return BatchSupport(maximum=reader.batch() if reader.features() else None)


def architecture(description: str) -> str | None:
    """The family whose decoding fits, from a description such as ``"Ultralytics YOLO11n model trained on coco.yaml"``.

    In the platform's spelling (``"yolov11"``, ``"yolo26"``); ``None`` for a description that names no known family.
    """
    found = _FAMILY.search(description)
    return _ARCHITECTURES.get(found[1]) if found else None


def _with_head_of(family: str | None, metadata: _Metadata) -> str | None:
    """YOLOv10 and YOLO26 without the head that needs no suppression have that of YOLOv8, and newer exports say so."""
    raw = family in _ENDING and metadata.text("task") in _LETTERBOXED and metadata.ends() is False
    return "yolov8" if raw else family


def _preprocessing(size: tuple[int, int] | None, dynamic: bool, metadata: _Metadata) -> dict[str, Any] | None:
    """An ``inference_config.json`` equivalent of what Ultralytics does before its networks."""
    if size is None:
        return None
    network_input: dict[str, Any] = {
        "training_input_size": {"height": size[0], "width": size[1]},
        "dynamic_spatial_size_supported": dynamic,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": _GREY,
        "input_channels": metadata.channels(),
        "scaling_factor": 255,
        "normalization": None,
        "rounding": "ultralytics",
    }
    if dynamic:
        network_input["dynamic_spatial_size_mode"] = {"type": "pad-to-be-divisible", "value": metadata.stride()}
    return {"network_input": network_input}


class _Metadata:
    """Values of the metadata, each checked for its shape."""

    def __init__(self, metadata: Mapping[str, Any], name: str) -> None:
        self._metadata = metadata
        self._name = name

    def text(self, key: str) -> str:
        """Plain text; empty where there is none."""
        value = self._metadata.get(key)
        return value if isinstance(value, str) else ""

    def _read(self, key: str, expected: str, convert: Callable[[Any], T | None], default: T) -> T:
        given = self._metadata.get(key)
        if given is None:
            return default
        value = convert(_literal(given) if isinstance(given, str) else given)
        if value is None:
            found = repr(given)[:60]
            raise MalformedDocumentError(f"{self._name}: metadata {key!r}: expected {expected}, found {found}")
        return value

    def class_names(self) -> tuple[str, ...] | None:
        """Names by class id, from ``{0: 'person', 1: ...}`` or a list."""
        return self._read("names", "names for the classes 0 to n-1", _to_names, None)

    def image_size(self) -> tuple[int, int] | None:
        """(height, width) from ``[640, 640]`` or ``640``."""
        return self._read("imgsz", "[height, width] in pixels", _to_size, None)

    def stride(self) -> int:
        """What sides must be multiples of."""
        return self._read("stride", "a whole number from 1 to 1024", _to_count, 32)

    def channels(self) -> int:
        """Channels of a picture; newer exports say so, older ones have three."""
        return self._read("channels", "a whole number from 1 to 1024", _to_count, 3)

    def arguments(self) -> dict[str, Any]:
        """What the exporter was asked for."""
        return self._read("args", "export arguments", _to_mapping, {})

    def is_dynamic(self) -> bool:
        """Whether any batch and size were asked for."""
        return self.arguments().get("dynamic") is True

    def ends(self) -> bool | None:
        """Whether the graph gives final boxes without suppression; ``None`` where it is not said."""
        return self._read("end2end", "True or False", lambda value: value if isinstance(value, bool) else None, None)

    def batch(self) -> int:
        """Pictures of one run; 1 where it is not said, which is the exporter's own default."""
        return self._read("batch", "a whole number from 1 to 1024", _to_count, 1)

    def features(self) -> dict[str, Any]:
        """``nms_fused`` where the export includes non-maximum suppression."""
        arguments = self.arguments()
        if arguments.get("nms") is not True:
            return {}
        known = {
            "max_detections": arguments.get("max_det"),
            "confidence_threshold": arguments.get("conf"),
            "iou_threshold": arguments.get("iou"),
            "class_agnostic": arguments.get("agnostic_nms"),
        }
        return {"nms_fused": {key: value for key, value in known.items() if isinstance(value, (int, float))}}


def _literal(text: str) -> Any:
    if len(text) > _MAX_LITERAL:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _to_names(value: Any) -> tuple[str, ...] | None:
    names = dict(enumerate(value)) if isinstance(value, (list, tuple)) else value
    if not isinstance(names, dict) or not 0 < len(names) <= _MAX_CLASSES:
        return None
    ordered = [names.get(index, names.get(str(index))) for index in range(len(names))]
    texts = tuple(name for name in ordered if isinstance(name, str))
    return texts if len(texts) == len(ordered) else None


def _to_size(value: Any) -> tuple[int, int] | None:
    sides = (value, value) if isinstance(value, int) else value
    if not isinstance(sides, (list, tuple)) or len(sides) != 2:
        return None
    height, width = sides
    return (height, width) if _is_side(height) and _is_side(width) else None


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_SIDE


def _to_count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and 1 <= value <= 1024 else None


def _to_mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None

"""The registered families; data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models_core.types.models import ModelSpec

from inference_models_vision.installation import INSTALL_OCR, OCR_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAMILIES = "inference_models_vision.families."
_SUPPRESSES_BOXES: Any = frozenset({"nms_fused"})
_RFDETR: Any = frozenset({"resolution", "patch_size", "num_windows", "dec_layers", "num_queries", "num_select"})
"""What RF-DETR packages say of how their network was built; an exported graph needs none of it."""


def _rows(task: str, implementation: str, features: Any, **architectures: str) -> Iterator[ModelSpec]:
    """One row per architecture that one class of ours serves."""
    for architecture, summary in architectures.items():
        yield ModelSpec(
            architecture=architecture,
            task=task,
            implementation=_FAMILIES + implementation,
            supports_features=features,
            summary=summary,
        )


def _object_detection(name: str, features: Any = frozenset(), **architectures: str) -> Iterator[ModelSpec]:
    return _rows("object-detection", f"yolo.object_detection:{name}", features, **architectures)


def _instance_segmentation(name: str, features: Any = frozenset(), **architectures: str) -> Iterator[ModelSpec]:
    return _rows("instance-segmentation", f"yolo.instance_segmentation:{name}", features, **architectures)


MODELS = (
    *_object_detection(
        "YoloObjectDetection",
        _SUPPRESSES_BOXES,
        yolov8="YOLOv8 object detection, raw outputs or with non-maximum suppression in the graph",
        yolov9="YOLOv9 object detection, raw outputs or with non-maximum suppression in the graph",
        yolov11="YOLO11 object detection, raw outputs or with non-maximum suppression in the graph",
        yolov12="YOLOv12 object detection, raw outputs or with non-maximum suppression in the graph",
    ),
    *_object_detection("YoloV5ObjectDetection", yolov5="YOLOv5 object detection"),
    *_object_detection("YoloV10ObjectDetection", yolov10="YOLOv10 object detection, final rows"),
    *_object_detection("Yolo26ObjectDetection", yolo26="YOLO26 object detection, final rows"),
    *_object_detection("YoloNasObjectDetection", yolonas="YOLO-NAS object detection"),
    *_object_detection(
        "YoloLiteObjectDetection",
        _SUPPRESSES_BOXES,
        yololite="YOLO-lite object detection, raw outputs or with non-maximum suppression in the graph",
    ),
    *_rows("object-detection", "rfdetr.object_detection:RfDetrObjectDetection", _RFDETR, rfdetr="RF-DETR boxes"),
    *_rows(
        "instance-segmentation",
        "rfdetr.instance_segmentation:RfDetrInstanceSegmentation",
        _RFDETR,
        rfdetr="RF-DETR boxes with masks",
    ),
    *_rows(
        "keypoint-detection",
        "rfdetr.key_points:RfDetrKeyPointDetection",
        _RFDETR,
        rfdetr="RF-DETR boxes with key points and their covariances",
    ),
    *_rows(
        "keypoint-detection",
        "yolo.key_points:YoloKeyPointDetection",
        _SUPPRESSES_BOXES,
        yolov8="YOLOv8 boxes with key points, raw outputs or with non-maximum suppression in the graph",
        yolov11="YOLO11 boxes with key points, raw outputs or with non-maximum suppression in the graph",
    ),
    *_rows(
        "keypoint-detection",
        "yolo.key_points:Yolo26KeyPointDetection",
        frozenset(),
        yolo26="YOLO26 boxes with key points, final rows",
    ),
    *_rows(
        "classification",
        "classification:YoloClassification",
        frozenset(),
        yolov8="YOLOv8 classification",
        yolov11="YOLO11 classification",
        yolo26="YOLO26 classification",
    ),
    *_rows(
        "classification",
        "classification:SoftmaxClassification",
        frozenset(),
        vit="ViT classification",
        resnet="ResNet classification",
        dinov3_probe="classification by a linear layer on DINOv3",
    ),
    *_rows(
        "multi-label-classification",
        "classification:SigmoidClassification",
        frozenset(),
        vit="ViT classification with any number of labels",
        resnet="ResNet classification with any number of labels",
    ),
    *_rows(
        "multi-label-classification",
        "classification:DinoV3SigmoidClassification",
        frozenset(),
        dinov3_probe="classification with any number of labels by a linear layer on DINOv3",
    ),
    ModelSpec(
        architecture="deep-lab-v3-plus",
        task="semantic-segmentation",
        implementation=_FAMILIES + "semantic_segmentation:DeepLabV3PlusSemanticSegmentation",
        summary="DeepLabV3+: a class for every pixel",
    ),
    *_rows(
        "semantic-segmentation",
        "semantic_segmentation:Yolo26SemanticSegmentation",
        frozenset(),
        yolo26="YOLO26: a class for every pixel",
    ),
    *_rows(
        "semantic-segmentation",
        "rfdetr.semantic_segmentation:RfDetrSemanticSegmentation",
        _RFDETR,
        rfdetr="RF-DETR: a class for every pixel",
    ),
    *_rows(
        "depth-estimation",
        "depth_estimation:Yolo26DepthEstimation",
        frozenset(),
        yolo26="YOLO26: a distance for every pixel",
    ),
    *_instance_segmentation(
        "YoloV8InstanceSegmentation",
        _SUPPRESSES_BOXES,
        yolov8="YOLOv8 boxes with masks, raw outputs or with non-maximum suppression in the graph",
        yolov11="YOLO11 boxes with masks, raw outputs or with non-maximum suppression in the graph",
    ),
    *_instance_segmentation(
        "YoloV5InstanceSegmentation", yolov5="YOLOv5 boxes with masks", yolov7="YOLOv7 boxes with masks"
    ),
    *_instance_segmentation("Yolo26InstanceSegmentation", yolo26="YOLO26 boxes with masks, final rows"),
    *_rows("instance-segmentation", "yolact:YolactInstanceSegmentation", frozenset(), yolact="YOLACT boxes with masks"),
    ModelSpec(
        architecture="l2cs-net",
        task="gaze-detection",
        implementation=_FAMILIES + "l2cs_net:L2csNetGazeDetection",
        summary="L2CS-Net: where a face looks, from a crop of it",
    ),
    ModelSpec(
        architecture="pp-ocrv6-det",
        task="object-detection",
        implementation=_FAMILIES + "pp_ocr.detection:PpOcrTextDetection",
        graphs=("inference",),
        requires_modules=OCR_MODULES,
        install_hint=INSTALL_OCR,
        summary="PP-OCR: where there is text, as boxes and turned quads",
    ),
    ModelSpec(
        architecture="pp-ocrv6-rec",
        task="text-only-ocr",
        implementation=_FAMILIES + "pp_ocr.recognition:PpOcrTextRecognition",
        graphs=("inference",),
        requires_modules=OCR_MODULES,
        install_hint=INSTALL_OCR,
        summary="PP-OCR: what a line of text says",
    ),
    ModelSpec(
        architecture="clip",
        task="embedding",
        implementation=_FAMILIES + "clip:ClipEmbedding",
        graphs=("visual", "textual"),
        summary="CLIP embeddings of pictures and texts",
    ),
)

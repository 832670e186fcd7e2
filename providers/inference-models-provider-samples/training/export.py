"""Write the packages of a trained detector: ONNX graphs, their configuration files and `index.json`.

Everything in `models/shapes-detector/` comes from here, so that figures and digests are never typed by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import onnxruntime
import torch
from average_precision import best_confidence
from dataset import make_samples
from network import Detector
from plain import IMAGE_SIZE, PADDING_VALUE
from shapes import CLASS_NAMES
from torch import nn
from train import VALIDATION_SEED, predict, truths

CONFIG_FILE = "model_config.json"
"""What a package needs as a local directory; the index does not list it, since whoever places a package writes it."""
MODEL_ID = "samples/shapes-detector"
ARCHITECTURE, TASK, VARIANT = "yolov8", "object-detection", "shapes-320"
OPSET = 17
MAXIMUM_DYNAMIC_BATCH = 32
TOLERANCE = 1e-4
DESTINATION = Path(__file__).parents[1] / "src" / "inference_models_provider_samples" / "models" / "shapes-detector"


@attrs.frozen(kw_only=True)
class Variant:
    """One package to write; `batch` is `None` for a dynamic batch."""

    package_id: str
    batch: int | None


VARIANTS = (Variant(package_id="fp32static", batch=1), Variant(package_id="fp32dynamic", batch=None))


def load(checkpoint: Path) -> nn.Module:
    """The trained network in evaluation mode."""
    model = Detector(len(CLASS_NAMES), IMAGE_SIZE)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return model.eval()


def recommended_confidence(model: nn.Module, scenes: int) -> float:
    """The threshold of the highest F1 at IoU 0.5 on validation scenes, rounded to two digits."""
    validation = make_samples(range(VALIDATION_SEED, VALIDATION_SEED + scenes), jitter=False)
    found, true = predict(model, validation), truths(validation)
    confidence, f1 = best_confidence(found, true, classes=len(CLASS_NAMES))
    print(f"best F1 {f1:.3f} at confidence {confidence:.3f} on {scenes} validation scenes")
    return round(confidence, 2)


def onnx_bytes(model: nn.Module, variant: Variant) -> bytes:
    """The graph as ONNX: weights inside, no doc strings, so that the same checkpoint gives the same bytes."""
    example = torch.zeros(variant.batch or 1, 3, IMAGE_SIZE, IMAGE_SIZE)
    axes = {} if variant.batch else {"images": {0: "batch"}, "output0": {0: "batch"}}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter that gives a plain graph is the older one
        torch.onnx.export(
            model, (example,), buffer, dynamo=False, opset_version=OPSET,
            input_names=["images"], output_names=["output0"], dynamic_axes=axes,
        )  # fmt: skip
    graph = onnx.load_from_string(buffer.getvalue())
    for node in graph.graph.node:
        node.ClearField("doc_string")
    onnx.checker.check_model(graph, full_check=True)
    return graph.SerializeToString(deterministic=True)


def verify(model: nn.Module, variant: Variant, data: bytes) -> float:
    """Largest difference between onnxruntime and PyTorch, over several batch sizes if the batch is dynamic."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in [variant.batch] if variant.batch else (1, 2, 5):
        images = torch.rand(size, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
        (output,) = session.run(["output0"], {"images": images.numpy()})
        with torch.no_grad():
            expected = model(images).numpy()
        worst = max(worst, float((np.abs(output - expected) / np.maximum(1.0, np.abs(expected))).max()))
    if worst > TOLERANCE:
        raise SystemExit(f"{variant.package_id}: onnxruntime differs from PyTorch by {worst:.2e}")
    return worst


def inference_config(variant: Variant, confidence: float) -> dict[str, Any]:
    """`inference_config.json`: how pictures become input and output becomes boxes."""
    return {
        "image_pre_processing": {},
        "network_input": {
            "training_input_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": PADDING_VALUE,
            "input_channels": 3,
            "scaling_factor": 255,
        },
        "forward_pass": batch_limits(variant),
        "post_processing": {
            "type": "nms",
            "fused": False,
            "nms_parameters": {
                "max_detections": 300,
                "confidence_threshold": confidence,
                "iou_threshold": 0.5,
                "class_agnostic": 0,
            },
        },
    }


def batch_limits(variant: Variant) -> dict[str, int]:
    if variant.batch:
        return {"static_batch_size": variant.batch}
    return {"max_dynamic_batch_size": MAXIMUM_DYNAMIC_BATCH}


def model_config(variant: Variant, confidence: float) -> dict[str, Any]:
    """`model_config.json`: enough to open the package as a local directory."""
    return {
        "model_architecture": ARCHITECTURE,
        "task_type": TASK,
        "backend_type": "onnx",
        "quantization": "fp32",
        "dynamic_batch_size_supported": variant.batch is None,
        "static_batch_size": variant.batch,
        "recommended_parameters": {"confidence": confidence},
    }


def write_package(folder: Path, variant: Variant, data: bytes, confidence: float) -> dict[str, Any]:
    """Write a package's files and return its entry of the index."""
    folder.mkdir(parents=True)
    (folder / "weights.onnx").write_bytes(data)
    (folder / "class_names.txt").write_bytes("".join(f"{name}\n" for name in CLASS_NAMES).encode())
    write_json(folder / "inference_config.json", inference_config(variant, confidence))
    write_json(folder / CONFIG_FILE, model_config(variant, confidence))
    return {
        "packageId": variant.package_id,
        "packageManifest": {
            "type": "onnx-model-package-v1",
            "backendType": "onnx",
            "quantization": "fp32",
            "opset": OPSET,
            "dynamicBatchSize": variant.batch is None,
            "staticBatchSize": variant.batch,
        },
        "packageFiles": [file_entry(path) for path in sorted(folder.iterdir()) if path.name != CONFIG_FILE],
        "modelFeatures": None,
        "licence": "Apache-2.0",
    }


def file_entry(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"fileHandle": path.name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Bytes, not text: the digest must not depend on the operating system's line ends."""
    path.write_bytes((json.dumps(document, indent=2) + "\n").encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="what train.py wrote")
    parser.add_argument("--out", type=Path, default=DESTINATION)
    parser.add_argument("--validation-scenes", type=int, default=300)
    arguments = parser.parse_args()
    model = load(arguments.checkpoint)
    confidence = recommended_confidence(model, arguments.validation_scenes)
    shutil.rmtree(arguments.out, ignore_errors=True)
    packages = []
    for variant in VARIANTS:
        data = onnx_bytes(model, variant)
        print(f"{variant.package_id}: {len(data):,} bytes, differs from PyTorch by {verify(model, variant, data):.1e}")
        packages.append(write_package(arguments.out / variant.package_id, variant, data, confidence))
    index = {
        "type": "external-model-metadata-v1",
        "modelId": MODEL_ID,
        "modelArchitecture": ARCHITECTURE,
        "taskType": TASK,
        "modelVariant": VARIANT,
        "recommendedParameters": {"confidence": confidence},
        "modelPackages": packages,
    }
    write_json(arguments.out / "index.json", index)


if __name__ == "__main__":
    main()

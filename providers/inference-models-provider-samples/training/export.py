"""Write the packages of a trained model: graphs, their configuration files and `index.json`.

Everything in `models/` comes from here, so that figures and digests are never typed by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch
from average_precision import best_confidence
from graphs import OPSET, largest_difference, onnx_bytes, onnx_runner, torchscript_bytes, torchscript_runner
from key_points import KEY_POINTS
from plain import PADDING_VALUE
from shapes import CLASS_NAMES
from tasks import CLASSES, TASKS, Task
from torch import nn
from train import VALIDATION_SEED, predict, truths

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG_FILE = "model_config.json"
"""What a package needs as a local directory; the index does not list it, since whoever places a package writes it."""
MAXIMUM_DYNAMIC_BATCH = 32
OLDEST_TORCH = "2.10"
"""What the TorchScript backend asks for itself; the archives hold nothing newer."""
HERE = Path(__file__).parent
DESTINATION = HERE.parent / "src" / "inference_models_provider_samples" / "models"


@attrs.frozen(kw_only=True)
class Format:
    """A kind of graph file.

    Attributes:
        backend: What runs it.
        file: Its name in a package.
        write: The file's bytes, of a network and a batch (`None`: any).
        run: Opens such bytes.
        manifest: What the package manifest says beyond what all say.
    """

    backend: str
    file: str
    write: Callable[[nn.Module, Task, int | None], bytes]
    run: Callable[[bytes, Task], Any]
    manifest: dict[str, Any]


ONNX = Format(
    backend="onnx", file="weights.onnx", write=onnx_bytes, run=onnx_runner,
    manifest={"type": "onnx-model-package-v1", "opset": OPSET},
)  # fmt: skip
TORCHSCRIPT = Format(
    backend="torch-script", file="weights.torchscript", write=torchscript_bytes, run=torchscript_runner,
    manifest={
        "type": "torch-script-model-package-v1",
        "supportedDeviceTypes": ["cpu", "cuda", "mps"],
        "torchVersion": OLDEST_TORCH,
    },
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Variant:
    """One package to write; `batch` is `None` for a dynamic batch."""

    package_id: str
    format: Format = ONNX
    batch: int | None = None


STATIC = Variant(package_id="fp32static", batch=1)
DYNAMIC = Variant(package_id="fp32dynamic")
SCRIPTED = Variant(package_id="fp32torchscript", format=TORCHSCRIPT)


def variants(task: Task) -> tuple[Variant, ...]:
    """The packages of a model; the detector alone shows a static batch."""
    return (STATIC, DYNAMIC, SCRIPTED) if task.model == "shapes-detector" else (DYNAMIC, SCRIPTED)


def load(task: Task, checkpoint: Path) -> nn.Module:
    """The trained network in evaluation mode."""
    model = task.build()
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return model.eval()


def recommended_parameters(task: Task, model: nn.Module, scenes: int) -> dict[str, float] | None:
    """The threshold of the highest F1 of boxes at IoU 0.5 on validation scenes, rounded to two digits."""
    if not task.boxes:
        return None
    validation = task.draw(range(VALIDATION_SEED, VALIDATION_SEED + scenes), jitter=False)
    confidence, f1 = best_confidence(predict(model, validation), truths(validation), classes=CLASSES)
    print(f"best F1 {f1:.3f} at confidence {confidence:.3f} on {scenes} validation scenes")
    return {"confidence": round(confidence, 2)}


def inference_config(task: Task, variant: Variant, recommended: dict[str, float] | None) -> dict[str, Any]:
    """`inference_config.json`: how pictures become input, and output becomes what the task is about."""
    return {
        "image_pre_processing": {},
        "network_input": {
            "training_input_size": {"height": task.size, "width": task.size},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "padding_value": PADDING_VALUE,
            "input_channels": 3,
            "scaling_factor": 255,
        },
        "forward_pass": batch_limits(variant),
        "post_processing": post_processing(recommended),
    }


def batch_limits(variant: Variant) -> dict[str, int]:
    if variant.batch:
        return {"static_batch_size": variant.batch}
    return {"max_dynamic_batch_size": MAXIMUM_DYNAMIC_BATCH}


def post_processing(recommended: dict[str, float] | None) -> dict[str, Any]:
    """Suppression of boxes, or, for a model without, logits to scores."""
    if recommended is None:
        return {"type": "softmax", "fused": False}
    return {
        "type": "nms",
        "fused": False,
        "nms_parameters": {
            "max_detections": 300,
            "confidence_threshold": recommended["confidence"],
            "iou_threshold": 0.5,
            "class_agnostic": 0,
        },
    }


def model_config(task: Task, variant: Variant, recommended: dict[str, float] | None) -> dict[str, Any]:
    """`model_config.json`: enough to open the package as a local directory."""
    config = {
        "model_architecture": task.architecture,
        "task_type": task.name,
        "backend_type": variant.format.backend,
        "quantization": "fp32",
        "dynamic_batch_size_supported": variant.batch is None,
        "static_batch_size": variant.batch,
    }
    return config if recommended is None else {**config, "recommended_parameters": recommended}


def key_points_metadata() -> list[dict[str, Any]]:
    """`keypoints_metadata.json`: names and skeleton of each class."""
    return [
        {
            "object_class_id": class_id,
            "keypoints": {str(slot): point for slot, point in enumerate(KEY_POINTS[name].names)},
            "edges": [{"from": start, "to": end} for start, end in KEY_POINTS[name].edges],
        }
        for class_id, name in enumerate(CLASS_NAMES)
    ]


def write_package(
    folder: Path, task: Task, variant: Variant, data: bytes, recommended: dict[str, float] | None
) -> dict[str, Any]:
    """Write a package's files and return its entry of the index."""
    folder.mkdir(parents=True)
    (folder / variant.format.file).write_bytes(data)
    (folder / "class_names.txt").write_bytes("".join(f"{name}\n" for name in CLASS_NAMES).encode())
    write_json(folder / "inference_config.json", inference_config(task, variant, recommended))
    write_json(folder / CONFIG_FILE, model_config(task, variant, recommended))
    if task.name == "keypoint-detection":
        write_json(folder / "keypoints_metadata.json", key_points_metadata())
    kind, *rest = variant.format.manifest.items()
    manifest = dict([kind, ("backendType", variant.format.backend), ("quantization", "fp32"), *rest])
    return {
        "packageId": variant.package_id,
        "packageManifest": {
            **manifest,
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


def write_json(path: Path, document: Any) -> None:
    """Bytes, not text: the digest must not depend on the operating system's line ends."""
    path.write_bytes((json.dumps(document, indent=2) + "\n").encode())


def export(task: Task, checkpoint: Path, destination: Path, validation_scenes: int) -> None:
    """Write all packages of a model, in place of those that are there."""
    model = load(task, checkpoint)
    recommended = recommended_parameters(task, model, validation_scenes)
    shutil.rmtree(destination, ignore_errors=True)
    packages = []
    for variant in variants(task):
        data = variant.format.write(model, task, variant.batch)
        difference = largest_difference(model, task, variant.format.run(data, task), variant.batch)
        print(f"{task.model} {variant.package_id}: {len(data):,} bytes, differs from PyTorch by {difference:.1e}")
        packages.append(write_package(destination / variant.package_id, task, variant, data, recommended))
    index = {
        "type": "external-model-metadata-v1",
        "modelId": f"samples/{task.model}",
        "modelArchitecture": task.architecture,
        "taskType": task.name,
        "modelVariant": f"shapes-{task.size}",
        **({} if recommended is None else {"recommendedParameters": recommended}),
        "modelPackages": packages,
    }
    write_json(destination / "index.json", index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(TASKS)}; all by default")
    parser.add_argument("--checkpoints", type=Path, default=HERE, help="folder of what train.py wrote, MODEL.pt")
    parser.add_argument("--out", type=Path, default=DESTINATION)
    parser.add_argument("--validation-scenes", type=int, default=300)
    arguments = parser.parse_args()
    for name in arguments.models or TASKS:
        checkpoint = arguments.checkpoints / f"{name}.pt"
        export(TASKS[name], checkpoint, arguments.out / name, arguments.validation_scenes)


if __name__ == "__main__":
    main()

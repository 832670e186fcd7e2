"""Exports a network: `python -m parity.exporting LIBRARY NETWORK HEIGHT WIDTH SEED FILES`.

Words in the names of files say what they are: "fused" suppresses boxes itself, "dynamic" takes any batch and size, and
the ending is the format. Weights are drawn by seed. A fresh network answers nearly the same whatever it sees, so its
normalizations are first adjusted to pictures, then its last layers are scaled until scores are spread out.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from parity.pictures import pictures
from parity.scenes import CLASSES, SLOTS

PICTURES = 20
MEAN, DEVIATION = -3.5, 1.6
"""Of the logits of a detector: about one place of eight gets above 0.25."""
MASK_DEVIATION = 0.01
"""Of the coefficients of masks, so that few sums of prototypes are all but 0 or 1: half way between those is a tie."""
OPSET, BOXES = 17, 100
LEAST, OVERLAP = 0.1, 0.7
"""Score and overlap of exports that suppress boxes themselves."""


def main(library: str, network: str, height: str, width: str, seed: str, *files: str) -> None:
    """Writes the files, all of the same weights."""
    torch.manual_seed(int(seed))
    planes = [torch.from_numpy(picture).permute(2, 0, 1)[None] / 255 for picture in pictures(PICTURES)]
    sized = [nn.functional.interpolate(plane, (int(height), int(width)), mode="bilinear") for plane in planes]
    _EXPORTERS[library](network, torch.cat(sized), [Path(file) for file in files])


def ultralytics(network: str, seen: torch.Tensor, paths: list[Path]) -> None:
    """With the library's own export, as its users do."""
    from ultralytics import YOLO
    from ultralytics.nn import tasks

    yolo = YOLO(network)
    kinds = {"detect": tasks.DetectionModel, "segment": tasks.SegmentationModel, "classify": tasks.ClassificationModel}
    more: dict[str, Any] = {"data_kpt_shape": (SLOTS, 3)} if yolo.task == "pose" else {}
    kind = kinds.get(yolo.task, tasks.PoseModel)
    arguments = yolo.model.args
    yolo.model = kind(network, nc=len(CLASSES), verbose=False, **more)
    yolo.model.args, yolo.model.task, yolo.model.names = arguments, yolo.task, dict(enumerate(CLASSES))
    _settle(yolo.model, seen)
    if yolo.task == "classify":
        _spread([yolo.model.model[-1].linear], lambda: yolo.model(seen), 0.0)
    else:
        _spread(_last_layers(yolo, "cv3"), lambda: yolo.model(seen), MEAN)
    if yolo.task == "segment":
        _spread(_last_layers(yolo, "cv4"), lambda: yolo.model(seen), 0.0, MASK_DEVIATION)
    for path in paths:
        said = {"format": path.suffix[1:], "imgsz": list(seen.shape[2:]), "dynamic": "dynamic" in path.stem}
        said |= {"opset": OPSET, "simplify": False} if path.suffix == ".onnx" else {}
        shutil.move(yolo.export(**said, **_suppression(yolo, fused="fused" in path.stem)), path)


def _suppression(yolo: Any, *, fused: bool) -> dict[str, Any]:
    """Arguments of an export: a head that needs no suppression is exported as that."""
    if getattr(yolo.model.model[-1], "one2one_cv2", None) is not None:
        return {"nms": False, "max_det": BOXES}
    return {"nms": True, "conf": LEAST, "iou": OVERLAP, "max_det": BOXES} if fused else {}


def _last_layers(yolo: Any, branches: str) -> list[Any]:
    """Of each scale, of the head that needs suppression and of the one that does not."""
    head = yolo.model.model[-1]
    names = (branches, f"one2one_{branches}")
    return [branch[-1] for name in names for branch in getattr(head, name, None) or ()]


def torchvision(network: str, seen: torch.Tensor, paths: list[Path]) -> None:
    """With PyTorch's exporter."""
    from torchvision import models

    model = models.get_model(network, num_classes=len(CLASSES))
    _settle(model, seen)
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(last.weight)
    _spread([last], lambda: model(seen), 0.0)
    for path in paths:
        axes = {"dynamic_axes": {"images": {0: "batch"}}} if "dynamic" in path.stem else {}
        said: dict[str, Any] = {"dynamo": False, "opset_version": OPSET, "input_names": ["images"], **axes}
        torch.onnx.export(model, (seen[:1],), str(path), **said)


def _settle(model: nn.Module, seen: torch.Tensor) -> None:
    """Lets normalizations take the means and deviations of these pictures for those of their layers."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(seen)
    model.eval()


def _spread(layers: list[Any], run: Any, mean: float, deviation: float = DEVIATION) -> None:
    """Gives what each layer says this mean and deviation."""
    said: dict[int, torch.Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, i=i: said.update({i: out.detach()}))
        for i, layer in enumerate(layers)
    ]
    with torch.no_grad():
        run()
        for i, layer in enumerate(layers):
            factor = deviation / said[i].std().clamp(min=1e-6)
            layer.weight *= factor
            layer.bias.copy_(mean - (said[i].mean() - layer.bias) * factor)
    for hook in hooks:
        hook.remove()


_EXPORTERS = {"ultralytics": ultralytics, "torchvision": torchvision}

if __name__ == "__main__":
    main(*sys.argv[1:])

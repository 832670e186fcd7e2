"""The registered networks; data only."""

from __future__ import annotations

from inference_models_core.types.models import ModelSpec

from inference_models_torch.builds import INSTALL_TIMM

_CLASSES = {
    "classification": "EagerSoftmaxClassification",
    "multi-label-classification": "EagerSigmoidClassification",
}

MODELS = tuple(
    ModelSpec(
        architecture=architecture,
        task=task,
        backend="torch",
        implementation=f"inference_models_torch.eager.classification:{implementation}",
        requires_modules=("timm",),
        install_hint=INSTALL_TIMM,
        summary=f"{name} {task.replace('-', ' ')} with timm",
    )
    for architecture, name in (("resnet", "ResNet"), ("vit", "ViT"))
    for task, implementation in _CLASSES.items()
)

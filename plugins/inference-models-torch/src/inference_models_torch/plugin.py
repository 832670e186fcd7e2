"""The hooks of the PyTorch plugin. Imports no runtime; everything that works is reached by text reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.backends import BackendReport, BackendSpec
    from inference_models_core.types.health import HealthCheck
    from inference_models_core.types.models import ModelSpec

INFERENCE_MODELS_API = "0.1"

_DEVICES = ("cpu", "cuda", "mps")


@hookimpl
def register_backends() -> Iterator[BackendSpec]:
    """TorchScript, a tensor backend, and eager PyTorch, with classes of its own."""
    from inference_models_core.types.backends import BackendKind, BackendSpec, FormatTier

    from inference_models_torch.builds import INSTALL

    yield BackendSpec(
        name="torch-script",
        factory="inference_models_torch.backend:TorchScriptBackend",
        requires_any=("torch",),
        install_hint=INSTALL,
        devices=_DEVICES,
        suffixes=(".torchscript",),
        names=("torchscript", "jit"),
        tier=FormatTier.PROGRAM,
        rank=30,
        parsers={"torch-script-model-package-v1": "inference_models_torch.manifest:parse_torch_script"},
        matcher="inference_models_torch.matcher:match_torch_script",
        inspector="inference_models_torch.inspector:inspect_file",
    )
    yield BackendSpec(
        name="torch",
        kind=BackendKind.OWN,
        requires_any=("torch",),
        install_hint=INSTALL,
        devices=_DEVICES,
        suffixes=(".pt", ".pth"),
        tier=FormatTier.PROGRAM,
        rank=20,
        parsers={"torch-model-package-v1": "inference_models_torch.manifest:parse_torch"},
        matcher="inference_models_torch.matcher:match_torch",
    )


@hookimpl
def register_models() -> Iterator[ModelSpec]:
    """Networks that are built here."""
    from inference_models_torch.catalog import MODELS

    yield from MODELS


@hookimpl
def detect_backends(probe: RuntimeProbe) -> Iterator[BackendReport]:
    """Which build of PyTorch is here and what it can use."""
    from inference_models_torch.detect import report

    yield report("torch-script", probe)
    yield report("torch", probe)


@hookimpl
def register_health_checks() -> Iterator[HealthCheck]:
    """What goes wrong with installations of PyTorch."""
    from inference_models_core.types.health import HealthCheck

    yield HealthCheck(
        name="torch-build",
        summary="PyTorch is installed, recent, and uses what this machine has",
        check="inference_models_torch.health:check_build",
    )

"""The hooks of the ONNX Runtime plugin. Imports no runtime; everything that works is reached by text reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_models_core.runtime.probe import RuntimeProbe
    from inference_models_core.types.backends import BackendReport, BackendSpec
    from inference_models_core.types.health import HealthCheck

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends() -> Iterator[BackendSpec]:
    """The one backend of this plugin."""
    from inference_models_core.types.backends import BackendSpec

    from inference_models_onnx.builds import BUILDS, INSTALL_CPU, OLDEST_RUNTIME

    yield BackendSpec(
        name="onnx",
        factory="inference_models_onnx.backend:OnnxBackend",
        requires_any=[f"{build}>={OLDEST_RUNTIME}" for build in BUILDS],
        install_hint=INSTALL_CPU,
        devices=("cpu", "cuda", "rocm", "dml", "npu", "coreml"),
        suffixes=(".onnx",),
        names=("onnxruntime", "ort"),
        rank=40,
        parsers={"onnx-model-package-v1": "inference_models_onnx.manifest:parse_manifest"},
        matcher="inference_models_onnx.matcher:match",
        inspector="inference_models_onnx.inspector:inspect_file",
        links_allowed="inference_models_onnx.layout:links_allowed",
    )


@hookimpl
def detect_backends(probe: RuntimeProbe) -> Iterator[BackendReport]:
    """Which build of ONNX Runtime is here and what it can use."""
    from inference_models_onnx.detect import report

    yield report(probe)


@hookimpl
def register_health_checks() -> Iterator[HealthCheck]:
    """Two things that go wrong with ONNX Runtime installations."""
    from inference_models_core.types.health import HealthCheck

    yield HealthCheck(
        name="onnxruntime-builds",
        summary="one build of ONNX Runtime is installed, and only one",
        check="inference_models_onnx.health:check_builds",
    )
    yield HealthCheck(
        name="onnxruntime-gpu",
        summary="a GPU of this machine is used by ONNX Runtime",
        check="inference_models_onnx.health:check_gpu",
    )

from __future__ import annotations

import attrs
import pytest
from inference_models_core.errors import CannotOpenHereError
from inference_models_core.types.backends import BackendReport, BatchSupport, Fit
from inference_models_core.types.devices import CPU
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.negotiation import Attempt, Candidate, Negotiation, Rejection, Resolution
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.plugins import PluginIdentity

HOSTILE = "evil\x1b[31m\x9b2J\u202e<script>alert(1)</script>\nfake row [bold]x[/bold]"
"""Terminal escapes (7 and 8 bit), a right-to-left override, HTML, a line break, rich markup."""

ROW = ModelSpec(architecture="yolov8", task="object-detection", implementation="vision.yolo:YoloV8")
RIVAL_ROW = attrs.evolve(ROW, implementation="other.yolo:Fast")
VISION = PluginIdentity(name="vision", distribution="inference-models-vision", version="0.1.0")
OTHER = PluginIdentity(name="other", distribution="other-models", version="2")


def package(name, backend="onnx", **fields):
    return ModelPackage(package_id=name, backend=backend, architecture="yolov8", task="object-detection", **fields)


PACKAGES = (
    package(
        "dynamic", quantization="fp32", batch=BatchSupport(), artifacts=(Artifact(handle="w.onnx", size=1_500_000),)
    ),
    package("static", batch=BatchSupport(static=8), artifacts=(Artifact(handle="w.onnx"),)),
    package("engine", "trt", quantization="fp16", batch=BatchSupport(minimum=1, maximum=16)),
    package(HOSTILE, "torch-script"),
)
DEGRADED = BackendReport(
    backend="onnx", availability="degraded", version="1.23.2", reason="the CPU build is used", fix="pip install gpu"
)


def candidate(package_, **fields):
    fields = {"row": ROW, "row_plugin": VISION, "report": DEGRADED, "device": CPU, "fit": Fit(), **fields}
    return Candidate(package=package_, **fields)


@pytest.fixture
def negotiation():
    return Negotiation(
        metadata=ModelMetadata(
            model_id="some/model", packages=PACKAGES, architecture="yolov8", variant="yolov8n", task="object-detection"
        ),
        accepted=(
            candidate(PACKAGES[0], fit=Fit(note="opset 17"), ignored_rows=((RIVAL_ROW, OTHER),)),
            candidate(PACKAGES[1], row=None, row_plugin=None),
        ),
        rejected=(
            Rejection(
                code="backend-not-installed",
                reason="no installed plugin brings the backend 'trt'",
                fix='pip install "inference-models-trt[cu13]"',
                package_id="engine",
                backend="trt",
            ),
            Rejection(code="untrusted", reason=HOSTILE, fix=HOSTILE, package_id=HOSTILE, backend="torch-script"),
        ),
        warnings=("the GPU 'L4' stays unused",),
    )


@pytest.fixture
def resolution(negotiation):
    first, second = negotiation.accepted
    error = CannotOpenHereError("opset 99 is too new", hint="pip install -U onnxruntime")
    attempts = (Attempt(candidate=first, error=error), Attempt(candidate=first, error=OSError("no " + HOSTILE)))
    return Resolution(reference="some/model", negotiation=negotiation, chosen=second, attempts=attempts)

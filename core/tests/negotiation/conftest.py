"""A small world to negotiate in: four backends, two families, reports as detection would give them."""

from __future__ import annotations

import pytest
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.registry import Registry
from inference_models_core.types.backends import BackendReport, BackendSpec
from inference_models_core.types.devices import CPU, Device
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
from inference_models_core.types.plugins import PluginIdentity
from inference_models_core.types.references import ModelRef
from inference_models_core.types.requests import LoadRequest

GPU = Device("cuda", 0)
TASK = "object-detection"


class World:
    """Builds values for tests; everything has a default that is accepted."""

    gpu, cpu = GPU, CPU
    backends = (
        BackendSpec(
            name="onnx",
            factory="a:B",
            rank=40,
            names=("onnx-speedy",),
            requires_any=("onnxruntime",),
            install_hint='pip install "inference-models-onnx[cpu]"',
        ),
        BackendSpec(name="torch", factory="a:B", rank=20, tier="T2"),
        BackendSpec(name="trt", factory="a:B", rank=10, tier="T3"),
        BackendSpec(name="mediapipe", kind="own", rank=60),
    )
    rows = (
        ModelSpec(architecture="yolov8", task=TASK, implementation="vision:Yolo", supports_features={"nms_fused"}),
        ModelSpec(
            architecture="doctr",
            task="ocr",
            implementation="a:Doctr",
            backend="torch",
            requires_features={"vocabulary"},
        ),
    )

    def plugin(self, distribution, name="plugin"):
        return PluginIdentity(name=name, distribution=distribution, version="1.0")

    def registry(self, rows=(), backends=()):
        own = [(spec, self.plugin(f"dist-{spec.name}")) for spec in self.backends]
        return Registry(
            backends=(*own, *backends), models=(*((row, self.plugin("vision")) for row in self.rows), *rows)
        )

    def package(self, package_id="p", backend="onnx", **facts):
        facts = {"architecture": "yolov8", "task": TASK, "quantization": "fp32", **facts}
        return ModelPackage(package_id=package_id, backend=backend, **facts)

    def pinned(self, package_id="p", backend="trt", digest="a" * 64, **facts):
        return self.package(package_id, backend, artifacts=[Artifact(handle="engine.plan", sha256=digest)], **facts)

    def metadata(self, packages, **facts):
        return ModelMetadata(model_id="org/model", packages=tuple(packages), **facts)

    def request(self, path=None, **wishes):
        ref = ModelRef(text=str(path), path=path) if path else ModelRef(text="org/model", model_id="org/model")
        return LoadRequest(ref=ref, **wishes)

    def reports(self, *devices, **changes):
        usable = {
            spec.name: BackendReport(
                backend=spec.name, availability="available", version="1.20", devices=devices or (CPU,)
            )
            for spec in self.backends
        }
        return {**usable, **changes}

    def negotiate(self, packages, request=None, registry=None, reports=None, trusted=True, metadata=None, **how):
        missing = how.pop("missing_modules", frozenset())
        request = request or self.request()
        listed = shortlist(
            request,
            metadata or self.metadata(packages),
            registry or self.registry(),
            provider_trusted=trusted,
            missing_modules=missing,
        )
        reports = self.reports() if reports is None else reports
        return negotiate(request, listed, reports, **how)

    def codes(self, negotiation):
        """Package id -> code of its rejection, or its place among the accepted ones."""
        accepted = {candidate.package.package_id: place for place, candidate in enumerate(negotiation.accepted)}
        return {**accepted, **{rejection.package_id: rejection.code for rejection in negotiation.rejected}}


@pytest.fixture(scope="session")
def world():
    return World()

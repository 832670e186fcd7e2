"""Load and run vision models; plugins bring the runtimes, the model families and the weights.

::

    from inference_models_core import AutoModel

    model = AutoModel.from_pretrained("samples/shapes-detector")
    result = model("street.jpg")[0]

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.__about__ import __version__
from inference_models_core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from inference_models_core.auto_model import AutoModel
    from inference_models_core.auto_model_pipeline import AutoModelPipeline
    from inference_models_core.errors import InferenceModelsError
    from inference_models_core.hookspecs import API_VERSION, hookimpl
    from inference_models_core.model import Model, resolution_of
    from inference_models_core.plugins.host import PluginHost, get_host
    from inference_models_core.runner import Runner
    from inference_models_core.types.access import Access, Denial
    from inference_models_core.types.backends import (
        BackendDetails,
        BackendReport,
        BackendSpec,
        BatchSupport,
        Fit,
    )
    from inference_models_core.types.devices import Device
    from inference_models_core.types.geometry import Geometry
    from inference_models_core.types.health import CheckResult, HealthCheck
    from inference_models_core.types.local_files import LocalFileFacts
    from inference_models_core.types.models import ModelSpec, PipelineSpec
    from inference_models_core.types.negotiation import Candidate, Negotiation, Rejection, Resolution
    from inference_models_core.types.packages import Artifact, ModelMetadata, ModelPackage
    from inference_models_core.types.preprocessing import PreprocessingDeclaration
    from inference_models_core.types.providers import ProviderContext, WeightsProvider, WeightsProviderSpec
    from inference_models_core.types.requests import LoadOptions, LoadRequest
    from inference_models_core.types.secrets import Secret
    from inference_models_core.types.tensors import TensorSession, TensorSpec

__all__ = [
    "API_VERSION",
    "Access",
    "Artifact",
    "AutoModel",
    "AutoModelPipeline",
    "BackendDetails",
    "BackendReport",
    "BackendSpec",
    "BatchSupport",
    "Candidate",
    "CheckResult",
    "Denial",
    "Device",
    "Fit",
    "Geometry",
    "HealthCheck",
    "InferenceModelsError",
    "LoadOptions",
    "LoadRequest",
    "LocalFileFacts",
    "Model",
    "ModelMetadata",
    "ModelPackage",
    "ModelSpec",
    "Negotiation",
    "PipelineSpec",
    "PluginHost",
    "PreprocessingDeclaration",
    "ProviderContext",
    "Rejection",
    "Resolution",
    "Runner",
    "Secret",
    "TensorSession",
    "TensorSpec",
    "WeightsProvider",
    "WeightsProviderSpec",
    "__version__",
    "get_host",
    "hookimpl",
    "resolution_of",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "auto_model": ("AutoModel",),
        "auto_model_pipeline": ("AutoModelPipeline",),
        "errors": ("InferenceModelsError",),
        "hookspecs": (
            "API_VERSION",
            "hookimpl",
        ),
        "model": (
            "Model",
            "resolution_of",
        ),
        "plugins.host": (
            "PluginHost",
            "get_host",
        ),
        "runner": ("Runner",),
        "types.access": (
            "Access",
            "Denial",
        ),
        "types.backends": (
            "BackendDetails",
            "BackendReport",
            "BackendSpec",
            "BatchSupport",
            "Fit",
        ),
        "types.devices": ("Device",),
        "types.geometry": ("Geometry",),
        "types.health": (
            "CheckResult",
            "HealthCheck",
        ),
        "types.local_files": ("LocalFileFacts",),
        "types.models": (
            "ModelSpec",
            "PipelineSpec",
        ),
        "types.negotiation": (
            "Candidate",
            "Negotiation",
            "Rejection",
            "Resolution",
        ),
        "types.packages": (
            "Artifact",
            "ModelMetadata",
            "ModelPackage",
        ),
        "types.preprocessing": ("PreprocessingDeclaration",),
        "types.providers": (
            "ProviderContext",
            "WeightsProvider",
            "WeightsProviderSpec",
        ),
        "types.requests": (
            "LoadOptions",
            "LoadRequest",
        ),
        "types.secrets": ("Secret",),
        "types.tensors": (
            "TensorSession",
            "TensorSpec",
        ),
    },
)

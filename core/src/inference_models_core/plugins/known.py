"""Well-known plugins that may not be installed, so that a "no" can say which command changes it.

Installed plugins describe themselves and are not looked up here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class KnownPlugin(NamedTuple):
    """A plugin that brings a backend or a weights provider.

    Attributes:
        distribution: What to install, extra included.
        manifest_types: Types of package manifests that its backend reads.
    """

    distribution: str
    manifest_types: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """Command that installs it."""
        return f'pip install "{self.distribution}"' if "[" in self.distribution else f"pip install {self.distribution}"


KNOWN_BACKENDS: Mapping[str, KnownPlugin] = MappingProxyType(
    {
        "hugging-face": KnownPlugin(distribution="inference-models-hf", manifest_types=("hf-model-package-v1",)),
        "mediapipe": KnownPlugin(
            distribution="inference-models-mediapipe", manifest_types=("mediapipe-model-package-v1",)
        ),
        "onnx": KnownPlugin(distribution="inference-models-onnx[cpu]", manifest_types=("onnx-model-package-v1",)),
        "torch": KnownPlugin(distribution="inference-models-torch[torch]", manifest_types=("torch-model-package-v1",)),
        "torch-script": KnownPlugin(
            distribution="inference-models-torch[torch]", manifest_types=("torch-script-model-package-v1",)
        ),
        "trt": KnownPlugin(distribution="inference-models-trt[cu13]", manifest_types=("trt-model-package-v1",)),
    }
)

KNOWN_PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "oak-model-package-v1": "OAK cameras",
        "tfjs-model-package-v1": "TensorFlow.js in a browser",
        "ultralytics-model-package-v1": "the Ultralytics library",
    }
)
"""Manifest types of which we know what they are for, and of no plugin that reads them."""

KNOWN_PROVIDERS: Mapping[str, KnownPlugin] = MappingProxyType(
    {
        "roboflow": KnownPlugin(distribution="inference-models-provider-roboflow"),
        "samples": KnownPlugin(distribution="inference-models-provider-samples"),
    }
)


def install_command_for_backend(backend: str) -> str:
    """Command that installs a backend; empty for one that is not known."""
    known = KNOWN_BACKENDS.get(backend)
    return known.command if known else ""


def install_command_for_provider(provider: str) -> str:
    """Command that installs a weights provider; empty for one that is not known."""
    known = KNOWN_PROVIDERS.get(provider)
    return known.command if known else ""


def backend_for_manifest_type(manifest_type: str) -> str | None:
    """Name of the well-known backend that reads a type of package manifest; ``None`` if there is none."""
    for name, known in KNOWN_BACKENDS.items():
        if manifest_type in known.manifest_types:
            return name
    return None


def purpose_of_manifest_type(manifest_type: str) -> str:
    """What packages of a type are for, where no plugin for them is known; empty for other types."""
    return KNOWN_PURPOSES.get(manifest_type, "")

"""A plugin whose model is the digests of its files: what a load costs without a runtime, and whether it was right."""

from __future__ import annotations

import hashlib

from inference_models_core.errors import ModelClosedError
from inference_models_core.hookspecs import hookimpl
from inference_models_core.model import Model

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_backends():
    """Reads files."""
    from inference_models_core.types.backends import BackendSpec

    yield BackendSpec(name="tiny", kind="own", devices=("cpu", "cuda"))


@hookimpl
def register_models():
    """One model."""
    from inference_models_core.types.models import ModelSpec

    yield ModelSpec(architecture="tiny", task="digests", backend="tiny", implementation=f"{__name__}:Digests")


@hookimpl
def detect_backends():
    """Always there."""
    from inference_models_core.types.backends import BackendReport
    from inference_models_core.types.devices import CPU, Device

    yield BackendReport(backend="tiny", availability="available", devices=(CPU, Device("cuda", 0)))


class Digests(Model):
    """File handle -> SHA-256 of what was read."""

    def __init__(self, digests, device, dependencies, said):
        self.digests, self.device, self.dependencies, self.said = digests, device, dependencies, said
        self.is_closed = False

    @classmethod
    def from_pretrained(cls, package_dir, *, package, device, model_dependencies, said=None):
        """Reads every file of the package."""
        digests = {
            file.handle: hashlib.sha256((package_dir / file.handle).read_bytes()).hexdigest()
            for file in package.artifacts
        }
        return cls(digests, str(device), model_dependencies, said)

    def __call__(self):
        """The digests, while it is open."""
        if self.is_closed:
            raise ModelClosedError("the model was closed")
        return self.digests

    def close(self):
        """Closes what it owns, too."""
        self.is_closed = True
        super().close()

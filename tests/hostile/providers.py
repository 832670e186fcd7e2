"""A provider that nobody trusts, and backends that do whatever the files want."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from inference_models_core import PluginHost, hookimpl
from inference_models_core.providers.documents import read_model
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.types.backends import BackendDetails, BackendReport, BackendSpec, FormatTier
from inference_models_core.types.devices import CPU
from inference_models_core.types.local_files import LocalFileFacts
from inference_models_core.types.models import ModelSpec
from inference_models_core.types.packages import DownloadAccess
from inference_models_core.types.providers import WeightsProviderSpec

from hostile.packages import Hostile

#: Backend -> tier, first file name: those that a machine with every runtime would have.
DANGEROUS = {
    "torch": (FormatTier.PROGRAM, ".pt"),
    "torch-script": (FormatTier.PROGRAM, ".torchscript"),
    "hugging-face": (FormatTier.CODE, ".safetensors"),
    "trt": (FormatTier.CODE, ".plan"),
}


def document(server: FaultServer, package: Hostile) -> dict[str, Any]:
    """The provider's answer about a package, which claims to be trusted in every way it can."""
    manifest: dict[str, Any] = {"type": "inference-models-package-v1", "backendType": package.backend}
    files = [
        {
            "fileHandle": name,
            "downloadUrl": server.add(f"/{package.name}/{name}", content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
        for name, content in package.files.items()
    ]
    one = {"type": "external-model-package-v1", "packageId": "p", "packageManifest": manifest, "packageFiles": files,
           "trustedSource": True, "trusted": True, "localCode": dict(package.config)}  # fmt: skip
    return {"type": "external-model-metadata-v1", "modelId": package.name, "modelArchitecture": "yolov8",
            "taskType": "object-detection", "modelPackages": [one], "trusted": True}  # fmt: skip


class Provider:
    """Asks a server for documents; nobody has configured it."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._origin = os.environ["HOSTILE_ORIGIN"]

    def resolve(self, model_id: str, *, revision: str | None = None) -> Any:
        with self._context.open_http(origins=[self._origin]) as client:
            answer = client.get_document(f"{self._origin}/{model_id}.json", what=model_id)
        metadata = read_model(answer, "answer", self._context.read_manifest)
        return attrs.evolve(metadata, download_access=DownloadAccess(origins=[self._origin]))


class Plugin:
    """The provider; with ``dangerous`` also backends for every tier."""

    def __init__(self, *, dangerous: bool) -> None:
        self._dangerous = dangerous

    @hookimpl
    def register_weights_providers(self) -> Any:
        yield WeightsProviderSpec(name="stranger", factory="hostile.providers:Provider")

    @hookimpl
    def register_backends(self) -> Any:
        for name, (tier, suffix) in DANGEROUS.items() if self._dangerous else ():
            aliases = {"weights": "engine.plan"} if name == "trt" else {}
            yield BackendSpec(
                name=name,
                tier=tier,
                suffixes=[suffix],
                aliases=aliases,
                factory="hostile.providers:Obeying",
                inspector=f"hostile.providers:inspect_{name.replace('-', '_')}",
            )

    @hookimpl
    def register_models(self) -> Any:
        if self._dangerous:
            yield ModelSpec(architecture="yolov8", task="object-detection", implementation="hostile.providers:Family")

    @hookimpl
    def detect_backends(self) -> Any:
        for name in DANGEROUS if self._dangerous else ():
            yield BackendReport(backend=name, availability="available", devices=(CPU,))


class Obeying:
    """A runtime that does what the files of a package want: unpickle, import."""

    def open_session(self, path: Path, **_: Any) -> Any:
        content = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = archive.read("archive/data.pkl")
        content = content.removeprefix(b"ftrt")
        if content.startswith(b"open("):
            _import(path)
        elif content.startswith(b"\x80"):
            pickle.loads(content)
        for module in path.parent.glob("*.py"):
            _import(module)
        return Session()


def _import(path: Path) -> None:
    exec(compile(path.read_bytes().removeprefix(b"ftrt"), str(path), "exec"))


def _inspector(backend: str) -> Any:
    return lambda path: LocalFileFacts(details=BackendDetails(backend=backend))


for _name in DANGEROUS:
    globals()[f"inspect_{_name.replace('-', '_')}"] = _inspector(_name)


class Session:
    """Nothing to run."""

    inputs, outputs, device, arrays, thread_safe, borrows = None, None, CPU, "numpy", True, False

    def run(self, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
        return ()

    def close(self) -> None:
        pass


class Family:
    """Takes anything."""

    @classmethod
    def from_pretrained(cls, package_dir: Path, *, runners: Any) -> Family:
        return cls()


def host_of(job: Mapping[str, Any]) -> PluginHost:
    """What is installed, with the stranger; or the dangerous backends alone."""
    host = PluginHost(discover=not job["dangerous"])
    host.register(Plugin(dangerous=job["dangerous"]), "hostile", "1")
    assert importlib.util.find_spec("hostile") is not None
    return host

"""Reads package manifests of the types ``torch-script-model-package-v1`` and ``torch-model-package-v1``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.providers.manifest_fields import read_batch, read_quantization
from inference_models_core.types.backends import BackendDetails
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = re.compile(r"v?\d{1,6}(\.\d{1,6}){0,5}((a|b|rc|\.post|\.dev)\d{1,9})*(\+[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)?")
_DEVICE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@attrs.frozen(kw_only=True, repr=False)
class TorchRequirements(Value):
    """What a package needs from PyTorch; empty where it does not say.

    Attributes:
        devices: Kinds of device that it computes on.
        torch: Oldest version of PyTorch.
        torchvision: Oldest version of torchvision; ``"0"`` where any will do.
    """

    devices: tuple[str, ...] = ()
    torch: str = ""
    torchvision: str = ""


def parse_torch_script(manifest: Mapping[str, Any], readers: Any) -> BackendDetails:
    """Reads a manifest of a TorchScript package.

    Fields: ``backendType`` (``"torch-script"``), ``quantization``, ``supportedDeviceTypes``, ``torchVersion``; optional
    ``torchVisionVersion``, ``dynamicBatchSize`` (default false), ``staticBatchSize``. A package without dynamic batch
    must name its static one, a package with dynamic batch must not.

    Args:
        manifest: The manifest.
        readers: The module :mod:`inference_models_core.parsing`.

    Returns:
        The details, with :class:`TorchRequirements`.

    Raises:
        MalformedDocumentError: If a field is missing, of a wrong type, or contradicts another.
    """
    fields = readers.Fields(manifest, "packageManifest")
    fields.text("backendType", choices=("torch-script",))
    devices = fields.items("supportedDeviceTypes", _device(readers))
    if not devices:
        readers.malformed(f"{fields.where}.supportedDeviceTypes", "at least one kind of device", "none")
    version = _version(readers)
    return BackendDetails(
        backend="torch-script",
        quantization=read_quantization(fields),
        batch=read_batch(fields),
        requirements=TorchRequirements(
            devices=tuple(devices),
            torch=fields.read("torchVersion", version),
            torchvision=fields.read("torchVisionVersion", version, ""),
        ),
    )


def parse_torch(manifest: Mapping[str, Any], readers: Any) -> BackendDetails:
    """Reads a manifest of a package for eager PyTorch.

    Fields: ``backendType`` (``"torch"``), ``quantization``; optional ``dynamicBatchSize``, ``staticBatchSize``, with
    the same rule as above.

    Args:
        manifest: The manifest.
        readers: The module :mod:`inference_models_core.parsing`.

    Returns:
        The details.

    Raises:
        MalformedDocumentError: If a field is missing, of a wrong type, or contradicts another.
    """
    fields = readers.Fields(manifest, "packageManifest")
    fields.text("backendType", choices=("torch",))
    return BackendDetails(backend="torch", quantization=read_quantization(fields), batch=read_batch(fields))


def _device(readers: Any) -> Any:
    def read(value: Any, where: str) -> str:
        text: str = readers.as_text(value, where).lower()
        if not _DEVICE.fullmatch(text):
            readers.malformed(where, 'a kind of device such as "cuda"', repr(text[:60]))
        return text

    return read


def _version(readers: Any) -> Any:
    def read(value: Any, where: str) -> str:
        text: str = readers.as_text(value, where)
        if not _VERSION.fullmatch(text):
            readers.malformed(where, "a version", repr(text[:60]))
        return text

    return read

"""Reads package manifests of the type ``onnx-model-package-v1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from inference_models_core.providers.manifest_fields import read_batch, read_quantization
from inference_models_core.types.backends import BackendDetails
from inference_models_core.types.value import Value

from inference_models_onnx.providers import provider_name

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True, repr=False)
class OnnxRequirements(Value):
    """What an ONNX file needs from the runtime; ``None`` where the package does not say.

    Attributes:
        opset: Version of the operator set ``ai.onnx``.
        ir_version: Version of the file format.
        incompatible_providers: Execution providers that give wrong answers or fail, in the runtime's spelling.
    """

    opset: int | None = None
    ir_version: int | None = None
    incompatible_providers: tuple[str, ...] = ()


def parse_manifest(manifest: Mapping[str, Any], readers: Any) -> BackendDetails:
    """Reads a manifest.

    Fields: ``backendType`` (``"onnx"``), ``quantization``, ``opset``; optional ``dynamicBatchSize`` (default false),
    ``staticBatchSize``, ``incompatibleProviders``. A package without dynamic batch must name its static one, a package
    with dynamic batch must not.

    Args:
        manifest: The manifest.
        readers: The module :mod:`inference_models_core.parsing`.

    Returns:
        The details, with :class:`OnnxRequirements`.

    Raises:
        MalformedDocumentError: If a field is missing, of a wrong type, or contradicts another.
    """
    fields = readers.Fields(manifest, "packageManifest")
    fields.text("backendType", choices=("onnx",))
    return BackendDetails(
        backend="onnx",
        quantization=read_quantization(fields),
        batch=read_batch(fields),
        requirements=OnnxRequirements(
            opset=fields.integer("opset", minimum=1, maximum=10_000),
            incompatible_providers=_providers(fields, readers),
        ),
    )


def _providers(fields: Any, readers: Any) -> tuple[str, ...]:
    return tuple(provider_name(text) for text in fields.items("incompatibleProviders", readers.as_text, ()))

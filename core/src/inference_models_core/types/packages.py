"""What a weights provider says a model consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core.types.backends import UNKNOWN_BATCH, BatchSupport
from inference_models_core.types.converters import to_dict, to_tuple
from inference_models_core.types.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inference_models_core.types.negotiation import Rejection
    from inference_models_core.types.secrets import Secret


@attrs.frozen(kw_only=True, repr=False)
class Artifact(Value):
    """One file of a package.

    Attributes:
        handle: Relative name inside the package, with ``/`` between segments.
        sha256: Digest of the content, 64 lower-case hex digits; ``None`` where the provider has none.
        md5: Weaker digest some providers give; 32 lower-case hex digits.
        size: Bytes; ``None`` where unknown.
        urls: Where it can be fetched, best first; empty for a file that is already in the package's directory.
    """

    handle: str
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    urls: tuple[str, ...] = attrs.field(default=(), converter=to_tuple, repr=False)  # signed URLs are secrets


@attrs.frozen(kw_only=True, repr=False)
class RecommendedParameters(Value):
    """Thresholds that a model was tuned for.

    Attributes:
        confidence: Score threshold in [0, 1].
        per_class_confidence: Class name -> threshold; names that are missing use ``confidence``.
    """

    confidence: float | None = None
    per_class_confidence: Mapping[str, float] = attrs.field(factory=dict, converter=to_dict)


@attrs.frozen(kw_only=True, repr=False)
class ModelDependency(Value):
    """Another model that a model needs, loaded through the same path and handed over by name."""

    name: str
    model_id: str
    package_id: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class ModelPackage(Value):
    """One concrete, loadable variant of a model.

    Attributes:
        package_id: Unique among the model's packages.
        backend: Name of the backend that opens it.
        architecture: Family, such as ``"yolov8"``; ``None`` for a package that brings its own code.
        task: Such as ``"object-detection"``.
        artifacts: Its files.
        directory: Where the files already are; ``None`` if they have to be fetched.
        graph_files: Graph name -> handle of its file, where it is not named as the backend would name it.
        quantization: ``"fp32"``, ``"fp16"``, ``"bf16"``, ``"int8"`` or ``None`` for unknown.
        batch: Batch sizes it accepts.
        features: Feature name -> value; only rows that understand all names may run it.
        requirements: The backend's own value; opaque to core.
        manifest: The package manifest that backend, quantization, batch and requirements were read from, as plain
            JSON values with a ``type``. A package without one is remembered without its requirements.
        recommended_parameters: Thresholds; those of the package win over those of the model.
        class_names: Names by class id where the package has no file for them.
        preprocessing: Pre-processing document where the package has no file for it.
        local_code: Class inside the package itself; runs only when the caller allows it.
        licence: SPDX identifier if known, for the host's policy.
        publisher: Who made it, for the host's policy.
        unusable: Why it cannot be used at all, found while reading its metadata: a manifest type that no installed
            plugin reads, or a document that is malformed. One bad package never hides the good ones.
    """

    package_id: str
    backend: str
    architecture: str | None = None
    task: str | None = None
    artifacts: tuple[Artifact, ...] = attrs.field(default=(), converter=to_tuple)
    directory: Path | None = None
    graph_files: Mapping[str, str] = attrs.field(factory=dict, converter=to_dict)
    quantization: str | None = None
    batch: BatchSupport = UNKNOWN_BATCH
    features: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)
    requirements: Any = None
    manifest: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    recommended_parameters: RecommendedParameters | None = None
    class_names: tuple[str, ...] | None = None
    preprocessing: Mapping[str, Any] | None = None
    local_code: LocalCode | None = None
    licence: str | None = None
    publisher: str | None = None
    unusable: Rejection | None = None


@attrs.frozen(kw_only=True, repr=False)
class LocalCode(Value):
    """A model class inside a package.

    Attributes:
        module: File name inside the package, such as ``"model.py"``.
        class_name: Name of the class in it.
    """

    module: str
    class_name: str


@attrs.frozen(kw_only=True, repr=False)
class ModelMetadata(Value):
    """A provider's answer: one model and its packages.

    Attributes:
        model_id: Canonical id, which may differ from the one asked for.
        packages: In any order; the negotiation ranks them.
        architecture: Family; ``None`` for packages with their own code.
        task: Such as ``"object-detection"``.
        variant: Size or flavour, such as ``"yolov8n"``.
        dependencies: Other models it needs.
        recommended_parameters: Thresholds for all packages.
        revision: The version that was found, where the provider has versions.
        download_access: What fetching the files takes; never written to disk.
    """

    model_id: str
    packages: tuple[ModelPackage, ...] = attrs.field(converter=to_tuple)
    architecture: str | None = None
    task: str | None = None
    variant: str | None = None
    dependencies: tuple[ModelDependency, ...] = attrs.field(default=(), converter=to_tuple)
    recommended_parameters: RecommendedParameters | None = None
    revision: str | None = None
    download_access: DownloadAccess = attrs.field(factory=lambda: DownloadAccess(), repr=False)


@attrs.frozen(kw_only=True, repr=False)
class DownloadAccess(Value):
    """What fetching a model's files takes, said by the provider's code and never by metadata from outside.

    Attributes:
        origins: Origins (``"http://10.0.0.5:8080"``) that the user configured: they may be plain http, have any port
            and be in a private network. URLs that lead elsewhere may not.
        headers: Origin -> headers for requests to it; they are sent there and nowhere else, redirects included.
    """

    origins: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    headers: Mapping[str, Mapping[str, Secret]] = attrs.field(factory=dict, converter=to_dict, repr=False)

"""Metadata documents of models: one format for every provider, for the answers that are remembered, and for people.

The format is that of the platform whose models it first described (``external-model-metadata-v1``), with further
fields that are all optional. One model::

    {"type": "external-model-metadata-v1", "modelId": "acme/screws/3", "modelArchitecture": "yolov8",
     "modelVariant": "yolov8n", "taskType": "object-detection", "revision": "3",
     "recommendedParameters": {"confidence": 0.37, "perClassConfidence": {"bolt": 0.41}},
     "modelDependencies": [{"name": "feature_extractor", "modelId": "acme/backbone", "modelPackageId": null}],
     "modelPackages": [
       {"packageId": "fp32", "packageManifest": {"type": "onnx-model-package-v1", ...}, "modelFeatures": null,
        "packageFiles": [{"fileHandle": "weights.onnx", "sha256": "<64 hex>", "md5Hash": "<32 hex>", "size": 1234,
                          "downloadUrl": "https://...", "urls": ["https://..."]}],
        "recommendedParameters": null, "architecture": null, "taskType": null, "licence": "Apache-2.0",
        "publisher": "acme", "classNames": ["bolt"], "preprocessing": {}, "graphFiles": {"weights": "weights.onnx"}}]}

What a document says about trust (``trustedSource``) is not read: whom to trust is decided here. A package with a fault
becomes one that cannot be used and says why; the others stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from inference_models_core.errors import MalformedDocumentError, printable
from inference_models_core.names import MAX_MODEL_ID, check_handle, check_handles, check_identifier
from inference_models_core.parsing import (
    as_integer,
    as_json,
    as_list,
    as_md5,
    as_number,
    as_object,
    as_sha256,
    as_text,
    describe,
    malformed,
)
from inference_models_core.providers.generic_manifest import generic_manifest
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import (
    Artifact,
    ModelDependency,
    ModelMetadata,
    ModelPackage,
    RecommendedParameters,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from inference_models_core.parsing import Fields
    from inference_models_core.types.backends import BackendDetails

    ManifestReader: TypeAlias = Callable[[Mapping[str, Any], str], BackendDetails | Rejection]

MODEL_TYPE = "external-model-metadata-v1"
PACKAGE_TYPE = "external-model-package-v1"
DEPENDENCY_TYPE = "model-dependency-v1"
MAX_PACKAGES = 2000
MAX_FILES = 10_000
MAX_DEPENDENCIES = 100
_MAX_REASON = 1024
_MAX_OPAQUE_DEPTH = 24
"""Less than a document may have, so that what was read can be written into another document."""


def read_model(value: Any, where: str, read_manifest: ManifestReader) -> ModelMetadata:
    """Reads the document of one model.

    Args:
        value: The parsed document: the object with ``modelId``.
        where: Its name or path, for errors.
        read_manifest: ``ProviderContext.read_manifest``.

    Returns:
        The model. Packages with a fault are among its packages, with the reason in ``unusable``.

    Raises:
        MalformedDocumentError: If a field of the model itself is missing, of a wrong type or over its cap.
    """
    fields = as_object(value, where)
    fields.text("type", None, choices=(MODEL_TYPE,))
    return ModelMetadata(
        model_id=fields.read("modelId", check_identifier, longest=MAX_MODEL_ID),
        architecture=fields.read("modelArchitecture", check_identifier, None),
        task=fields.read("taskType", check_identifier, None),
        variant=fields.read("modelVariant", check_identifier, None),
        revision=fields.read("revision", check_identifier, None),
        dependencies=fields.read("modelDependencies", read_dependencies, ()),
        recommended_parameters=fields.read("recommendedParameters", read_recommended_parameters, None),
        packages=fields.items(
            "modelPackages", lambda item, path: read_package(item, path, read_manifest), maximum=MAX_PACKAGES
        ),
    )


def read_package(value: Any, where: str, read_manifest: ManifestReader) -> ModelPackage:
    """Reads one entry of ``modelPackages``; a fault in it is told in ``ModelPackage.unusable``, never raised.

    Args:
        value: The entry.
        where: Its path, for errors.
        read_manifest: ``ProviderContext.read_manifest``.

    Returns:
        The package.
    """
    try:
        return _package(as_object(value, where), read_manifest)
    except MalformedDocumentError as error:
        fault = Rejection(code="malformed-metadata", reason=printable(error.message, _MAX_REASON))
        return ModelPackage(package_id=_best_name(value, where), backend="", unusable=fault)


def _best_name(value: Any, where: str) -> str:
    """The id of a package of which perhaps nothing can be read, not even that."""
    try:
        return as_object(value, where).read("packageId", check_identifier)
    except MalformedDocumentError:
        return where.replace(": ", ".").rpartition(".")[2]  # such as "modelPackages[3]"


def _package(fields: Fields, read_manifest: ManifestReader) -> ModelPackage:
    fields.text("type", None, choices=(PACKAGE_TYPE,))
    package_id = fields.read("packageId", check_identifier)
    told = fields.read("unusable", _unusable, None)
    if told is not None:
        return ModelPackage(package_id=package_id, backend=told.backend, unusable=told)
    artifacts = fields.read("packageFiles", _artifacts)
    return ModelPackage(
        package_id=package_id,
        artifacts=artifacts,
        architecture=fields.read("architecture", check_identifier, None),
        task=fields.read("taskType", check_identifier, None),
        features=fields.read("modelFeatures", _opaque, {}),
        recommended_parameters=fields.read("recommendedParameters", read_recommended_parameters, None),
        licence=fields.read("licence", check_identifier, None),
        publisher=fields.read("publisher", check_identifier, None),
        class_names=fields.items("classNames", as_text, None),
        preprocessing=fields.read("preprocessing", _opaque, None),
        graph_files=fields.read("graphFiles", _graph_files, {}, artifacts=artifacts),
        **manifest_facts(fields.fields("packageManifest"), read_manifest),
    )


def manifest_facts(fields: Fields, read_manifest: ManifestReader) -> dict[str, Any]:
    """What a package manifest says, as arguments of :class:`ModelPackage`.

    Args:
        fields: The manifest.
        read_manifest: ``ProviderContext.read_manifest``.

    Returns:
        ``manifest`` and ``backend``, and either ``unusable`` or ``quantization``, ``batch`` and ``requirements``.

    Raises:
        MalformedDocumentError: If a part of it is over its cap.
    """
    manifest = as_json(fields.mapping, fields.where, depth=_MAX_OPAQUE_DEPTH)
    details = read_manifest(manifest, fields.where)
    if isinstance(details, Rejection):
        return {"manifest": manifest, "backend": details.backend, "unusable": details}
    return {
        "manifest": manifest,
        "backend": details.backend,
        "quantization": details.quantization,
        "batch": details.batch,
        "requirements": details.requirements,
    }


def _unusable(value: Any, where: str) -> Rejection:
    """What :func:`model_document` wrote about a package that could not be read; anyone may say it of their own."""
    fields = as_object(value, where)
    return Rejection(
        code=fields.read("code", check_identifier),
        reason=printable(fields.text("reason"), _MAX_REASON),
        fix=printable(fields.text("fix", ""), _MAX_REASON),
        backend=fields.read("backend", check_identifier, ""),
    )


def _opaque(value: Any, where: str) -> dict[str, Any]:
    """An object that only the model's family understands."""
    document: dict[str, Any] = as_json(as_object(value, where).mapping, where, depth=_MAX_OPAQUE_DEPTH)
    return document


def _artifacts(value: Any, where: str) -> tuple[Artifact, ...]:
    artifacts = as_list(value, where, _artifact, maximum=MAX_FILES)
    check_handles([artifact.handle for artifact in artifacts], where)
    return artifacts


def _artifact(value: Any, where: str) -> Artifact:
    fields = as_object(value, where)
    first = fields.text("downloadUrl", None)
    others = fields.items("urls", as_text, ())
    return Artifact(
        handle=fields.text("fileHandle"),  # checked with the others of its package
        sha256=fields.read("sha256", as_sha256, None),
        md5=fields.read("md5Hash", as_md5, None),
        size=fields.read("size", as_integer, None, minimum=0),
        urls=dict.fromkeys((first, *others) if first else others),
    )


def _graph_files(value: Any, where: str, *, artifacts: tuple[Artifact, ...]) -> dict[str, str]:
    handles = {artifact.handle for artifact in artifacts}
    files = as_object(value, where).mapping
    for graph, handle in files.items():
        check_identifier(graph, where)
        if check_handle(handle, f"{where}.{graph}") not in handles:
            malformed(f"{where}.{graph}", "one of the package's files", describe(handle))
    return dict(files)


def read_recommended_parameters(value: Any, where: str) -> RecommendedParameters:
    """Reads ``{"confidence": 0.4, "perClassConfidence": {"cat": 0.3}}``; the snake-case spelling is accepted too."""
    fields = as_object(value, where)
    per_class: Fields | None = fields.fields("perClassConfidence", None) or fields.fields("per_class_confidence", None)
    thresholds = per_class.mapping.items() if per_class else ()
    return RecommendedParameters(
        confidence=fields.number("confidence", None, minimum=0, maximum=1),
        per_class_confidence={
            as_text(name, where): as_number(number, f"{where}.perClassConfidence.{name}", minimum=0, maximum=1)
            for name, number in thresholds
        },
    )


def read_dependencies(value: Any, where: str) -> tuple[ModelDependency, ...]:
    """Reads a list of dependencies; their names must differ."""
    dependencies = as_list(value, where, read_dependency, maximum=MAX_DEPENDENCIES)
    names = [dependency.name for dependency in dependencies]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        malformed(where, "every name once", f"{describe(twice)} twice")
    return dependencies


def read_dependency(value: Any, where: str) -> ModelDependency:
    """Reads ``{"name": ..., "modelId": ..., "modelPackageId": ...}``; the snake-case spelling is accepted too."""
    fields = as_object(value, where)
    fields.text("type", None, choices=(DEPENDENCY_TYPE,))
    id_key = "modelId" if "modelId" in fields or "model_id" not in fields else "model_id"
    package_key = "modelPackageId" if "modelPackageId" in fields else "model_package_id"
    return ModelDependency(
        name=fields.read("name", check_identifier),
        model_id=fields.read(id_key, check_identifier, longest=MAX_MODEL_ID),
        package_id=fields.read(package_key, check_identifier, None),
    )


def model_document(metadata: ModelMetadata) -> dict[str, Any] | None:
    """Writes what :func:`read_model` reads, without URLs and without anything about access.

    Args:
        metadata: A model. Packages that exist on this machine only (with a ``directory`` or code of their own) are
            left out: another machine, or this one after a move, could not find them.

    Returns:
        Plain values for JSON; ``None`` where something cannot be written: requirements that came from no manifest, a
        value that is no JSON, or no package that others could find although there are some.
    """
    packages = [package for package in metadata.packages if package.directory is None and package.local_code is None]
    if metadata.packages and not packages:
        return None
    if any(package.manifest is None and package.requirements is not None for package in packages):
        return None
    document = {
        "type": MODEL_TYPE,
        "modelId": metadata.model_id,
        "modelArchitecture": metadata.architecture,
        "modelVariant": metadata.variant,
        "taskType": metadata.task,
        "revision": metadata.revision,
        "recommendedParameters": _recommended_document(metadata.recommended_parameters),
        "modelDependencies": [_dependency_document(dependency) for dependency in metadata.dependencies] or None,
        "modelPackages": [_package_document(package) for package in packages],
    }
    try:
        return cast("dict[str, Any]", as_json(_without_nulls(document), "document"))
    except MalformedDocumentError:
        return None


def _package_document(package: ModelPackage) -> dict[str, Any]:
    if package.unusable is not None and package.manifest is None:
        return {"packageId": package.package_id, "unusable": _fault_document(package.unusable)}
    names = package.class_names
    optional = {
        "architecture": package.architecture,
        "taskType": package.task,
        "modelFeatures": package.features or None,
        "recommendedParameters": _recommended_document(package.recommended_parameters),
        "licence": package.licence,
        "publisher": package.publisher,
        "classNames": None if names is None else list(names),
        "preprocessing": package.preprocessing,
        "graphFiles": package.graph_files or None,
    }
    return {
        "type": PACKAGE_TYPE,
        "packageId": package.package_id,
        "packageManifest": generic_manifest(package) if package.manifest is None else package.manifest,
        "packageFiles": [_file_document(artifact) for artifact in package.artifacts],
        **_without_nulls(optional),
    }


def _fault_document(fault: Rejection) -> dict[str, Any]:
    texts = {"code": fault.code, "reason": fault.reason, "fix": fault.fix, "backend": fault.backend}
    return {key: text for key, text in texts.items() if text}


def _file_document(artifact: Artifact) -> dict[str, Any]:
    digests = {"sha256": artifact.sha256, "md5Hash": artifact.md5, "size": artifact.size}
    return {"fileHandle": artifact.handle, **_without_nulls(digests)}


def _dependency_document(dependency: ModelDependency) -> dict[str, Any]:
    optional = {"modelPackageId": dependency.package_id}
    names = {"name": dependency.name, "modelId": dependency.model_id}
    return {"type": DEPENDENCY_TYPE, **names, **_without_nulls(optional)}


def _recommended_document(parameters: RecommendedParameters | None) -> dict[str, Any] | None:
    if parameters is None:
        return None
    per_class = parameters.per_class_confidence or None
    return _without_nulls({"confidence": parameters.confidence, "perClassConfidence": per_class})


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}

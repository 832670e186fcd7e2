"""Documents from outside with faults in them, through every reader of such documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from inference_models_core import PluginHost
from inference_models_core.auto_model import load_request
from inference_models_core.builtin.local_provider import LocalProvider
from inference_models_core.bundles.index import parse_index
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.parsing import MAX_INTEGER, as_json, parse_json
from inference_models_core.providers.documents import model_document, read_model
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.providers.pages import read_pages
from inference_models_core.registry import Registry
from inference_models_core.resolution.choice import choice_document, read_choice
from inference_models_core.resolution.lockfile import parse_lockfile
from inference_models_core.store.packages import read_manifest as read_stored_manifest
from inference_models_core.testing.fuzzing import Survey, byte_strings, mutated_documents, survey
from inference_models_core.types.packages import Artifact, ModelMetadata
from inference_models_core.types.providers import ProviderContext

_HANDLE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_HEX = set("0123456789abcdef")
SHA256, MD5 = "0123456789abcdef" * 4, "0123456789abcdef" * 2


def _file(handle: str = "weights.onnx", **more: Any) -> dict[str, Any]:
    return {"fileHandle": handle, "md5Hash": MD5, "downloadUrl": "https://files.example.com/w?sig=x", **more}


def _package(package_id: str, manifest: dict[str, Any], *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "external-model-package-v1", "packageId": package_id, "packageManifest": manifest,
            "packageFiles": list(files or (_file(),)), "trustedSource": True, **more}  # fmt: skip


_ONNX = {"type": "onnx-model-package-v1", "backendType": "onnx", "quantization": "fp32", "opset": 17,
         "dynamicBatchSize": False, "staticBatchSize": 1, "incompatibleProviders": ["cuda"]}  # fmt: skip
_TRT = {"type": "trt-model-package-v1", "backendType": "trt", "quantization": "fp16", "trtVersion": "10.3.0",
        "machineSpecs": {"type": "gpu-server-specs-v1", "driverVersion": "550.54"}, "staticBatchSize": 1}  # fmt: skip
_GENERIC = {"type": GENERIC_MANIFEST, "backendType": "onnx", "dynamicBatchSize": True, "maxBatchSize": 8}
_EXTRAS = {"licence": "MIT", "publisher": "acme", "classNames": ["a", "b"], "preprocessing": {"network_input": {}},
           "graphFiles": {"weights": "weights.onnx"}, "architecture": "yolov8", "taskType": "object-detection",
           "modelFeatures": {"nms_fused": {"max_detections": 300, "iou_threshold": 0.7}}}  # fmt: skip
_MODEL = {
    "type": "external-model-metadata-v1", "modelId": "acme/3", "modelArchitecture": "yolov8", "modelVariant": "n",
    "taskType": "object-detection", "nextPage": None, "recommendedParameters": {"confidence": 0.37,
                                                                               "perClassConfidence": {"cat": 0.4}},
    "modelDependencies": [{"type": "model-dependency-v1", "name": "encoder", "modelId": "a/b", "modelPackageId": None}],
    "modelPackages": [_package("onnx1", _ONNX), _package("trt1", _TRT, _file("engine.plan", size=5)),
                      _package("own1", _GENERIC, _file(sha256=SHA256, urls=["https://x.example"]), **_EXTRAS)],
}  # fmt: skip
MODELS = [_MODEL, {**_MODEL, "modelPackages": _MODEL["modelPackages"][:1]},
          {"modelId": "m", "modelPackages": _MODEL["modelPackages"][2:]},
          {"modelId": "m", "modelPackages": []}]  # fmt: skip
LOCK = {"format": 1, "models": [
    {"provider": "roboflow", "id": "acme/3", "package": "onnx1", "backend": "onnx", "revision": None,
     "plugins": {"inference-models-onnx": "0.1.0"}, "files": [{"name": "weights.onnx", "sha256": SHA256, "size": 3}]},
]}  # fmt: skip
CHOICE = {
    "createdAt": 1.7e9, "provider": "roboflow", "trusted": False, "model": MODELS[1], "device": "cpu",
    "files": [["weights.onnx", SHA256, 3]], "fit": {"preference": 0.0, "note": ""}, "warnings": ["a"],
    "report": {"backend": "onnx", "availability": "available", "version": "1.2", "devices": ["cpu", "cuda:0"],
               "capabilities": {"providers": "x"}, "code": "", "reason": "", "fix": ""},
    "rejected": [{"code": "c", "reason": "r", "fix": "", "backend": "trt", "packages": ["trt1"]}],
}  # fmt: skip
BUNDLE = {
    "format": 1, "lock": {"sha256": SHA256, "size": 2}, "files": [{"sha256": SHA256, "size": 3}],
    "models": [{"provider": "roboflow", "aliases": ["acme/x"], "model": MODELS[1]}],
}  # fmt: skip
CONFIG = {
    "model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx", "quantization": "fp32",
    "static_batch_size": 1, "dynamic_batch_size_supported": False, "model_features": {"x": 1},
    "recommended_parameters": {"confidence": 0.3, "per_class_confidence": {"a": 0.5}},
    "model_dependencies": [{"name": "a", "model_id": "b", "model_package_id": None}],
    "cached_as": {"provider": "roboflow", "model_id": "acme/3", "package_id": "p"},
    "package_artifacts": [{"handle": "weights.onnx", "sha256": SHA256, "size": 3}],
}  # fmt: skip


def take_model(registry: Registry, content: bytes) -> None:
    """Reads a model as a provider does, lists what may run, writes it down and reads that again."""
    read = partial(read_manifest, registry)
    model = read_pages(lambda _: parse_json(content, "doc"), "doc", read)
    check_model(model)
    shortlist(load_request("acme/3"), model, registry, provider_trusted=False)
    document = model_document(model)
    assert document is not None, "what was read can be written"
    again = read_model(json.loads(json.dumps(document, allow_nan=False)), "doc, page 1", read)
    assert model_document(again) == document, "what was written is read as it was"
    assert again == _without_urls(model), "nothing but the URLs is lost"


def check_model(model: ModelMetadata) -> None:
    """Whatever stood in the document, a model has the types and ranges that everybody behind relies on."""
    names = [model.model_id, *(each.package_id for each in model.packages)]
    names += [text for each in model.dependencies for text in (each.name, each.model_id)]
    assert all(isinstance(name, str) and name.isprintable() and 0 < len(name) <= 1024 for name in names)
    for package in model.packages:
        assert package.unusable is None or package.unusable.reason.isprintable()
        _check_opaque([package.features, package.preprocessing, list(package.class_names or ())])
        for file in package.artifacts:
            _check_file(file)


def _check_opaque(value: Any) -> None:
    try:
        as_json(value, "opaque")
    except MalformedDocumentError as error:
        raise AssertionError("a value over its cap") from error


def _check_file(file: Artifact) -> None:
    assert _HANDLE.fullmatch(file.handle)
    assert not {".", ".."} & set(file.handle.split("/"))
    assert file.sha256 is None or (len(file.sha256) == 64 and set(file.sha256) <= _HEX)
    assert file.md5 is None or (len(file.md5) == 32 and set(file.md5) <= _HEX)
    assert file.size is None or (type(file.size) is int and 0 <= file.size <= MAX_INTEGER)
    assert all(isinstance(url, str) for url in file.urls)


def _without_urls(model: ModelMetadata) -> ModelMetadata:
    packages = [
        attrs.evolve(each, artifacts=[attrs.evolve(file, urls=()) for file in each.artifacts])
        for each in model.packages
    ]
    return attrs.evolve(model, packages=packages)


def take_choice(content: bytes) -> None:
    """Reads a remembered choice and writes it again."""
    choice = read_choice(parse_json(content, "doc"), "doc")
    json.dumps(choice_document(choice), allow_nan=False)


def take_config(folder: Path, content: bytes) -> None:
    """Reads what a folder says about itself, as a path that a user gives and as a package of the store."""
    (folder / "model_config.json").write_bytes(content)
    read_stored_manifest(folder)
    LocalProvider(ProviderContext(read_manifest=_no_manifest, inspect_file=_no_file)).resolve(str(folder))


def _no_manifest(*_: Any) -> Any:
    raise AssertionError("a folder has no package manifest")


def _no_file(*_: Any) -> Any:
    raise AssertionError("the folder is empty")


def readers(folder: Path) -> dict[str, tuple[list[Any], Callable[[bytes], object], int]]:
    """Name -> good documents, what reads them, and how often that is done in ten."""
    return {
        "model": (MODELS, partial(take_model, PluginHost().registry()), 6),
        "lock file": ([LOCK], parse_lockfile, 1),
        "choice": ([CHOICE], take_choice, 1),
        "bundle": ([BUNDLE], parse_index, 1),
        "model_config.json": ([CONFIG], partial(take_config, folder), 1),
    }


def survey_documents(count: int, folder: Path, *, seed: int = 1) -> dict[str, Survey]:
    """Documents with faults, through every reader.

    Args:
        count: How many documents in all.
        folder: An empty one.
        seed: Of the faults.
    """
    return {
        name: survey(map(_written, mutated_documents(good, count * share // 10, seed=seed)), take)
        for name, (good, take, share) in readers(folder).items()
    }


def survey_bytes(count: int, folder: Path, *, seed: int = 1) -> dict[str, Survey]:
    """The same for bytes that may be no JSON at all."""
    return {
        name: survey(byte_strings(good, count * share // 10, seed=seed), take)
        for name, (good, take, share) in readers(folder).items()
    }


def _written(document: Any) -> bytes:
    return json.dumps(document).encode()


def report(surveys: dict[str, Survey]) -> Iterator[str]:
    """Lines about what escaped."""
    for name, found in surveys.items():
        for shown, error in found.escaped:
            yield f"{name}: {error}\n  {shown}"

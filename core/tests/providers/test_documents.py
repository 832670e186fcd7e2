"""Model documents: what is read, what is refused, what is written."""

from __future__ import annotations

import json
import random
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import MalformedDocumentError
from inference_models_core.parsing import MAX_INTEGER, MAX_TEXT, as_md5, as_sha256
from inference_models_core.providers import documents
from inference_models_core.providers.documents import model_document, read_model, read_package
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST, generic_manifest, read_generic_manifest
from inference_models_core.types.backends import UNKNOWN_BATCH, BackendDetails, BatchSupport
from inference_models_core.types.negotiation import Rejection
from inference_models_core.types.packages import (
    Artifact,
    LocalCode,
    ModelDependency,
    ModelMetadata,
    ModelPackage,
    RecommendedParameters,
)

SHA256, MD5 = "0123456789abcdef" * 4, "0123456789abcdef" * 2


def read_manifest(manifest, where):
    if manifest.get("type") == "unknown":
        return Rejection(code="manifest-not-readable", reason="no plugin", fix="pip install x", backend="b")
    return read_generic_manifest(manifest, where)


def package(**changes):
    manifest = {"type": GENERIC_MANIFEST, "backendType": "onnx"}
    files = [{"fileHandle": "weights.onnx", "sha256": SHA256, "size": 3, "downloadUrl": "https://x.example/w"}]
    return {"packageId": "p", "packageManifest": manifest, "packageFiles": files, **changes}


def model(*packages, **changes):
    return {"modelId": "m", "modelPackages": list(packages), **changes}


def read(document):
    return read_model(document, "doc", read_manifest)


def fault(**changes):
    """Why a package with these fields cannot be used; ``None`` if it can."""
    return read_package(package(**changes), "doc: modelPackages[0]", read_manifest).unusable


FULL = model(
    package(
        type="external-model-package-v1",
        packageFiles=[
            {"fileHandle": "weights.onnx", "sha256": SHA256, "md5Hash": MD5, "size": 3,
             "downloadUrl": "https://a.example/w", "urls": ["https://b.example/w", "https://a.example/w"]},
            {"fileHandle": "vit/config.json", "size": 0},
        ],
        modelFeatures={"nms_fused": {"iou": 0.5}, "list": [1, None, True]}, architecture="yolov9", taskType="t2",
        recommendedParameters={"confidence": 1, "perClassConfidence": {"käse": 0}}, licence="MIT", publisher="acme",
        classNames=["a", ""], preprocessing={}, graphFiles={"weights": "vit/config.json"},
    ),
    type="external-model-metadata-v1", modelArchitecture="yolov8", taskType="t", modelVariant="n", revision="r7",
    recommendedParameters={"confidence": 0.25},
    modelDependencies=[{"type": "model-dependency-v1", "name": "encoder", "modelId": "a/b", "modelPackageId": "q"}],
)  # fmt: skip


def test_every_field_is_read():
    found = read(FULL)
    (package,) = found.packages
    assert attrs.evolve(found, packages=()) == ModelMetadata(
        model_id="m", packages=(), architecture="yolov8", task="t", variant="n", revision="r7",
        recommended_parameters=RecommendedParameters(confidence=0.25),
        dependencies=[ModelDependency(name="encoder", model_id="a/b", package_id="q")],
    )  # fmt: skip
    assert package == ModelPackage(
        package_id="p", backend="onnx", architecture="yolov9", task="t2",
        artifacts=[Artifact(handle="weights.onnx", sha256=SHA256, md5=MD5, size=3,
                            urls=["https://a.example/w", "https://b.example/w"]),
                   Artifact(handle="vit/config.json", size=0)],
        graph_files={"weights": "vit/config.json"}, features={"nms_fused": {"iou": 0.5}, "list": [1, None, True]},
        manifest={"type": GENERIC_MANIFEST, "backendType": "onnx"}, class_names=("a", ""), preprocessing={},
        recommended_parameters=RecommendedParameters(confidence=1, per_class_confidence={"käse": 0}),
        licence="MIT", publisher="acme",
    )  # fmt: skip


def test_what_a_document_says_about_trust_is_not_read():
    plain = read(model(package()))
    for value in (True, False, "x", {}):
        assert read(model(package(trustedSource=value, trusted=value), trustedSource=value)) == plain


def test_a_document_survives_writing_and_reading():
    odd = [package(packageId="odd", packageManifest={"type": "unknown", "x": [1]}), package(packageId=3), 7]
    found = read({**FULL, "modelPackages": [*FULL["modelPackages"], *odd]})
    written = model_document(found)
    text = json.dumps(written)
    assert "example" not in text
    assert model_document(read(json.loads(text))) == written
    again = read(json.loads(text))
    without_urls = [
        attrs.evolve(each, artifacts=[attrs.evolve(artifact, urls=()) for artifact in each.artifacts])
        for each in found.packages
    ]
    assert again == attrs.evolve(found, packages=without_urls)


@pytest.mark.parametrize(
    "batch", [UNKNOWN_BATCH, BatchSupport(), BatchSupport(static=4), BatchSupport(minimum=2, maximum=8)]
)
@pytest.mark.parametrize("quantization", [None, "fp16"])
def test_packages_without_manifest_are_written_with_ours(batch, quantization):
    given = ModelPackage(package_id="p", backend="onnx", batch=batch, quantization=quantization)
    written = model_document(ModelMetadata(model_id="m", packages=[given]))
    (again,) = read(written).packages
    assert attrs.evolve(again, manifest=None) == given


@pytest.mark.parametrize(
    "changes",
    [
        {"requirements": object()}, {"features": {"x": object()}}, {"features": {"x": (1, 2)}},
        {"preprocessing": {"n": float("nan")}}, {"manifest": {"type": "x", 1: 2}}, {"directory": Path("/x")},
        {"local_code": LocalCode(module="m.py", class_name="M")}, {"class_names": ["\ud800"]},
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_not_written(changes):
    given = ModelPackage(package_id="p", backend="onnx", **changes)
    assert model_document(ModelMetadata(model_id="m", packages=[given])) is None


def test_packages_of_this_machine_are_left_out():
    fetched = ModelPackage(package_id="p", backend="onnx")
    built = ModelPackage(package_id="q", backend="trt", directory=Path("/x"), requirements=object())
    written = model_document(ModelMetadata(model_id="m", packages=[built, fetched]))
    assert [each["packageId"] for each in written["modelPackages"]] == ["p"]


def test_a_model_without_packages_is_written():
    assert read(model_document(ModelMetadata(model_id="m", packages=[]))).packages == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"modelId": None}, {"modelId": ""}, {"modelId": 3}, {"modelId": "a\n"}, {"modelId": "x" * 1025},
        {"modelPackages": None}, {"modelPackages": {}}, {"type": "external-model-metadata-v2"}, {"type": []},
        {"modelArchitecture": ["a"]}, {"taskType": {}}, {"modelVariant": 1}, {"revision": "\x1b"},
        {"recommendedParameters": {"confidence": "0.4"}}, {"recommendedParameters": {"confidence": True}},
        {"recommendedParameters": {"perClassConfidence": {"a": -0.1}}}, {"modelDependencies": {}},
        {"modelDependencies": [{"name": "a"}]}, {"modelDependencies": [{"modelId": "a"}]},
        {"modelDependencies": [{"name": "a", "modelId": "b"}] * 2},
        {"modelDependencies": [{"type": "v9", "name": "a", "modelId": "b"}]},
    ],
)  # fmt: skip
def test_a_fault_of_the_model_is_an_error(changes):
    with pytest.raises(MalformedDocumentError, match=next(iter(changes))):
        read({**model(package()), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"packageId": None}, {"packageId": "x" * 256}, {"packageManifest": None}, {"packageManifest": "x"},
        {"packageManifest": {}}, {"packageManifest": {"type": GENERIC_MANIFEST, "x": MAX_INTEGER + 1}},
        {"packageManifest": {"type": GENERIC_MANIFEST, "x": "\ud800"}}, {"packageFiles": None}, {"packageFiles": {}},
        {"packageFiles": [{}]}, {"packageFiles": ["weights.onnx"]}, {"packageFiles": [{"fileHandle": "/etc/passwd"}]},
        {"packageFiles": [{"fileHandle": "a"}, {"fileHandle": "a/b"}]},
        {"packageFiles": [{"fileHandle": "a", "size": -1}]}, {"packageFiles": [{"fileHandle": "a", "size": True}]},
        {"packageFiles": [{"fileHandle": "a", "size": 1.0}]}, {"packageFiles": [{"fileHandle": "a", "urls": "u"}]},
        {"packageFiles": [{"fileHandle": "a", "downloadUrl": ["u"]}]}, {"modelFeatures": "x"},
        {"graphFiles": {"weights": "other.onnx"}}, {"graphFiles": {"": "weights.onnx"}}, {"graphFiles": {"a": {}}},
        {"classNames": "abc"}, {"classNames": [1]}, {"classNames": ["\udfff"]}, {"preprocessing": []},
        {"licence": {}}, {"publisher": "\u202eevil"}, {"recommendedParameters": []}, {"type": "other"},
        {"unusable": {"code": "x"}}, {"unusable": "x"},
    ],
)  # fmt: skip
def test_a_fault_of_a_package_is_its_own(changes):
    bad = package(packageId="bad")
    found = read(model(package(packageId="a"), {**bad, **changes}, package(packageId="z")))
    assert [each.unusable is None for each in found.packages] == [True, False, True]
    rejection = found.packages[1].unusable
    assert rejection.code == "malformed-metadata"
    assert f"modelPackages[1].{next(iter(changes))}" in rejection.reason or "packageManifest" in rejection.reason
    if "packageId" not in changes:
        assert found.packages[1].package_id == "bad"


def test_a_package_without_a_name_is_called_by_its_place():
    assert [each.package_id for each in read(model(3, None, package(packageId=[]))).packages] == [
        "modelPackages[0]", "modelPackages[1]", "modelPackages[2]"
    ]  # fmt: skip


def test_reasons_are_short_and_print():
    rejection = fault(packageId="\x1b[31m" + "x" * MAX_TEXT)
    assert len(rejection.reason) <= 1024
    assert rejection.reason.isprintable()
    told = fault(unusable={"code": "c", "reason": "\x1b" * MAX_TEXT, "fix": "\x07"})
    assert len(told.reason) <= 1024
    assert (told.reason + told.fix).isprintable()


@pytest.mark.parametrize(
    ("name", "limit", "make"),
    [
        ("packages", documents.MAX_PACKAGES, lambda count: model(*[package()] * count)),
        ("dependencies", documents.MAX_DEPENDENCIES, lambda count: model(
            modelDependencies=[{"name": f"d{number}", "modelId": "a"} for number in range(count)])),
        ("model id", 1024, lambda count: model(modelId="x" * count)),
    ],
)  # fmt: skip
def test_caps_of_the_model_are_exact(name, limit, make):
    read(make(limit))
    with pytest.raises(MalformedDocumentError):
        read(make(limit + 1))


@pytest.mark.parametrize(
    ("name", "limit", "make"),
    [
        ("files", documents.MAX_FILES, lambda n: {"packageFiles": [{"fileHandle": f"f{i}"} for i in range(n)]}),
        ("text", MAX_TEXT, lambda n: {"classNames": ["x" * n]}),
        ("url", MAX_TEXT, lambda n: {"packageFiles": [{"fileHandle": "a", "downloadUrl": "u" * n}]}),
        ("integer", MAX_INTEGER, lambda n: {"packageFiles": [{"fileHandle": "a", "size": n}]}),
        ("feature", MAX_INTEGER, lambda n: {"modelFeatures": {"x": n}}),
        ("negative feature", MAX_INTEGER, lambda n: {"modelFeatures": {"x": [-n]}}),
        ("features", 10_000, lambda n: {"modelFeatures": dict.fromkeys(map(str, range(n)))}),
        ("identifier", 255, lambda n: {"packageId": "x" * n}),
    ],
)  # fmt: skip
def test_caps_of_a_package_are_exact(name, limit, make):
    assert fault(**make(limit)) is None
    assert fault(**make(limit + 1)).code == "malformed-metadata"


def _malformed_digest(random, length):
    digits = [random.choice("0123456789abcdef") for _ in range(length)]
    kind = random.randrange(7)
    if kind == 0:
        digits[random.randrange(length)] = random.choice("ABCDEFghxyz -:/\\\n\u0660\uff10\ud800")
    elif kind == 1:
        del digits[: random.randint(1, length)]
    elif kind == 2:
        digits += random.choices("0123456789abcdef \n", k=random.randint(1, 70))
        digits += "0" * (len(digits) in (32, 64))
    elif kind == 3:
        return random.choice(["sha256:", "SHA256-", "md5:", " ", "0x", "\ufeff"]) + "".join(digits)
    elif kind == 4:
        return "".join(digits) + random.choice(["\n", " ", "\x00", "="])
    elif kind == 5:
        return random.choice([None, True, 0, 1.5, [], {}, ["".join(digits)], int("".join(digits), 16)])
    else:
        return "".join(digits).upper() + "A"
    return "".join(digits)


@pytest.mark.parametrize(("reader", "length"), [(as_sha256, 64), (as_md5, 32)])
def test_a_thousand_malformed_digests_are_refused(reader, length):
    chance = random.Random(4711)
    for number in range(1000):
        with pytest.raises(MalformedDocumentError):
            reader(_malformed_digest(chance, length), f"digest {number}")
    assert reader("0123456789abcdef" * (length // 16), "digest")


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_right_digests_are_accepted(digest):
    assert as_sha256(digest, "d") == digest
    assert as_md5(digest[:32], "d") == digest[:32]


@pytest.mark.parametrize(
    "manifest",
    [
        {}, {"backendType": 1}, {"backendType": "a", "staticBatchSize": 0},
        {"backendType": "a", "staticBatchSize": "1"}, {"backendType": "a", "dynamicBatchSize": 1},
        {"backendType": "a", "dynamicBatchSize": True, "staticBatchSize": 1},
        {"backendType": "a", "dynamicBatchSize": True, "minBatchSize": 4, "maxBatchSize": 3},
        {"backendType": "a", "quantization": []},
    ],
)  # fmt: skip
def test_malformed_generic_manifests(manifest):
    with pytest.raises(MalformedDocumentError):
        read_generic_manifest({"type": GENERIC_MANIFEST, **manifest}, "packageManifest")


def test_an_unknown_precision_is_none():
    assert read_generic_manifest({"backendType": "a", "quantization": "unknown"}, "m") == BackendDetails(backend="a")
    assert generic_manifest(ModelPackage(package_id="p", backend="a")) == {"type": GENERIC_MANIFEST, "backendType": "a"}

"""TensorRT packages that were built on this machine."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from inference_models_provider_roboflow import local_packages
from roboflow_answers import model, onnx_package

MANIFEST = {"type": "trt-model-package-v1", "backendType": "trt", "quantization": "fp16", "staticBatchSize": 2}
FILES = {"engine.plan": b"engine", "class_names.txt": b"cat\n", "trt_config.json": b"{}"}


def build(folder, name="localtrt0123456789ab", **changes):
    directory = folder / name
    directory.mkdir(parents=True)
    for handle, content in FILES.items():
        (directory / handle).write_bytes(content)
    promised = {handle: hashlib.md5(content).hexdigest() for handle, content in FILES.items()}
    document = {"packageManifest": MANIFEST, "files": promised, "modelArchitecture": "yolov8", **changes}
    (directory / "local_trt_package_manifest.json").write_text(json.dumps(document))
    return directory


@pytest.fixture
def resolve(api, provider, caplog):
    api.answer(model(modelId="acme/canonical"))

    def resolve(**arguments):
        found = provider(**arguments).resolve("acme/alias")
        return [package for package in found.packages if package.directory is not None], caplog.text

    return resolve


def test_a_package_is_offered_with_its_directory_and_digests(tmp_path, resolve):
    directory = build(tmp_path / "acme" / "canonical")
    ((package,), said) = resolve()
    assert (package.package_id, package.backend, package.quantization) == (directory.name, "trt", "fp16")
    assert (package.directory, package.batch.static, package.publisher) == (directory, 2, None)
    assert package.manifest == MANIFEST
    artifacts = {artifact.handle: artifact for artifact in package.artifacts}
    assert artifacts.keys() == {*FILES, "local_trt_package_manifest.json"}
    for handle, artifact in artifacts.items():
        content = (directory / handle).read_bytes()
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()
        assert (artifact.md5, artifact.size) == (hashlib.md5(content).hexdigest(), len(content))
        assert artifact.urls == ()
    assert said == ""


def test_those_of_the_canonical_id_come_first_and_no_id_twice(tmp_path, resolve, api):
    for owner in ("alias", "canonical"):
        build(tmp_path / "acme" / owner, "localtrtsame")
        build(tmp_path / "acme" / owner, f"localtrt{owner}")
    build(tmp_path / "acme" / "alias", "localtrtremote")
    api.answer(model(onnx_package("localtrtremote"), modelId="acme/canonical"))
    packages, _ = resolve()
    assert [(package.package_id, package.directory.parent.name) for package in packages] == [
        ("localtrtcanonical", "canonical"), ("localtrtsame", "canonical"), ("localtrtalias", "alias")
    ]  # fmt: skip


def test_other_folders_and_files_are_none_of_ours(tmp_path, resolve):
    folder = tmp_path / "acme" / "canonical"
    build(folder, "0123abcd")
    (folder / "localtrtfile").write_text("")
    assert resolve() == ([], "")


def test_without_the_plugin_for_engines_the_plugin_is_named(tmp_path, resolve):
    build(tmp_path / "acme" / "canonical")
    ((package,), _) = resolve(without=["trt-model-package-v1"])
    assert package.unusable.fix == 'pip install "inference-models-trt[cu13]"'


def _remove(name):
    return lambda directory: (directory / name).unlink()


def _write(name, content):
    return lambda directory: (directory / name).write_bytes(content)


def _link(name):
    def link(directory):
        target = directory.parent / "elsewhere"
        (directory / name).rename(target)
        (directory / name).symlink_to(target)

    return link


def _fifo(directory):
    (directory / "engine.plan").unlink()
    os.mkfifo(directory / "engine.plan")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize(
    "damage",
    [
        _remove("engine.plan"), _remove("class_names.txt"), _remove("local_trt_package_manifest.json"),
        _write("engine.plan", b"Engine"), _write("engine.plan", b""), _link("engine.plan"), _link("class_names.txt"),
        _link("local_trt_package_manifest.json"), _write("local_trt_package_manifest.json", b"{"),
        _write("local_trt_package_manifest.json", b"[]"), _write("local_trt_package_manifest.json", b"\xff"), _fifo,
    ],
)  # fmt: skip
def test_a_damaged_package_is_left_out_and_said(tmp_path, resolve, damage):
    damage(build(tmp_path / "acme" / "canonical"))
    build(tmp_path / "acme" / "canonical", "localtrtgood")
    ((package,), said) = resolve()
    assert package.package_id == "localtrtgood"
    assert "localtrt0123456789ab" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"files": None}, {"files": []}, {"files": {}}, {"packageManifest": None}, {"packageManifest": "x"},
        {"files": {"class_names.txt": hashlib.md5(b"cat\n").hexdigest()}},
        {"files": {"engine.plan": hashlib.md5(b"engine").hexdigest().upper()}},
        {"files": {"engine.plan": hashlib.md5(b"engine").hexdigest(), "other.txt": "0" * 32}},
        {"files": {"engine.plan": hashlib.md5(b"engine").hexdigest(), "../engine.plan": "0" * 32}},
    ],
)  # fmt: skip
def test_a_manifest_with_a_fault_leaves_the_package_out(tmp_path, resolve, changes):
    build(tmp_path / "acme" / "canonical", **changes)
    packages, said = resolve()
    assert packages == []
    assert "localtrt" in said


def test_linked_folders_are_not_followed(tmp_path, resolve):
    build(tmp_path / "outside")
    folder = tmp_path / "acme" / "canonical"
    folder.mkdir(parents=True)
    (folder / "localtrtlink").symlink_to(tmp_path / "outside" / "localtrt0123456789ab")
    assert resolve() == ([], "")
    (folder / "localtrtlink").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "outside")
    assert resolve() == ([], "")


def test_files_of_other_names_leave_the_package_out(tmp_path, resolve):
    promised = {"engine.plan": hashlib.md5(b"engine").hexdigest(), "run.sh": hashlib.md5(b"x").hexdigest()}
    (build(tmp_path / "acme" / "canonical", files=promised) / "run.sh").write_bytes(b"x")
    packages, said = resolve()
    assert packages == []
    assert "run.sh" in said


@pytest.mark.parametrize("replace", [False, True])
def test_a_file_that_changes_while_it_is_read_leaves_the_package_out(tmp_path, resolve, monkeypatch, replace):
    engine = build(tmp_path / "acme" / "canonical") / "engine.plan"
    known = local_packages.of_stat

    def change_afterwards(status):
        found = known(status)
        if replace:
            engine.unlink(missing_ok=True)
        engine.write_bytes(b"engine")
        return found

    monkeypatch.setattr(local_packages, "of_stat", change_afterwards)
    packages, said = resolve()
    assert packages == []
    assert "engine.plan" in said

"""From an id to a loaded model and back offline, through core as users do."""

from __future__ import annotations

import hashlib
import json
import sys
from types import ModuleType

import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.errors import NoCompatiblePackageError, OfflineError, ProviderUnavailableError
from inference_models_core.store.store import Store
from inference_models_core.testing.fault_server import Status
from inference_models_core.types.backends import BackendReport, BackendSpec
from inference_models_core.types.devices import CPU
from inference_models_core.types.models import ModelSpec
from roboflow_answers import model, onnx_package

WEIGHTS = b"weights of a model" * 1000
MD5 = hashlib.md5(WEIGHTS).hexdigest()


class Weights:
    @classmethod
    def from_pretrained(cls, package_dir):
        loaded = cls()
        loaded.content = (package_dir / "weights.onnx").read_bytes()
        return loaded


@pytest.fixture
def load(api, host, tmp_path, monkeypatch):
    """Loads `roboflow://acme/3`; the file comes from the API's own origin, which the user configured."""
    module = ModuleType("roboflow_test_models")
    module.Weights = Weights
    monkeypatch.setitem(sys.modules, module.__name__, module)
    import inference_models_provider_roboflow.plugin as roboflow

    class Family:
        @hookimpl
        def register_models(self):
            for backend in ("onnx", "trt"):
                yield ModelSpec(
                    architecture="yolov8", task="object-detection", backend=backend,
                    implementation="roboflow_test_models:Weights",
                )  # fmt: skip

        @hookimpl
        def detect_backends(self):
            for backend in ("onnx", "trt"):
                yield BackendReport(backend=backend, availability="available", devices=(CPU,))

        @hookimpl
        def register_backends(self):
            for backend in ("onnx", "trt"):
                parsers = {f"{backend}-model-package-v1": f"roboflow_test_parsers:parse{int(backend == 'trt')}"}
                yield BackendSpec(name=backend, kind="own", parsers=parsers, tier="T3" if backend == "trt" else "T1")

    host()  # makes the parsers importable
    plugins = PluginHost(discover=False)
    plugins.register(Family(), "family", "1")
    plugins.register(roboflow, "roboflow", "1")
    file = {"fileHandle": "weights.onnx", "downloadUrl": api.server.add("/w", WEIGHTS), "md5Hash": MD5}
    api.answer(model(onnx_package(packageFiles=[file])))

    def load(reference="roboflow://acme/3", call=AutoModel.from_pretrained, *, options=(), **arguments):
        chosen = LoadOptions(host=plugins, progress=False, **dict(options))
        return call(reference, cache_dir=tmp_path / "cache", options=chosen, **arguments)

    return load


def test_a_model_is_found_fetched_and_loaded_once(load, api):
    assert load().content == WEIGHTS
    asked = len(api.server.requests)
    assert len(api.server.requests_of("/w")) == 1
    assert load().content == WEIGHTS
    assert len(api.server.requests) == asked


def test_a_model_that_was_loaded_is_there_without_the_network(load, api):
    load(api_key="k1")
    asked = len(api.server.requests)
    assert load(api_key="k1", local_files_only=True).content == WEIGHTS
    with pytest.raises(OfflineError):
        load(api_key="another", local_files_only=True)
    assert len(api.server.requests) == asked


def test_the_last_answer_counts_while_the_api_is_down(load, api, pauses, caplog):
    load()
    api.fail(Status(503))
    fresh = {"use_resolution_cache": False}
    assert load(options=fresh).content == WEIGHTS
    assert "using what it said before" in caplog.text
    with pytest.raises(ProviderUnavailableError):
        load(options={**fresh, "offline_fallback": "strict"})


def test_a_changed_host_is_asked_anew(load, api, monkeypatch):
    load()
    monkeypatch.setenv("ROBOFLOW_REGION", "eu")  # of no effect beside the host, but an answer could depend on it
    with pytest.raises(OfflineError):
        load(local_files_only=True)


def test_another_tenant_does_not_get_what_was_said_to_this_one(load):
    tenant = {"provider_options": {"headers": {"X-Tenant": "a"}}}
    load(options=tenant)
    assert load(options=tenant, local_files_only=True).content == WEIGHTS
    for other in ({}, {"provider_options": {"headers": {"X-Tenant": "b"}}}):
        with pytest.raises(OfflineError):
            load(options=other, local_files_only=True)


def test_engines_built_here_run_only_when_exactly_these_are_allowed(load, tmp_path):
    folder = Store.open(tmp_path / "cache").model_folder("roboflow", "acme/3") / "localtrt0123456789ab"
    folder.mkdir(parents=True)
    files = {"engine.plan": b"engine", "class_names.txt": b"cat\n"}
    for handle, content in files.items():
        (folder / handle).write_bytes(content)
    manifest = {"type": "trt-model-package-v1", "quantization": "fp16", "staticBatchSize": 1}
    promised = {handle: hashlib.md5(content).hexdigest() for handle, content in files.items()}
    document = {"packageManifest": manifest, "files": promised}
    (folder / "local_trt_package_manifest.json").write_text(json.dumps(document))
    plan = load(call=AutoModel.plan)
    assert [candidate.backend for candidate in plan.accepted] == ["onnx"]
    (rejection,) = plan.rejected
    assert (rejection.package_id, rejection.code) == (folder.name, "code-not-trusted")
    entry = rejection.fix.partition('"')[2].partition('"')[0]
    for given in ({}, {"allow_untrusted_packages": True}):
        with pytest.raises(NoCompatiblePackageError):
            load(backend="trt", **given)
    allowed = load(call=AutoModel.plan, options={"trusted_code": (entry,)})
    assert {candidate.backend for candidate in allowed.accepted} == {"onnx", "trt"}
    offline = load(call=AutoModel.plan, options={"trusted_code": (entry,)}, local_files_only=True)
    assert "trt" in {candidate.backend for candidate in offline.accepted}  # found without asking the API
    (folder / "class_names.txt").write_bytes(b"dog\n")
    (folder / "local_trt_package_manifest.json").write_text(
        json.dumps({**document, "files": {**promised, "class_names.txt": hashlib.md5(b"dog\n").hexdigest()}})
    )
    changed = load(call=AutoModel.plan, options={"trusted_code": (entry,)})
    assert {candidate.backend for candidate in changed.accepted} == {"onnx"}


def test_a_model_without_packages_is_explained(load, api):
    api.answer(model(modelPackages=[]))
    with pytest.raises(NoCompatiblePackageError, match="no packages"):
        load()

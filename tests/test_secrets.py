"""Secrets reach the server they belong to, and nothing else: on every way through the library, and on every failure."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import inference_models_provider_samples
import pytest
from inference_models_core import AutoModel, AutoModelPipeline, LoadOptions
from inference_models_core.errors import InferenceModelsError
from inference_models_core.testing.fault_server import Drop, FaultServer, Redirect, Status
from inference_models_core.types.secrets import Secret
from suite_checks import canaries as checks
from suite_checks import listening

PACKAGE = Path(inference_models_provider_samples.__file__).parent / "models" / "shapes-detector" / "fp32static"
PATH = "/models/v1/external/weights"
ONNX = "onnx-model-package-v1"


class Api:
    """The Roboflow API with one model whose files have signed URLs on another origin."""

    def __init__(self, api, files, canaries):
        self.api, self.files, self.canaries = api, files, canaries
        self.contents = {path.name: path.read_bytes() for path in PACKAGE.iterdir() if path.name != "model_config.json"}
        self.serve()

    def serve(self, *faults, answer=()):
        for name, content in self.contents.items():
            self.files.add(f"/{name}", content, *faults)
        self.api.add(PATH, json.dumps({"modelMetadata": self.document()}).encode(), *answer)

    def document(self):
        signature = f"X-Amz-Signature={self.canaries.signature}"
        files = [
            {
                "fileHandle": name,
                "downloadUrl": f"{self.files.url('/' + name)}?{signature}",
                "md5Hash": hashlib.md5(content).hexdigest(),
            }
            for name, content in self.contents.items()
        ]
        manifest = {"type": ONNX, "backendType": "onnx", "quantization": "fp32", "opset": 17, "staticBatchSize": 1}
        package = {"type": "external-model-package-v1", "packageId": "p", "packageManifest": manifest,
                   "packageFiles": files}  # fmt: skip
        return {"type": "external-model-metadata-v1", "modelId": "acme/3", "modelArchitecture": "yolov8",
                "taskType": "object-detection", "modelPackages": [package]}  # fmt: skip


@pytest.fixture
def api(monkeypatch, canaries):
    with FaultServer() as server, FaultServer("127.0.0.2") as files:
        monkeypatch.setenv("ROBOFLOW_API_HOST", server.origin)
        # The way to name an origin in a private network from which files may come.
        monkeypatch.setattr("inference_models_core.artifacts.fetch.HttpClient", _allowing(files.origin))
        yield Api(server, files, canaries)


def _allowing(origin):
    from inference_models_core.network.client import HttpClient

    return lambda *, origins=(), **named: HttpClient(origins=(*origins, origin), **named)


def leaks(error, canaries):
    """Where a secret is in an error, its causes, and the variables of our frames."""
    return [str(text)[:120] for text in listening.texts_of(error) if canaries.found_in(text)]


@pytest.fixture
def count():
    """How often a secret arrived since the test began."""
    before = checks.sent.copy()
    return lambda name: checks.sent[name] - before[name]


def options(canaries):
    return LoadOptions(provider_options={"headers": {"X-Tenant": Secret(canaries.bearer)}}, progress=False)


def test_the_way_of_a_key_and_a_signature(api, canaries, count):
    """From the environment and from the argument; the files' origin sees the signature and neither key nor header."""
    with AutoModel.from_pretrained("roboflow://acme/3") as model:
        assert model.class_names
    AutoModel.from_pretrained("roboflow://acme/3", api_key=canaries.api_key, force_download=True).close()
    assert count("api_key") == 2
    assert count("signature") == 2 * len(api.files.requests) / 2
    assert {request.headers["authorization"] for request in api.api.requests} == {f"Bearer {canaries.api_key}"}
    assert not any("authorization" in request.headers for request in api.files.requests)


FAULTS = {
    "refused": ((), (Status(401),)),
    "failing": ((), (Status(500),)),
    "no document": ((), (Status(200, body=b"<html>"),)),
    "expired": ((Status(403),), ()),
    "cut off": ((Drop(10),), ()),
    "elsewhere": ((Redirect("http://10.0.0.1/x"),), ()),
    "not what was promised": (None, ()),
}
ENTRIES = {
    "from_pretrained": AutoModel.from_pretrained,
    "plan": AutoModel.plan,
    "pull": AutoModel.pull,
    "find_cached": AutoModel.find_cached,
    "describe_model": AutoModel.describe_model,
    "pipeline": lambda model, **named: AutoModelPipeline.from_pretrained(
        "detect-then-crop", [model, {"model_id_or_path": model, "api_key": named["api_key"]}], **named
    ),
}


@pytest.fixture
def fast(monkeypatch):
    from inference_models_core.network.retries import Clock

    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: None)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_failures_show_nothing(api, canaries, fast, entry, fault):
    """The error, its causes and every variable of our frames; logs and files are looked at by the suite."""
    befalling, answering = FAULTS[fault]
    if befalling is None:
        api.serve()
        for name in api.contents:
            api.files.add(f"/{name}", b"something else")
    else:
        api.serve(*befalling, answer=answering)
    raised = None
    try:
        ENTRIES[entry]("roboflow://acme/3", api_key=canaries.api_key, options=options(canaries))
    except InferenceModelsError as error:
        raised = error
    if raised is not None:
        assert leaks(raised, canaries) == []
        assert canaries.found_in(f"{raised!r} {raised.to_dict()} {vars(raised)!r}") == []


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("wrong", [{"device": "warp drive"}, {"fallback": "always"}, {"model_id_or_path": ""}])
def test_wrong_arguments_show_no_key(canaries, entry, wrong):
    """A request that is refused before it exists: the key was text until then."""
    named = {"model_id_or_path": "roboflow://acme/3", "api_key": canaries.api_key, "revision": "7", **wrong}
    reference = named.pop("model_id_or_path")
    with pytest.raises(InferenceModelsError) as caught:
        ENTRIES[entry](reference, **named)
    assert leaks(caught.value, canaries) == []


def test_what_is_public_shows_nothing(api, canaries):
    """Every object that a caller gets to see, as text."""
    named = {"api_key": canaries.api_key, "options": options(canaries)}
    with AutoModel.from_pretrained("roboflow://acme/3", **named) as model:
        shown = [model.resolution, model, vars(model), AutoModel.plan("roboflow://acme/3", **named),
                 AutoModel.pull("roboflow://acme/3", **named), AutoModel.describe_model("roboflow://acme/3", **named),
                 AutoModel.describe_runtime(), named["options"]]  # fmt: skip
        for each in shown:
            texts = f"{each!s} {each!r} {getattr(each, 'to_dict', str)()}"
            assert canaries.found_in(texts) == [], type(each)


@pytest.mark.parametrize(
    "arguments",
    [["pull"], ["plan"], ["describe"], ["pull", "--json"], ["pull", "--traceback", "-vv"], ["plan", "--json", "-vv"]],
)
def test_commands_show_nothing(api, canaries, count, arguments, own_cache_folder):
    """A process of its own, with the key in its environment and a netrc file in its home."""
    home = own_cache_folder.parent / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"default login canary password {canaries.password}\n")
    (home / ".netrc").chmod(0o600)
    environment = {**os.environ, "HOME": str(home), "INFERENCE_MODELS_DEBUG": "0"}
    environment.pop("NETRC")
    command, *flags = arguments
    code = "from inference_models_core.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, command, "roboflow://acme/3", *flags],
        capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip
    assert canaries.found_in(done.stdout + done.stderr) == []
    assert count("api_key") > 0
    assert count("password") == 0
    (home / ".netrc").unlink()


def test_the_password_of_netrc_would_be_sent_by_a_careless_client(api, canaries):
    """The bait works: a client with the defaults of requests takes it."""
    import requests

    assert requests.utils.get_netrc_auth(api.api.url(PATH)) == ("canary", canaries.password)


def test_the_cache_says_nothing(api, canaries, own_cache_folder):
    with contextlib.suppress(InferenceModelsError):
        AutoModel.from_pretrained("roboflow://acme/3", api_key=canaries.api_key, options=options(canaries)).close()
    api.serve(Drop(100))
    with contextlib.suppress(InferenceModelsError):
        AutoModel.pull("roboflow://acme/3", force_download=True, options=options(canaries))
    lines, number = checks.found_in_files([own_cache_folder])
    assert lines == []
    assert number > 10

"""The provider of `docs/providers.md`: its page is its code, a reader can copy it, and it loads models."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import inference_models_provider_samples
import numpy as np
import page_code
import pytest
from inference_models_core import AutoModel, LoadOptions, PluginHost
from inference_models_core.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    ProviderUnavailableError,
    UnauthorizedError,
)
from inference_models_core.reports.listing import ListingQuery, list_providers
from inference_models_core.testing.fault_server import FaultServer
from inference_models_core.testing.faults import Status
from reliability.served import MANIFEST, serve

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "inference-models-provider-http-folder"
SAMPLES = Path(inference_models_provider_samples.__file__).parent
PICTURE = SAMPLES / "pictures" / "wood.jpg"
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
REFERENCE = "httpfolder://shapes-detector"


def blocks(marker: str) -> dict[str, str]:
    return page_code.blocks(PAGE, marker)


def serve_folder(server, folder):
    for path in folder.rglob("*"):
        if path.is_file():
            server.add(f"/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture
def server(monkeypatch):
    with FaultServer() as server:
        monkeypatch.setenv("HTTP_FOLDER_URL", server.origin)
        yield server


@pytest.fixture
def host(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE / "src")
    import inference_models_provider_http_folder.plugin as plugin

    host = PluginHost()
    if "http-folder" not in {record.identity.name for record in host.records()}:  # else it is installed here
        host.register(plugin, "http-folder", "1")
    return host


def load(host, tmp_path, reference=REFERENCE, **arguments):
    options = LoadOptions(host=host, progress=False)
    return AutoModel.from_pretrained(reference, cache_dir=tmp_path / "cache", options=options, **arguments)


def test_page_shows_the_example_as_it_is():
    shown = blocks("file: ")
    own = {name for name in shown if name == "pyproject.toml" or "/" in name}
    files = {name: EXAMPLE / ("src" if "/" in name else "") / name for name in own}
    assert len(files) == 3
    for name, path in files.items():
        assert path.read_text(encoding="utf-8") == shown[name], name


def test_the_provider_is_forty_lines_of_code():
    text = (EXAMPLE / "src" / "inference_models_provider_http_folder" / "provider.py").read_text()
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 40


def test_it_loads_what_the_samples_provider_loads(host, server, tmp_path):
    serve_folder(server, SAMPLES / "models")
    model = load(host, tmp_path, backend="onnx")
    ours, expected = model(PICTURE)[0], AutoModel.from_pretrained("samples/shapes-detector", backend="onnx")(PICTURE)[0]
    assert len(ours) > 0
    np.testing.assert_array_equal(ours.xyxy, expected.xyxy)
    np.testing.assert_array_equal(ours.class_id, expected.class_id)
    np.testing.assert_array_equal(ours.confidence, expected.confidence)
    chosen = model.resolution.chosen.package.package_id
    assert len(server.requests_of(f"/shapes-detector/{chosen}/weights.onnx")) == 1
    assert not [request for request in server.requests if chosen not in request.path and "index" not in request.path]


def test_the_next_process_asks_nobody(server, tmp_path):
    """Both find shapes in a picture: loading a model must not change the name under which the choice is kept."""
    serve_folder(server, SAMPLES / "models")
    loader = (
        "import sys\n"
        "import inference_models_provider_http_folder.plugin as plugin\n"
        "from inference_models_core import AutoModel, LoadOptions\n"
        "from inference_models_core.plugins.host import PluginHost\n"
        "host = PluginHost()\n"
        "if 'http-folder' not in {record.identity.name for record in host.records()}:\n"
        "    host.register(plugin, 'http-folder', '1')\n"
        "reference, cache, picture = sys.argv[1:]\n"
        "options = LoadOptions(host=host, progress=False)\n"
        "model = AutoModel.from_pretrained(reference, cache_dir=cache, options=options)\n"
        "print(len(model(picture)[0]))\n"
    )
    command = [sys.executable, "-c", loader, REFERENCE, str(tmp_path / "cache"), str(PICTURE)]
    sources = os.pathsep.join([str(EXAMPLE / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": sources}
    counts = []
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        counts.append((int(done.stdout), len(server.requests)))
    assert counts[0] == counts[1]
    assert counts[0][0] > 0


def test_the_key_goes_to_the_folder_only(host, server, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_FOLDER_KEY", "the-key")
    with FaultServer("127.0.0.2") as elsewhere:
        url = elsewhere.add("/weights.onnx", (SAMPLES / "models/shapes-detector/fp32dynamic/weights.onnx").read_bytes())
        serve_folder(server, SAMPLES / "models")
        document = (SAMPLES / "models" / "shapes-detector" / "index.json").read_text()
        file = '"fileHandle": "weights.onnx",'
        server.add("/shapes-detector/index.json", document.replace(file, f'{file} "downloadUrl": "{url}",').encode())
        with pytest.raises(ConnectionError, match=r"127\.0\.0\.2"):  # an origin that the user did not configure
            load(host, tmp_path)
        assert elsewhere.requests == []
    assert {request.headers.get("authorization") for request in server.requests} == {"Bearer the-key"}


@pytest.mark.parametrize(
    ("status", "error"), [(401, UnauthorizedError), (404, ModelNotFoundError), (500, ProviderUnavailableError)]
)
def test_what_the_server_refuses(host, server, tmp_path, status, error, monkeypatch):
    monkeypatch.setattr("inference_models_core.network.retries.Clock.sleep", lambda *_: None)
    server.add("/shapes-detector/index.json", b"{}", Status(status))
    with pytest.raises(error):
        load(host, tmp_path)


def test_no_folder_is_named(host, tmp_path, monkeypatch):
    monkeypatch.delenv("HTTP_FOLDER_URL", raising=False)
    with pytest.raises(InvalidRequestError, match="where are the models") as caught:
        load(host, tmp_path)
    assert "HTTP_FOLDER_URL" in caught.value.hint


def test_a_revision_is_a_folder(host, server, tmp_path):
    from reliability import tiny

    host.register(tiny, "tiny", "1")
    server.add("/m/index.json", b"{}")
    model = serve(server, {"weights.bin": b"second"}, name="m/2")
    loaded = load(host, tmp_path, "httpfolder://m", revision="2")
    assert loaded() == dict(model.digests)
    assert loaded.resolution.negotiation.metadata.revision == "2"


def test_pages_of_the_list(host, server):
    one = b'{"models": [{"modelId": "a", "taskType": "x"}, {"modelId": "b"}], "next": "more/2.json"}'
    server.add("/index.json", one)
    server.add("/more/2.json", b'{"models": [{"modelId": "ab", "taskType": "y"}]}')

    def names(**query):
        (listing,) = list_providers(host.registry(), ListingQuery(**query), "httpfolder")
        return [model.model_id for model in listing.models], listing.more

    assert names() == (["a", "b", "ab"], False)
    assert names(text="a") == (["a", "ab"], False)
    assert names(task="y") == (["ab"], False)
    assert names(limit=2) == (["a", "b"], True)


def test_a_list_that_is_none(host, server):
    server.add("/index.json", b'{"models": [{"name": "a"}]}')
    with pytest.raises(ValueError, match=r"models\[0\].*modelId"):
        list_providers(host.registry(), ListingQuery(), "httpfolder")


def test_a_reader_can_copy_the_page(tmp_path, server):
    """Installs the page's three files, describes a package with the page's script, and runs the page's example."""
    site, models = tmp_path / "site", tmp_path / "models"
    _install_from_page(site)
    package = models / "shapes-detector" / "fp32dynamic"
    shutil.copytree(SAMPLES / "models" / "shapes-detector" / "fp32dynamic", package)
    script = tmp_path / "describe.py"
    script.write_text(blocks("file: ")["describe.py"])
    subprocess.run([sys.executable, script, package.parent, "fp32dynamic"], check=True)
    serve_folder(server, models)
    shutil.copy(PICTURE, tmp_path / "picture.jpg")
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", blocks("run")[""]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "fp32dynamic" in done.stdout
    assert "Detections" in done.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "inference_models_core", "list"], env=environment, capture_output=True, text=True
    )
    assert "Models of httpfolder" in listed.stdout


def test_the_page_holds_its_plugin_to_the_kit(tmp_path):
    site = tmp_path / "site"
    _install_from_page(site)
    (tmp_path / "test_plugin.py").write_text(blocks("file: ")["test_plugin.py"])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plugin.py"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def _install_from_page(site):
    page_code.install(PAGE, "inference_models_provider_http_folder", site)


def test_a_manifest_without_a_plugin_is_a_reason(host, server, tmp_path):
    serve(server, {"weights.bin": b"x"}, name="odd", packageManifest={**MANIFEST, "type": "nobody-reads-this-v9"})
    plan = AutoModel.plan("httpfolder://odd", cache_dir=tmp_path, options=LoadOptions(host=host))
    assert [rejection.code for rejection in plan.rejected] == ["manifest-not-readable"]

"""Where the API is, and the gateway."""

from __future__ import annotations

import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from inference_models_core.errors import InvalidRequestError
from inference_models_core.testing.fault_server import FaultServer
from inference_models_provider_roboflow.endpoint import endpoint_of
from roboflow_answers import PATH, model, onnx_package


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "https://api.roboflow.com"),
        ({"ROBOFLOW_REGION": "EU"}, "https://api.roboflow.eu"),
        ({"ROBOFLOW_ENVIRONMENT": "PROD"}, "https://api.roboflow.com"),
        ({"ROBOFLOW_ENVIRONMENT": "anything"}, "https://api.roboflow.one"),
        ({"ROBOFLOW_ENVIRONMENT": "staging", "ROBOFLOW_REGION": "eu"}, "https://api.roboflow-eu.one"),
        ({"ROBOFLOW_API_HOST": "https://api.example.com/", "ROBOFLOW_REGION": "eu"}, "https://api.example.com"),
        ({"ROBOFLOW_API_HOST": "api.example.com"}, "https://api.example.com"),
        ({"ROBOFLOW_API_HOST": "10.0.0.5:8080"}, "https://10.0.0.5:8080"),
        ({"ROBOFLOW_API_HOST": "http://10.0.0.5:8080"}, "http://10.0.0.5:8080"),
        ({"ROBOFLOW_API_HOST": "localhost:9001"}, "http://localhost:9001"),
        ({"ROBOFLOW_API_HOST": "127.0.0.1:9001/base/"}, "http://127.0.0.1:9001/base"),
        ({"ROBOFLOW_API_HOST": "[::1]:9001"}, "http://[::1]:9001"),
        ({"ROBOFLOW_API_HOST": "localhost.example.com"}, "https://localhost.example.com"),
        ({"ROBOFLOW_API_HOST": "  "}, "https://api.roboflow.com"),
    ],
)
def test_hosts(environment, host):
    endpoint = endpoint_of(environment)
    assert endpoint.question == f"{host}{PATH}"
    assert bool(endpoint.configured) == bool(environment.get("ROBOFLOW_API_HOST", "").strip())


def test_an_unknown_region_is_us_and_said(caplog):
    with caplog.at_level(logging.WARNING, "inference_models"):
        assert endpoint_of({"ROBOFLOW_REGION": "mars"}).host == "https://api.roboflow.com"
    assert "ROBOFLOW_REGION" in caplog.text


@pytest.mark.parametrize("text", ["ftp://host", "https://user:secret@host", "https://", "https://a b", "file:///etc"])
@pytest.mark.parametrize("name", ["ROBOFLOW_API_HOST", "SECURE_GATEWAY"])
def test_what_is_no_url_is_told_with_the_variable(name, text):
    with pytest.raises(InvalidRequestError, match=name) as caught:
        endpoint_of({name: text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("gateway", "prefix"),
    [
        ("https://gate.example.com", "https://gate.example.com/proxy?url="),
        ("gate.example.com/", "https://gate.example.com/proxy?url="),
        ("https://gate.example.com/a/b//", "https://gate.example.com/a/b/proxy?url="),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/proxy?url="),
    ],
)
@pytest.mark.parametrize("variable", ["SECURE_GATEWAY", "LICENSE_SERVER"])
def test_urls_through_a_gateway(variable, gateway, prefix):
    endpoint = endpoint_of({variable: gateway})
    wrapped = endpoint.through_gateway("https://files.example.com/a b/(c)~*!'?x=1&y=%20")
    assert wrapped == prefix + "https%3A%2F%2Ffiles.example.com%2Fa%20b%2F(c)~*!'%3Fx%3D1%26y%3D%2520"
    assert endpoint.through_gateway(wrapped) == wrapped
    assert endpoint.asked == endpoint.configured[0]


def test_the_new_name_of_the_gateway_wins():
    assert endpoint_of({"SECURE_GATEWAY": "new.example.com", "LICENSE_SERVER": "old.example.com"}).gateway == (
        "https://new.example.com"
    )


def test_metadata_and_files_go_through_the_gateway_with_the_key(api, provider, monkeypatch):
    ready = "{}/proxy?url=https%3A%2F%2Ffiles.example.com%2Fready"
    with FaultServer("127.0.0.2") as gateway:
        files = [{"fileHandle": "a.onnx", "downloadUrl": "https://files.example.com/a?sig=1"},
                 {"fileHandle": "b.txt", "downloadUrl": ready.format(gateway.origin)}]  # fmt: skip
        body = json.dumps({"modelMetadata": model(onnx_package(packageFiles=files))}).encode()
        gateway.add("/proxy", body)
        monkeypatch.setenv("SECURE_GATEWAY", gateway.origin)
        found = provider(api_key="k1", query=[("tag", "t")]).resolve("acme/3")
        (request,) = gateway.requests
    assert not api.server.requests
    asked = parse_qs(request.query)["url"][0]
    assert asked.startswith(f"{api.server.origin}{PATH}?")
    assert parse_qs(urlsplit(asked).query) == {"modelId": ["acme/3"], "tag": ["t"]}
    assert request.headers["authorization"] == "Bearer k1"
    assert [artifact.urls[0] for artifact in found.packages[0].artifacts] == [
        f"{gateway.origin}/proxy?url=https%3A%2F%2Ffiles.example.com%2Fa%3Fsig%3D1",
        ready.format(gateway.origin),
    ]
    assert set(found.download_access.origins) == {gateway.origin, api.server.origin}
    assert not found.download_access.headers

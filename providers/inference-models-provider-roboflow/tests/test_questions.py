"""What is sent, to whom, and what every answer becomes."""

from __future__ import annotations

import pytest
from inference_models_core.errors import (
    ForbiddenError,
    InvalidReferenceError,
    InvalidRequestError,
    MalformedDocumentError,
    ModelNotFoundError,
    OfflineError,
    PaymentRequiredError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnknownArgumentError,
    UsagePausedError,
)
from inference_models_core.testing.fault_server import FaultServer, Redirect, Status
from roboflow_answers import PATH, model, onnx_package

KEY = "canary-key-4711"


def test_the_question_and_its_answer(api, provider):
    api.answer(model(modelId="acme/canonical", modelVariant="yolov8n", recommendedParameters={"confidence": 0.3},
                     modelDependencies=[{"type": "model-dependency-v1", "name": "encoder", "modelId": "acme/encoder",
                                         "modelPackageId": None}]))  # fmt: skip
    found = provider().resolve("acme/alias")
    (request,) = api.server.requests
    assert (request.method, request.path, api.questions) == ("GET", PATH, [[("modelId", "acme/alias")]])
    assert (found.model_id, found.architecture, found.task) == ("acme/canonical", "yolov8", "object-detection")
    assert (found.variant, found.recommended_parameters.confidence) == ("yolov8n", 0.3)
    assert [(each.name, each.model_id, each.package_id) for each in found.dependencies] == [
        ("encoder", "acme/encoder", None)
    ]
    (package,) = found.packages
    assert (package.package_id, package.backend, package.batch.static) == ("onnx1", "onnx", 1)
    assert package.artifacts[0].urls == ("https://files.example.com/w?sig=s1",)
    assert found.download_access.origins == (api.server.origin,)
    assert not found.download_access.headers


@pytest.mark.parametrize(("key", "sent"), [(KEY, f"Bearer {KEY}"), (None, None), ("", None), ("local", None)])
def test_the_key_travels_in_a_header(api, provider, key, sent):
    provider(api_key=key).resolve("acme/3")
    (request,) = api.server.requests
    assert request.headers.get("authorization") == sent
    assert KEY not in request.query


def test_the_key_of_the_environment_counts_where_the_call_gives_none(api, provider, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ROBOFLOW_API_KEY=from-a-file\n")
    provider().resolve("acme/3")
    monkeypatch.setenv("ROBOFLOW_API_KEY", "from-environment")
    provider().resolve("acme/3")
    provider(api_key="given").resolve("acme/3")
    sent = [request.headers.get("authorization") for request in api.server.requests]
    assert sent == [None, "Bearer from-environment", "Bearer given"]


def test_headers_and_query_of_the_caller_are_added_and_ours_win(api, provider):
    options = {
        "headers": {"X-Tenant": "acme", "authorization": "Basic theirs"},
        "query": [("tag", "a"), ("modelId", "other"), ("tag", "b & c"), ("startAfter", "x")],
    }
    found = provider(api_key=KEY, **options).resolve("acme/3")
    (request,) = api.server.requests
    assert api.questions == [[("modelId", "acme/3"), ("tag", "a"), ("tag", "b & c")]]
    assert (request.headers["x-tenant"], request.headers["authorization"]) == ("acme", f"Bearer {KEY}")
    assert not found.download_access.headers


def test_no_header_follows_a_redirect_to_another_origin(api, provider):
    with FaultServer("127.0.0.2") as other:
        api.fail(Redirect(other.url("/stolen")))
        with pytest.raises((ProviderError, PermissionError)):
            provider(api_key=KEY, headers={"X-Tenant": "secret"}).resolve("acme/3")
        assert not any({"authorization", "x-tenant"} & set(request.headers) for request in other.requests)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"header": {}}, UnknownArgumentError, "headers"),
        ({"headers": [("a", "b")]}, InvalidRequestError, "headers"),
        ({"headers": {"a": 1}}, InvalidRequestError, "headers"),
        ({"query": {"a": "b"}}, InvalidRequestError, "query"),
        ({"query": [("a", "b", "c")]}, InvalidRequestError, "query"),
        ({"query": ["ab"]}, InvalidRequestError, "query"),
    ],
)
def test_options_that_cannot_be_used_are_told_before_anything_is_asked(api, provider, options, kind, words):
    with pytest.raises(kind) as caught:
        provider(**options)
    assert words in str(caught.value)
    assert not api.server.requests


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, UnauthorizedError), (402, PaymentRequiredError), (403, ForbiddenError), (404, ModelNotFoundError),
        (423, UsagePausedError), (400, ProviderError), (410, ProviderError), (418, ProviderError),
    ],
)  # fmt: skip
def test_refusals_are_final_and_typed(api, provider, pauses, code, kind):
    api.fail(Status(code, body=f"no, {KEY}\x1b[31m".encode() + b"x" * 5000))
    with pytest.raises(kind) as caught:
        provider(api_key=KEY).resolve("acme/3")
    assert type(caught.value) is kind
    assert (len(api.server.requests), pauses) == (1, [])
    assert KEY not in str(caught.value) + repr(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_faults_that_pass_are_asked_again(api, provider, pauses, code):
    api.fail(Status(code))
    kind = RateLimitedError if code == 429 else ProviderUnavailableError
    with pytest.raises(kind):
        provider().resolve("acme/3")
    assert (len(api.server.requests), len(pauses)) == (3, 2)


def test_a_fault_that_passed_is_forgotten(api, provider, pauses):
    api.answer(model(), faults=[Status(503, times=1), Status(500, times=1)])
    assert provider().resolve("acme/3").model_id == "acme/3"


def test_the_pause_that_the_api_asks_for_is_taken(api, provider, pauses):
    api.answer(model(), faults=[Status(429, {"Retry-After": "7"}, times=1)])
    provider().resolve("acme/3")
    assert pauses == [7]


def test_a_pause_that_is_too_long_is_an_error(api, provider, pauses):
    api.fail(Status(429, {"Retry-After": "3600"}))
    with pytest.raises(RateLimitedError, match="3600"):
        provider().resolve("acme/3")
    assert pauses == []


def test_hints_say_where_a_key_goes(api, provider):
    api.fail(Status(401))
    with pytest.raises(UnauthorizedError) as caught:
        provider().resolve("acme/3")
    assert "ROBOFLOW_API_KEY" in caught.value.hint
    api.fail(Status(404))
    with pytest.raises(ModelNotFoundError) as caught:
        provider().resolve("acme/3")
    assert "ROBOFLOW_API_KEY" in caught.value.hint
    api.fail(Status(403))
    with pytest.raises(ForbiddenError) as caught:
        provider(api_key=KEY).resolve("acme/3")
    assert "workspace" in caught.value.hint
    assert KEY not in caught.value.hint


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"modelMetadata": null}', b'{"modelMetadata": []}', b'{"modelMetadata": {}}',
     b'{"modelMetadata": {"type": "external-model-metadata-v9", "modelId": "a", "modelPackages": []}}',
     b'{"modelMetadata": {"modelId": "a"}}', b"\xff" * 100, b" " * (8 * 2**20 + 1)],
)  # fmt: skip
def test_an_answer_that_is_no_metadata(api, provider, body):
    api.server.add(PATH, body)
    with pytest.raises(MalformedDocumentError):
        provider().resolve("acme/3")
    assert len(api.server.requests) == 1


def test_an_api_that_is_not_there(provider, pauses, monkeypatch, api):
    monkeypatch.setenv("ROBOFLOW_API_HOST", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailableError):
        provider().resolve("acme/3")


def test_offline_nothing_is_asked(api, provider):
    with pytest.raises(OfflineError):
        provider(offline=True).resolve("acme/3")
    assert not api.server.requests


def test_ids_that_are_none_are_not_asked_for(api, provider):
    for text in ("", " ", "a\nb", "a\x00", "\ud800", "\u202e", "x" * 1025, " a"):
        with pytest.raises(InvalidReferenceError):
            provider().resolve(text)
    assert not api.server.requests


def test_ids_with_any_other_character_arrive_as_they_are(api, provider):
    names = ["a/b", "a b", "a&startAfter=x", "../..", "größe/3", "a%2Fb", "x" * 1024, "#?=+"]
    for name in names:
        provider().resolve(name)
    assert api.questions == [[("modelId", name)] for name in names]


def test_a_revision_is_part_of_the_id(api, provider):
    with pytest.raises(InvalidRequestError, match="version"):
        provider().resolve("acme/3", revision="4")


def test_pages_are_joined(api, provider):
    last = {"modelId": "acme/3", "modelPackages": [onnx_package("c")]}
    api.answer(
        model(onnx_package("a"), nextPage="p&2", recommendedParameters={"confidence": 0.2}),
        ("p&2", model(onnx_package("b"), nextPage="p3")),
        ("p3", last),
    )
    found = provider(query=[("tag", "t")]).resolve("acme/3")
    assert [package.package_id for package in found.packages] == ["a", "b", "c"]
    assert (found.task, found.recommended_parameters.confidence) == ("object-detection", 0.2)
    assert api.questions == [
        [("modelId", "acme/3"), ("tag", "t")],
        [("modelId", "acme/3"), ("startAfter", "p&2"), ("tag", "t")],
        [("modelId", "acme/3"), ("startAfter", "p3"), ("tag", "t")],
    ]


def test_pages_in_a_circle_end(api, provider):
    api.answer(model(nextPage="2"), ("2", model(onnx_package("b"), nextPage="3")), ("3", model(nextPage="2")))
    with pytest.raises(MalformedDocumentError, match="nextPage"):
        provider().resolve("acme/3")
    assert len(api.server.requests) == 3


def test_an_answer_without_packages_is_an_answer(api, provider):
    api.answer(model(modelPackages=[]))
    assert provider().resolve("acme/3").packages == ()

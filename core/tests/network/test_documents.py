"""Documents: read, asked for again, refused with the right error, quoted with care."""

import email.utils
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_models_core import errors
from inference_models_core.network import documents
from inference_models_core.network.documents import TRIES
from inference_models_core.network.retries import SYSTEM_CLOCK
from inference_models_core.parsing import MAX_DOCUMENT_BYTES
from inference_models_core.testing.fault_server import Chunked, Drop, Gzip, Redirect, Status
from inference_models_core.types.secrets import Secret

WHAT = "model org/name"


@pytest.fixture
def client(server, make_client, clock):
    return make_client(server, clock=clock)


def test_a_document(server, client):
    server.add("/api", json.dumps({"a": [1, "é"]}).encode(), Chunked())
    params = [("modelId", "org/name & co"), ("key", Secret("s=1"))]
    assert client.get_document(server.url("/api?v=1"), params=params, what=WHAT) == {"a": [1, "é"]}
    assert server.requests[0].query == "v=1&modelId=org%2Fname+%26+co&key=s%3D1"


@pytest.mark.parametrize(
    ("status", "kind", "tries"),
    [
        (400, errors.ProviderError, 1),
        (401, errors.UnauthorizedError, 1),
        (402, errors.PaymentRequiredError, 1),
        (403, errors.ForbiddenError, 1),
        (404, errors.ModelNotFoundError, 1),
        (408, errors.ProviderUnavailableError, TRIES),
        (410, errors.ProviderError, 1),
        (418, errors.ProviderError, 1),
        (423, errors.UsagePausedError, 1),
        (429, errors.RateLimitedError, TRIES),
        (500, errors.ProviderUnavailableError, TRIES),
        (501, errors.ProviderUnavailableError, 1),
        (502, errors.ProviderUnavailableError, TRIES),
        (503, errors.ProviderUnavailableError, TRIES),
        (504, errors.ProviderUnavailableError, TRIES),
        (204, errors.ProviderError, 1),
        (206, errors.ProviderError, 1),
    ],
)
def test_refusals(status, kind, tries, server, client, clock):
    server.add("/api", b"", Status(status, body=b"the reason"))
    with pytest.raises(errors.ProviderError) as caught:
        client.get_document(server.url("/api?canary"), what=WHAT)
    assert type(caught.value) is kind
    assert len(server.requests) == tries
    assert len(clock.slept) == tries - 1
    assert server.origin[7:] in str(caught.value)
    assert WHAT in str(caught.value)
    assert f"status {status}" in str(caught.value)
    assert ("the reason" in str(caught.value)) == (status != 204)
    assert "canary" not in str(caught.value)


def test_it_works_the_next_time(server, client, clock):
    server.add("/api", b"[1]", Status(503, times=1), Drop(1, skip=1, times=1))
    assert client.get_document(server.url("/api"), what=WHAT) == [1]
    assert clock.slept == [0.25, 0.5]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "pause"),
    [("7", 7), ("120", 120), (email.utils.formatdate(1_700_000_030, usegmt=True), 30), ("soon", 0.25), ("-1", 0.25)],
)
def test_the_pause_that_the_server_asks_for(text, pause, status, server, client, clock):
    server.add("/api", b"1", Status(status, {"Retry-After": text}, times=1))
    assert client.get_document(server.url("/api"), what=WHAT) == 1
    assert clock.slept == [pause]


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_is_too_long(status, server, client, clock):
    server.add("/api", b"1", Status(status, {"Retry-After": "121"}))
    with pytest.raises(errors.RateLimitedError) as caught:
        client.get_document(server.url("/api"), what=WHAT)
    assert "121 seconds" in caught.value.hint
    assert (len(server.requests), clock.slept) == (1, [])


def test_a_provider_that_does_not_answer(make_client, clock, server):
    server.add("/api", b"1", Drop(0))
    with pytest.raises(errors.ProviderUnavailableError) as caught:
        make_client(server, clock=clock).get_document(server.url("/api?canary"), what=WHAT)
    assert len(server.requests) == TRIES
    assert isinstance(caught.value.__cause__, errors.DownloadError)
    assert WHAT in str(caught.value)
    assert "canary" not in str(caught.value)


def test_unsafe_urls_are_no_outage(server, client, clock):
    server.add("/api", b"", Redirect("http://10.0.0.1/"))
    with pytest.raises(errors.UnsafeUrlError):
        client.get_document(server.url("/api"), what=WHAT)
    assert (len(server.requests), clock.slept) == (1, [])


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"{", b"\xff", b"NaN", b"[" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40]
)
def test_what_is_not_json(content, server, client):
    server.add("/api", content)
    with pytest.raises(errors.MalformedDocumentError, match=WHAT):
        client.get_document(server.url("/api"), what=WHAT)


@pytest.mark.parametrize("framing", [(), (Chunked(),)], ids=["length", "chunks"])
@pytest.mark.parametrize("extra", [0, 1])
def test_the_largest_document(extra, framing, server, client):
    server.add("/api", b'"x"'.ljust(MAX_DOCUMENT_BYTES + extra), *framing)
    if not extra:
        assert client.get_document(server.url("/api"), what=WHAT) == "x"
        return
    with pytest.raises(errors.MalformedDocumentError, match=f"at most {MAX_DOCUMENT_BYTES} bytes"):
        client.get_document(server.url("/api"), what=WHAT)


def test_compression_that_was_not_asked_for(server, client):
    server.add("/api", b"0" * 10_000_000, Gzip())
    with pytest.raises(errors.MalformedDocumentError, match="without compression"):
        client.get_document(server.url("/api"), what=WHAT)


def test_a_long_refusal_is_not_read(server, client):
    server.add("/api", b"", Status(400, body=b"x" * 10_000_000))
    with pytest.raises(errors.ProviderError) as caught:
        client.get_document(server.url("/api"), what=WHAT)
    assert str(caught.value).count("x") <= 512


def test_a_refusal_that_repeats_the_key(server, make_client, clock):
    body = b'{"error": "the key sk-canary is wrong, as are tenant-canary and query-canary"}'
    server.add("/api", b"", Status(401, body=body))
    client = make_client(server, headers={server.origin: {"Authorization": Secret("Bearer sk-canary")}}, clock=clock)
    with pytest.raises(errors.UnauthorizedError) as caught:
        client.get_document(
            server.url("/api"),
            params=[("key", Secret("query-canary"))],
            headers={"X-Tenant": Secret("tenant-canary")},
            what=WHAT,
        )
    assert "canary" not in str(caught.value)
    assert "the key *** is wrong" in str(caught.value)


@settings(max_examples=200)
@given(st.binary(max_size=512), st.sampled_from([400, 401, 404, 500]))
def test_any_refusal_is_short_and_printable(body, status):
    answer = documents._Answer(status, {}, body)
    failure = documents._refusal(documents.Question("host", WHAT, ()), answer, SYSTEM_CLOCK)
    text = str(getattr(failure, "failure", failure))
    assert text.isprintable()
    assert len(text) < 4096


def test_headers_and_the_key_are_sent(server, make_client):
    server.add("/api", b"1")
    client = make_client(server, headers={server.origin: {"Authorization": Secret("Bearer key")}})
    client.get_document(server.url("/api"), headers={"X-A": "plain", "X-B": Secret("secret")}, what=WHAT)
    headers = server.requests[0].headers
    assert (headers["authorization"], headers["x-a"], headers["x-b"]) == ("Bearer key", "plain", "secret")

"""The server that tests trust: right without faults, wrong in exactly the way that was asked for."""

from __future__ import annotations

import gzip
import http.client
import socket
import time

import pytest
from inference_models_core.testing.fault_server import (
    Changed,
    Chunked,
    Drop,
    FaultServer,
    Gzip,
    Header,
    LongBody,
    Multipart,
    NoIfRange,
    NoRange,
    Redirect,
    ShortBody,
    Stall,
    Status,
    Validators,
    WrongLength,
    WrongRange,
)

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def get(server, path="/x", **headers):
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("asked", "status", "window"),
    [
        (None, 200, slice(0, None)),
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=2040-", 206, slice(2040, None)),
        ("bytes=2040-9999", 206, slice(2040, None)),
        ("bytes=-5", 206, slice(2043, None)),
        ("bytes=0-1,4-5", 200, slice(0, None)),
    ],
)
def test_ranges(server, asked, status, window):
    server.add("/x", CONTENT)
    found, headers, body = get(server, **({"Range": asked} if asked else {}))
    assert (found, body) == (status, CONTENT[window])
    assert headers["content-length"] == str(len(body))
    if status == 206:
        assert headers["content-range"] == f"bytes {window.start}-{window.start + len(body) - 1}/{len(CONTENT)}"


def wait_until(happened, seconds=10.0):
    ends = time.monotonic() + seconds
    while not happened() and time.monotonic() < ends:
        time.sleep(0.01)


def test_range_behind_the_end(server):
    server.add("/x", CONTENT)
    assert get(server, Range="bytes=2048-")[:2] == (416, {"content-range": "bytes */2048", "content-length": "0"})


def test_if_range(server):
    server.add("/x", CONTENT)
    etag = get(server)[1]["etag"]
    assert get(server, Range="bytes=1-", If_Range=etag)[0] == 206
    assert get(server, Range="bytes=1-", If_Range='"other"')[0] == 200
    server.add("/x", CONTENT, NoIfRange())
    assert get(server, Range="bytes=1-", If_Range='"other"')[0] == 206


def test_keep_alive_and_the_record_of_requests(server):
    server.add("/x", CONTENT)
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=5)
    for query in ("", "?a=1"):
        connection.request("GET", f"/x{query}", headers={"X-Note": "yes"})
        assert connection.getresponse().read() == CONTENT
    connection.close()
    wait_until(lambda: server.requests[-1].sent == 2048)  # counted by the server's thread, after the bytes are gone
    assert [(each.method, each.path, each.query, each.sent) for each in server.requests] == [
        ("GET", "/x", "", 2048),
        ("GET", "/x", "a=1", 2048),
    ]
    assert server.requests[0].headers["x-note"] == "yes"


def test_content_made_from_the_request(server):
    server.add("/x", lambda request: request.query.encode())
    assert get(server, "/x?page=2")[2] == b"page=2"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Status(503), 503, b"no"),
        (Status(204), 204, b""),
        (Redirect("http://127.0.0.2:1/y"), 302, b""),
        (NoRange(), 200, CONTENT),
        (LongBody(3), 206, CONTENT[4:] + b"+++"),
        (ShortBody(3), 206, CONTENT[4:-3]),
        (Chunked(), 206, CONTENT[4:]),
        (WrongLength(None), 206, CONTENT[4:]),
        (Changed(b"other content", skip=0), 206, b"r content"),
    ],
    ids=repr,
)
def test_faults_that_keep_http(server, fault, status, body):
    server.add("/x", CONTENT, fault)
    assert get(server, Range="bytes=4-")[::2] == (status, body)


def test_headers_that_lie(server):
    server.add("/x", CONTENT, WrongRange(shift=2), Validators(etag='W/"weak"'), Header("X-A", "1"))
    headers = get(server, Range="bytes=4-")[1]
    assert headers["content-range"] == "bytes 6-2047/2048"
    assert (headers["etag"], headers["x-a"], headers.get("last-modified")) == ('W/"weak"', "1", None)
    server.add("/x", CONTENT, Multipart())
    assert get(server, Range="bytes=4-")[1]["content-type"].startswith("multipart/byteranges")


def test_compression(server):
    server.add("/x", CONTENT, Gzip())
    _, headers, body = get(server)
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == CONTENT


@pytest.mark.parametrize("faults", [(), (Chunked(),)], ids=["length", "chunked"])
def test_drop(server, faults):
    server.add("/x", CONTENT, *faults, Drop(100, times=1))
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(server)
    assert caught.value.partial == CONTENT[:100]
    assert get(server)[2] == CONTENT


def test_times_and_skip_count_per_path(server):
    server.add("/x", CONTENT, Status(500, skip=1, times=2))
    server.add("/y", CONTENT)
    assert [get(server)[0] for _ in range(2)] + [get(server, "/y")[0]] == [200, 500, 200]
    assert [get(server)[0] for _ in range(2)] == [500, 200]


def test_stopping_does_not_wait_for_a_stall():
    with FaultServer() as server:
        server.add("/x", CONTENT, Stall(10))
        host, port = server.origin.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=5)
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1)
    connection.close()

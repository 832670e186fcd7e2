"""Bodies: read as they come, whole or not at all."""

import io
import threading

import pytest
from inference_models_core.errors import DownloadError
from inference_models_core.network.response import read_body
from inference_models_core.testing.fault_server import (
    Chunked,
    Drip,
    Drop,
    Gzip,
    Header,
    LongBody,
    Stall,
    Status,
    WrongLength,
)

CONTENT = bytes(range(256)) * 1000


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("framing", [(), (Chunked(),), (WrongLength(None),)], ids=["length", "chunks", "until the end"])
def test_whole_bodies(size, framing, server, client, read_all):
    content = CONTENT[:5000] if size < 100 else CONTENT
    server.add("/a", content, *framing)
    response = client.open(server.url("/a"))
    assert response.length == (None if framing else len(content))
    assert read_all(response, size) == content
    assert response.readinto(memoryview(bytearray(1))) == 0


def test_empty_bodies(server, client, read_all):
    server.add("/empty", b"")
    server.add("/none", b"", Status(204))
    for path in ("/empty", "/none"):
        assert read_all(client.open(server.url(path))) == b""


@pytest.mark.parametrize("after", [0, 1, 1000, len(CONTENT) - 1])
@pytest.mark.parametrize("framing", [(), (Chunked(),)], ids=["length", "chunks"])
def test_bodies_that_end_early_do_not_look_complete(after, framing, server, client, read_all):
    server.add("/a", CONTENT, *framing, Drop(after))
    with pytest.raises(DownloadError, match="ends too early"):
        read_all(client.open(server.url("/a")))


def test_not_a_byte_beyond_the_announced_length(server, client, read_all):
    server.add("/a", CONTENT, WrongLength("10"))
    assert read_all(client.open(server.url("/a"))) == CONTENT[:10]
    server.add("/a", b"new")
    assert read_all(client.open(server.url("/a"))) == b"new", "what was left over is not taken for the next answer"


@pytest.mark.parametrize("text", ["-5", "1e9", "abc", "5, 6", "\u0665", "0x10", "1_0", "+5", "9" * 30])
def test_lengths_that_are_no_numbers(text, server, client):
    encoded = text.encode().decode("latin-1")
    server.add("/a", b"content", WrongLength(encoded))
    with pytest.raises(DownloadError):
        client.open(server.url("/a"))


def test_two_lengths(server, client, read_all):
    server.add("/a", b"content", Header("Content-Length", "7"))
    assert read_all(client.open(server.url("/a"))) == b"content"
    server.add("/a", b"content", Header("Content-Length", "8"))
    with pytest.raises(DownloadError):
        client.open(server.url("/a"))


def test_a_huge_length_is_told_and_allocates_nothing(server, client):
    server.add("/a", b"content", WrongLength(str(2**62)))
    with client.open(server.url("/a")) as response:
        assert response.length == 2**62
        assert response.readinto(memoryview(bytearray(100))) == 7


def test_nothing_is_decoded_and_compression_is_not_asked_for(server, client, read_all):
    server.add("/a", CONTENT, Gzip())
    response = client.open(server.url("/a"), headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert read_all(response)[:2] == b"\x1f\x8b"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("framing", [(), (Chunked(),), (WrongLength(None),)], ids=["length", "chunks", "until the end"])
def test_what_has_arrived_is_given_at_once(framing, server, client):
    """A reader that waited for full buffers could not tell a slow server from a dead one."""
    server.add("/a", CONTENT, *framing, Stall(5))
    buffer = memoryview(bytearray(1 << 20))
    with client.open(server.url("/a")) as response:
        assert response.readinto(buffer) == 5
        assert bytes(buffer[:5]) == CONTENT[:5]


@pytest.mark.parametrize(
    "sizes", [(3, 1 << 20), (5000, 3, 1 << 20), (io.DEFAULT_BUFFER_SIZE, 1 << 20), (1 << 20, 1, 1 << 20)]
)
def test_buffers_may_change_their_size(sizes, server, client):
    """Whatever was buffered on the way is given before more is waited for."""
    server.add("/a", CONTENT[:20_000], Stall(19_999))
    content, step = b"", 0
    with client.open(server.url("/a")) as response:
        while len(content) < 19_999:
            buffer = memoryview(bytearray(sizes[min(step, len(sizes) - 1)]))
            content += buffer[: response.readinto(buffer)]
            step += 1
    assert content == CONTENT[:19_999]


@pytest.mark.parametrize("framing", [(), (Chunked(),), (WrongLength(None),)], ids=["length", "chunks", "until the end"])
@pytest.mark.parametrize("end", ["abort", "client"])
def test_a_blocked_reader_is_released(end, framing, server, client):
    server.add("/a", CONTENT, *framing, Stall(5))
    response = client.open(server.url("/a"))
    buffer, errors = memoryview(bytearray(10)), []
    assert response.readinto(buffer) == 5

    def read():
        try:
            errors.append(response.readinto(buffer))
        except DownloadError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    (response.abort if end == "abort" else client.close)()
    reader.join(10)
    assert not reader.is_alive()
    assert isinstance(errors[0], DownloadError)
    assert ("aborted" if end == "abort" else "closed") in str(errors[0])


def test_abort_and_close_may_come_at_any_time(server, client, read_all):
    server.add("/a", CONTENT)
    response = client.open(server.url("/a"))
    assert read_all(response) == CONTENT
    for _ in range(2):
        response.abort()
        response.close()
    server.add("/b", CONTENT)
    assert read_all(client.open(server.url("/b"))) == CONTENT, "the connection went back before it was cut"
    early = client.open(server.url("/b"))
    early.abort()
    with pytest.raises(DownloadError, match="aborted"):
        read_all(early)


def test_silence(server, make_client, read_all):
    server.add("/a", CONTENT, Stall(5))
    response = make_client(server, read_timeout=0.1).open(server.url("/a"))
    with pytest.raises(DownloadError, match="nothing came in time"):
        read_all(response)


def test_a_deadline_covers_the_body(server, client):
    server.add("/a", CONTENT, Drip(1, 0.01))
    with client.open(server.url("/a"), deadline=0.2) as response, pytest.raises(DownloadError, match=r"than 0\.2 sec"):
        read_body(response, 1 << 20)


def test_a_body_is_read_up_to_a_limit(server, client):
    server.add("/a", CONTENT, LongBody(100))
    for limit in (1, 100_000, len(CONTENT) + 100, len(CONTENT) + 101):
        with client.open(server.url("/a")) as response:
            assert read_body(response, limit) == (CONTENT + b"+" * 100)[:limit]


def test_a_response_prints_without_query(server, client):
    server.add("/a", b"")
    with client.open(server.url("/a?canary")) as response:
        assert repr(response) == f"<Response 200 {server.url('/a')}>"
        assert response.url == server.url("/a")

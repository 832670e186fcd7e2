"""Connections: to checked addresses only, used again, by several threads, and not at all when offline."""

import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from inference_models_core.errors import DownloadError, InvalidRequestError, OfflineError
from inference_models_core.network import policy
from inference_models_core.network.client import HttpClient
from inference_models_core.network.connections import Attempt
from inference_models_core.testing.fault_server import Drop, Redirect, Status


def test_every_status_is_an_answer(server, client, read_all):
    for status in (200, 206, 304, 401, 404, 416, 500, 503):
        server.add("/a", b"", Status(status, body=b"text"))
        response = client.open(server.url("/a"))
        assert response.status == status
        assert read_all(response) == (b"" if status == 304 else b"text")


def test_connections_are_used_again(server, client, connections, read_all):
    server.add("/a", b"content")
    for _ in range(5):
        read_all(client.open(server.url("/a")))
    assert len(connections) == 1


def test_connections_with_an_unread_rest_are_not(server, client, connections, read_all):
    server.add("/a", b"content" * 100)
    with client.open(server.url("/a")) as response:
        response.readinto(memoryview(bytearray(7)))
    server.add("/a", b"other")
    assert read_all(client.open(server.url("/a"))) == b"other"
    assert len(connections) == 2


def test_threads_share_a_client(server, client, connections):
    bodies = {f"/{name}": bytes([name]) * 50_000 for name in range(8)}
    for path, body in bodies.items():
        server.add(path, body)
    wrong = []

    def fetch(path):
        for _ in range(10):
            content, buffer = bytearray(), memoryview(bytearray(1 << 16))
            with client.open(server.url(path)) as response:
                while count := response.readinto(buffer):
                    content += buffer[:count]
            if content != bodies[path]:
                wrong.append(path)

    threads = [threading.Thread(target=fetch, args=(path,)) for path in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.requests) == 80
    assert len(connections) <= len(threads)


def test_the_checked_address_is_the_one_used(server, monkeypatch, resolve, connections, read_all):
    """A name that is public when it is checked and private when it is connected to (DNS rebinding)."""
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    asked = resolve(rebinding_test=lambda: [next(answers)])
    monkeypatch.setattr(policy, "is_public", lambda address: str(address) == "127.0.0.1")
    monkeypatch.setattr(policy, "PORTS", frozenset({int(server.origin.rpartition(":")[2])}))
    monkeypatch.setattr(policy, "_refusal", lambda *_: None)  # plain http, which this test's server speaks
    server.add("/a", b"content")
    url = server.url("/a").replace("127.0.0.1", "rebinding.test")
    with HttpClient() as client:
        assert read_all(client.open(url)) == b"content"
        assert asked == ["rebinding.test"], "looked up once"
        assert server.requests[0].headers["host"] == url.split("/")[2]
        with pytest.raises(DownloadError, match=r"127\.0\.0\.2, which is not a public address"):
            client.open(url)
    assert [address[0] for address in connections] == ["127.0.0.1"]


def test_each_hop_is_resolved_and_checked(server, make_client, resolve):
    resolve(metadata_test=["169.254.169.254"])
    server.add("/start", b"", Redirect("https://metadata.test/latest"))
    with pytest.raises(DownloadError, match=r"169\.254\.169\.254, which is not a public address"):
        make_client(server).open(server.url("/start"))


def test_another_address_of_the_host_is_tried(server, make_client, resolve, connections, read_all):
    port = server.origin.rpartition(":")[2]
    resolve(models_test=["127.0.0.3", "127.0.0.1"])
    client = make_client(f"http://models.test:{port}")
    server.add("/a", b"content")
    for _ in range(2):
        assert read_all(client.open(f"http://models.test:{port}/a")) == b"content"
    assert [address[0] for address in connections] == ["127.0.0.3", "127.0.0.1"], "the second time it is connected"


def test_a_request_that_was_sent_is_not_sent_to_another_address(make_client, resolve, connections):
    resolve(models_test=["127.0.0.1", "127.0.0.2"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up():
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        client = make_client(f"http://models.test:{port}")
        with pytest.raises(DownloadError, match="the connection failed"):
            client.open(f"http://models.test:{port}/a")
        thread.join()
    assert [address[0] for address in connections] == ["127.0.0.1"]


def test_an_attempt_that_is_cut_before_it_is_connected():
    attempt, (near, far) = Attempt(), socket.socketpair()
    with near, far:
        attempt.cut("too late")
        attempt.use(near)
        assert far.recv(1) == b"", "shut down at once"
        attempt.end()
    assert attempt.cut_because == "too late"


def test_nobody_listens(make_client):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(DownloadError, match="refused") as caught:
        make_client(origin).open(f"{origin}/a?canary")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_a_connection_that_ends_before_the_headers(server, client):
    server.add("/a", lambda _: (_ for _ in ()).throw(ConnectionResetError()))
    with pytest.raises(DownloadError, match="the connection failed"):
        client.open(server.url("/a"))


@pytest.mark.parametrize("end", ["time", "client"])
def test_headers_that_never_end(end, make_client):
    done, started = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not done.wait(0.02):
                        connection.sendall(b"X")
                        started.set()
                except OSError:
                    pass  # the client hung up, as it should

        thread = threading.Thread(target=drip)
        thread.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        patience = 0.1 if end == "time" else 60
        client = make_client(origin, connect_timeout=patience, read_timeout=patience)
        if end == "client":
            closer = threading.Thread(target=lambda: (started.wait(10), client.close()))
            closer.start()
        with pytest.raises(
            DownloadError, match=r"longer than 0\.2 seconds" if end == "time" else "the client was closed"
        ):
            client.open(f"{origin}/a")
        done.set()
        thread.join()


def test_a_closed_client_asks_nothing(server, client):
    client.close()
    client.close()
    with pytest.raises(DownloadError, match="closed"):
        client.open(server.url("/a"))
    assert server.requests == []


@pytest.mark.parametrize("switch", ["argument", "INFERENCE_MODELS_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_opens_no_socket(switch, server, make_client, monkeypatch):
    client = make_client(server, offline=switch == "argument")
    if switch != "argument":
        client.open(server.url("/a")).close()
        monkeypatch.setenv(switch, "1")
    events, watching = [], [True]
    sys.addaudithook(lambda event, _: events.append(event) if watching and event.startswith("socket.") else None)
    try:
        with pytest.raises(OfflineError):
            client.open("https://models.test/a")
        with pytest.raises(OfflineError):
            client.get_document(server.url("/a"), what="a model")
    finally:
        watching.clear()
    assert events == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Api-Key", "canary\n"),
        ("X-Api-Key", "canary\r\nX-Other: 1"),
        ("X-Api-Key", " canary"),
        ("X-Api-Key", "canary\0"),
        ("X-Api-Key", "canäry"),
        ("X-Api-Key\r\n", "canary"),
        ("X Api Key", "canary"),
        ("", "canary"),
    ],
)
def test_headers_that_cannot_be_sent(name, value, server, client):
    with pytest.raises(InvalidRequestError) as caught:
        client.open(server.url("/a"), headers={name: value})
    assert "can" not in str(caught.value).replace("cannot", "")
    assert server.requests == []


def test_own_headers_cannot_be_replaced(server, client, read_all):
    server.add("/a", b"content")
    client.open(server.url("/a"), headers={"host": "evil.test", "accept-encoding": "gzip"}).close()
    headers = server.requests[0].headers
    assert (headers["host"], headers["accept-encoding"]) == (server.origin[7:], "identity")


def test_files_that_were_opened_are_closed(server, client, read_all):
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("counts open files through /proc")
    server.add("/a", b"content" * 1000)
    server.add("/cut", b"content" * 1000, Drop(10))

    def use():
        read_all(client.open(server.url("/a")))
        client.open(server.url("/a")).close()
        with pytest.raises(DownloadError):
            read_all(client.open(server.url("/cut")))

    use()
    read_all(client.open(server.url("/a")))
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        use()
    read_all(client.open(server.url("/a")))
    patience = time.monotonic() + 10
    while len(list(descriptors.iterdir())) > before and time.monotonic() < patience:
        time.sleep(0.01)  # the server's threads, which live in this process, lag behind
    assert len(list(descriptors.iterdir())) <= before
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)

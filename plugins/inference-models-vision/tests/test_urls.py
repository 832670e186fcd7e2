"""Fetching pictures from URLs: what is refused, and that refused hosts get no request at all."""

import http.server
import socket
import ssl
import threading
import time

import numpy as np
import pytest
from inference_models_core.errors import InputError, OfflineError, UrlInputForbiddenError
from inference_models_vision.images import urls
from inference_models_vision.images.loading import ImageLoader


class Server(http.server.ThreadingHTTPServer):
    """Answers from a table of path -> (status, headers, content) and remembers what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        status, headers, content = self.server.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for part in [content] if isinstance(content, bytes) else content:
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            pass  # the client hung up, as it should

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ok(content):
    return 200, {"Content-Type": "image/png"}, content


def test_a_picture_from_this_machine(server, noise, encode):
    pixels = noise(8, 9)
    server.answers["/a.png?x=1"] = ok(encode(pixels, "PNG"))
    server.answers["/there"] = (302, {"Location": "/a.png?x=1"}, b"")
    loader = ImageLoader(allow_urls=True, allow_private_hosts=True)
    (picture,) = loader.load(f"{server.url}/there")
    np.testing.assert_array_equal(picture.pixels, pixels[:, :, ::-1])
    assert picture.source.path == f"{server.url}/there"
    assert [path for path, _ in server.asked] == ["/there", "/a.png?x=1"]
    assert server.asked[0][1] == f"127.0.0.1:{server.server_port}"


def test_this_machine_is_refused_by_default(server):
    with pytest.raises(UrlInputForbiddenError, match="only https"):
        ImageLoader(allow_urls=True).load(f"{server.url}/a.png")
    assert server.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:169.254.169.254]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ],
)
def test_hosts_that_are_not_public(host, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
    with pytest.raises((UrlInputForbiddenError, InputError)) as caught:
        urls.fetch(f"https://{host}/a.png")
    # A resolver may not know a spelling; what it knows must be refused for what it is.
    assert isinstance(caught.value, UrlInputForbiddenError) or "cannot be resolved" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a",
        "file:///etc/passwd",
        "https:///a",
        "https://user:pw@example.com/a",
        "https://a:99999/",
        "https://example.com:22/a",
    ],
)
def test_urls_of_other_kinds(url):
    with pytest.raises(UrlInputForbiddenError):
        urls.fetch(url)


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    def resolve(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UrlInputForbiddenError, match=r"10\.0\.0\.1"):
        urls.fetch("https://example.com/a.png")


def test_plain_http_only_to_this_machine(monkeypatch):
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", port))]
    )
    with pytest.raises(UrlInputForbiddenError, match="use https"):
        urls.fetch("http://nas.local/a.png", allow_private_hosts=True)


def test_redirects_are_checked_again(server, monkeypatch):
    server.answers["/"] = (302, {"Location": "http://elsewhere.test/secret"}, b"")
    real = socket.getaddrinfo

    def resolve(host, port, *args, **options):
        if host == "elsewhere.test":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UrlInputForbiddenError, match="elsewhere"):
        urls.fetch(f"{server.url}/", allow_private_hosts=True)


def test_the_address_that_was_checked_is_the_one_used(server, monkeypatch):
    server.answers["/a"] = ok(b"content")
    answers = iter(["127.0.0.1"])

    def resolve(host, port, *_, **__):
        # A second look-up of the name would fail the test; literal addresses are passed through.
        ip = host if host[0].isdigit() else next(answers)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    name = f"http://rebinding.test:{server.server_port}/a"
    assert urls.fetch(name, allow_private_hosts=True) == b"content"
    assert server.asked == [("/a", f"rebinding.test:{server.server_port}")]


def test_endless_redirects(server):
    server.answers["/"] = (302, {"Location": "/"}, b"")
    with pytest.raises(InputError, match="more than 5 redirects"):
        urls.fetch(f"{server.url}/", allow_private_hosts=True)
    assert len(server.asked) == 6


def test_too_large(server, monkeypatch):
    monkeypatch.setattr(urls, "MAX_BYTES", 1_000_000)
    server.answers["/"] = ok(bytes(2_000_000))
    with pytest.raises(InputError, match="MiB"):
        urls.fetch(f"{server.url}/", allow_private_hosts=True)


def test_too_slow(server, monkeypatch):
    monkeypatch.setattr(urls, "MAX_SECONDS", 0.3)

    def drip():
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"

    server.answers["/"] = ok(drip())
    with pytest.raises(InputError, match=r"longer than 0\.3 seconds"):
        urls.fetch(f"{server.url}/", allow_private_hosts=True)


def test_headers_that_never_end(monkeypatch):
    monkeypatch.setattr(urls, "MAX_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not done.wait(0.02):
                        connection.sendall(b"X")
                except OSError:
                    pass  # the client hung up, as it should

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(InputError, match=r"longer than 0\.3 seconds"):
            urls.fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/a", allow_private_hosts=True)
        done.set()
        thread.join()


@pytest.mark.parametrize("status", [404, 500])
def test_refusals_of_the_server(server, status):
    server.answers["/"] = (status, {}, b"")
    with pytest.raises(InputError, match=str(status)):
        urls.fetch(f"{server.url}/", allow_private_hosts=True)


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(InputError, match="cannot fetch"):
        urls.fetch(f"http://127.0.0.1:{port}/", allow_private_hosts=True)


def test_offline_mode_opens_no_socket(monkeypatch):
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    with pytest.raises(OfflineError):
        urls.fetch("https://example.com/a.png")


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    server.answers["/a"] = ok(b"content")
    assert urls.fetch(f"{server.url}/a", allow_private_hosts=True) == b"content"


def test_https_asks_for_the_name_and_verifies_it(monkeypatch):
    """The connection goes to an address, the handshake names the host (SNI), and a foreign certificate fails."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.sni_callback = lambda _socket, name, _context: seen.append(name)
            try:
                context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(InputError, match="cannot fetch"):
            urls.fetch(f"https://localhost:{listener.getsockname()[1]}/a", allow_private_hosts=True)
        thread.join()
    assert seen == ["localhost"]

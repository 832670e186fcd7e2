"""What the environment decides: proxies, yes; credentials, never."""

import socket
import threading

import pytest
from inference_models_core.errors import DownloadError, UnsafeUrlError
from inference_models_core.testing.fault_server import FaultServer


@pytest.fixture
def proxy():
    with FaultServer("127.0.0.2") as running:
        running.add("/a", b"through the proxy")
        yield running


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment(variable, proxy, make_client, monkeypatch, resolve, read_all):
    """It gets the whole URL, and resolves the name for itself."""
    asked = resolve(models_test=lambda: pytest.fail("the name was looked up"))
    monkeypatch.setenv(variable, proxy.origin)
    assert read_all(make_client("http://models.test").open("http://models.test/a?b")) == b"through the proxy"
    assert asked == []
    assert proxy.requests[0].headers["host"] == "models.test"


@pytest.mark.parametrize("names", ["*", "127.0.0.1", "localhost,127.0.0.0/8"])
def test_exceptions_from_the_proxy(names, proxy, server, make_client, monkeypatch, read_all):
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    monkeypatch.setenv("NO_PROXY", names)
    server.add("/a", b"directly")
    assert read_all(make_client(server).open(server.url("/a"))) == b"directly"
    assert proxy.requests == []


def test_a_client_without_proxies(proxy, server, make_client, monkeypatch, read_all):
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    server.add("/a", b"directly")
    assert read_all(make_client(server, proxies=False).open(server.url("/a"))) == b"directly"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::1]", "localhost", "2130706433"])
def test_private_addresses_are_refused_through_a_proxy_as_well(host, proxy, make_client, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
    with pytest.raises(UnsafeUrlError):
        make_client().open(f"https://{host}/a")
    assert proxy.requests == []


def test_a_proxy_that_refuses(proxy, make_client, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.origin.replace("//", "//user:canary@"))
    with pytest.raises(DownloadError, match="Tunnel connection failed") as caught:
        make_client().open("https://models.test/a?canary")
    assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_proxy_of_a_kind_that_is_not_installed(make_client, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    try:
        import socks  # noqa: F401
    except ImportError:
        with pytest.raises(DownloadError) as caught:
            make_client().open("https://models.test/a")
        assert "requests[socks]" in caught.value.hint


class Tunnel:
    """A proxy for https: answers CONNECT and copies bytes both ways."""

    def __init__(self, port):
        self._listener, self._port, self.asked = socket.create_server(("127.0.0.1", 0)), port, []
        self.url = f"http://user:pass@127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10)
        self._listener.close()

    def _serve(self):
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            self.asked.append(client.recv(65536).decode())
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self._copy, args=(server, client))
            back.start()
            self._copy(client, server)
            back.join()

    def _copy(self, source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # either side may hang up


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified_through_a_tunnel(
    trusted, secure_server, authority_file, make_client, monkeypatch, read_all
):
    secure_server.add("/a", b"content")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    with Tunnel(secure_server.port) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        client = make_client()
        if trusted:
            assert read_all(client.open("https://weights.test/a")) == b"content"
        else:
            with pytest.raises(DownloadError, match="certificate is not accepted"):
                client.open("https://weights.test/a")
        client.close()
    assert tunnel.asked[0].startswith("CONNECT weights.test:443 ")
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in tunnel.asked[0]
    assert "authorization" not in str(secure_server.requests)


def test_netrc_is_not_read(server, client, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\ndefault login user password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server.add("/a", b"{}")
    client.open(server.url("/a")).close()
    client.get_document(server.url("/a"), what="a model")
    assert "authorization" not in str([request.headers for request in server.requests]).lower()

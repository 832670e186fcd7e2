"""Certificates are verified, for the name, with the authorities that the environment names."""

import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from inference_models_core.errors import DownloadError, InvalidRequestError, UnsafeUrlError
from inference_models_core.network.environment import CERTIFICATE_VARIABLES
from inference_models_core.testing.fault_server import FaultServer, Redirect, Stall


@pytest.fixture
def ask(secure_server, make_client, resolve, read_all):
    """Asks the secure server by a name that resolves to this machine."""
    resolve(weights_test=["127.0.0.1"], other_test=["127.0.0.1"])
    secure_server.add("/a", b"content")

    def ask_for(host="weights.test"):
        origin = f"https://{host}:{secure_server.port}"
        return read_all(make_client(origin).open(f"{origin}/a?canary"))

    return ask_for


@pytest.mark.parametrize("variable", CERTIFICATE_VARIABLES)
def test_authorities_of_the_environment(variable, ask, secure_server, authority_file, monkeypatch):
    monkeypatch.setenv(variable, str(authority_file))
    assert ask() == b"content"
    assert secure_server.names == ["weights.test"]
    assert secure_server.requests[0].headers["host"] == f"weights.test:{secure_server.port}"


def test_a_folder_of_authorities(ask, authority_file, authority, tmp_path, monkeypatch):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    command = [openssl, "x509", "-subject_hash", "-noout", "-in", str(authority_file)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    authority.cert_pem.write_to_path(str(tmp_path / f"{name}.0"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert ask() == b"content"


def test_the_first_variable_wins(ask, authority_file, monkeypatch):
    import certifi

    monkeypatch.setenv(CERTIFICATE_VARIABLES[0], certifi.where())
    monkeypatch.setenv(CERTIFICATE_VARIABLES[-1], str(authority_file))
    with pytest.raises(DownloadError, match="certificate"):
        ask()


@pytest.mark.parametrize("host", ["other.test", "127.0.0.1"])
def test_a_certificate_for_another_name(host, ask, secure_server, authority_file, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    with pytest.raises(DownloadError, match="certificate is not accepted") as caught:
        ask(host)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert secure_server.requests == []


@pytest.mark.parametrize(
    "environment", [{}, {"CURL_CA_BUNDLE": ""}, {"REQUESTS_CA_BUNDLE": ""}, {"PYTHONHTTPSVERIFY": "0"}]
)
def test_an_unknown_authority(environment, ask, secure_server, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DownloadError, match="certificate is not accepted") as caught:
        ask()
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint
    assert secure_server.requests == []


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_bundle_that_cannot_be_used(content, ask, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(InvalidRequestError, match=r"SSL_CERT_FILE: cannot read .*bundle\.pem"):
        ask()


def test_connections_are_used_again_and_cut(
    secure_server, make_client, resolve, authority_file, monkeypatch, connections
):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    resolve(weights_test=["127.0.0.1"])
    origin = f"https://weights.test:{secure_server.port}"
    client = make_client(origin)
    secure_server.add("/a", b"content", Stall(5, skip=2))
    buffer = memoryview(bytearray(100))
    for _ in range(2):
        with client.open(f"{origin}/a") as response:
            while response.readinto(buffer):
                pass
    assert len(connections) == 1
    response = client.open(f"{origin}/a")
    assert response.readinto(buffer) == 5
    threading.Timer(0.05, response.abort).start()
    with pytest.raises(DownloadError, match="aborted"):
        response.readinto(buffer)


def test_https_does_not_lead_to_http(secure_server, make_client, resolve, authority_file, monkeypatch):
    """Not even where plain http was configured: a server that is encrypted has no reason to send us there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    resolve(weights_test=["127.0.0.1"])
    origin = f"https://weights.test:{secure_server.port}"
    with FaultServer() as plain:
        secure_server.add("/a", b"", Redirect(plain.url("/a")))
        with pytest.raises(UnsafeUrlError, match="not encrypted"):
            make_client(origin, plain).open(f"{origin}/a")
        assert plain.requests == []


def test_a_handshake_that_never_ends(make_client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DownloadError, match=r"time|longer"):
            make_client(origin, connect_timeout=0.1, read_timeout=0.1).open(f"{origin}/a")

"""Real servers on loopback: two origins, one with TLS, and a resolver that says what a test wants."""

import socket
import ssl

import pytest
from inference_models_core.network.client import HttpClient
from inference_models_core.network.retries import Clock
from inference_models_core.testing.fault_server import FaultServer

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class FakeClock(Clock):
    """Sleeps in no time and remembers for how long."""

    def __init__(self, wall=1_700_000_000.0, chance=0.5):
        self.slept, self._wall, self._chance = [], wall, chance

    def now(self):
        return sum(self.slept)

    def wall(self):
        return self._wall + sum(self.slept)

    def sleep(self, seconds):
        self.slept.append(seconds)

    def random(self):
        return self._chance


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No proxy, authority or offline mode but those that a test sets."""
    from inference_models_core.network.environment import CERTIFICATE_VARIABLES

    for name in (*_VARIABLES, *map(str.lower, _VARIABLES), *CERTIFICATE_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    for name in ("INFERENCE_MODELS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def elsewhere():
    """Another origin."""
    with FaultServer("127.0.0.2") as running:
        yield running


@pytest.fixture
def make_client():
    """Clients that are closed at the end."""
    made = []

    def make(*servers, **options):
        made.append(HttpClient(origins=[getattr(one, "origin", one) for one in servers], **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client, server):
    return make_client(server)


@pytest.fixture
def resolve(monkeypatch):
    """Sets the addresses of names: name -> addresses, or what gives the next ones; returns what was looked up."""
    real, asked, table = socket.getaddrinfo, [], {}

    def answer(host, port, *args, **options):
        if host not in table:
            return real(host, port, *args, **options)
        asked.append(host)
        found = table[host]() if callable(table[host]) else table[host]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)

    def set_names(**names):
        table.update({name.replace("_", "."): addresses for name, addresses in names.items()})
        return asked

    return set_names


@pytest.fixture
def connections(monkeypatch):
    """The addresses that were connected to, in order."""
    made, real = [], socket.socket.connect

    def connect(self, address):
        made.append(address)
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return made


@pytest.fixture(scope="session")
def authority():
    trustme = pytest.importorskip("trustme")
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def secure_server(authority):
    """A server with a certificate for ``weights.test`` and ``localhost``; ``.names`` are those it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("weights.test", "localhost").configure_cert(context)
    running = FaultServer()
    running.names = []
    context.sni_callback = lambda _socket, name, _context: running.names.append(name)
    running._server.socket = context.wrap_socket(running._server.socket, server_side=True)
    running.port = running._server.server_address[1]
    with running:
        yield running


def read_all(response, size=1 << 16):
    """The body, read through :meth:`Response.readinto`."""
    buffer, content = memoryview(bytearray(size)), b""
    with response:
        while count := response.readinto(buffer):
            content += buffer[:count]
    return content


@pytest.fixture(name="read_all")
def read_all_fixture():
    return read_all

"""Connections that go to a checked address and can be cut from another thread."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import ssl

_IDLE_CONNECTIONS = 16
_current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class Attempt:
    """One request, from connecting to the last byte: what ends it from outside.

    It holds a duplicate of the socket, which stays good for a shutdown whatever the connection, its TLS layer and
    the reader do with theirs.
    """

    def __init__(self) -> None:
        self.cut_because = ""
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def use(self, connected: Any) -> None:
        """Remembers the socket that the request goes over."""
        duplicate = socket.fromfd(connected.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            previous, self._socket = self._socket, duplicate
            if self.cut_because:
                _shut_down(duplicate)
        if previous is not None:
            previous.close()

    def cut(self, because: str) -> None:
        """Ends the request: whoever waits for it gets an error at once. From any thread, any number of times."""
        with self._lock:
            self.cut_because = self.cut_because or because
            if self._socket is not None:
                _shut_down(self._socket)

    def cut_after(self, seconds: float | None, because: str = "") -> None:
        """Sets, moves or (``None``) removes the moment at which the request is cut."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            self._timer = threading.Timer(max(0.0, seconds), self.cut, (because,))
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        """Lets go of everything; the request is over."""
        self.cut_after(None)
        with self._lock:
            duplicate, self._socket = self._socket, None
        if duplicate is not None:
            duplicate.close()


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # it is over already
        connected.shutdown(socket.SHUT_RDWR)


class _CuttableConnection:
    """Mixed into a connection class of urllib3: tells the attempt that is being made about the socket."""

    sock: Any

    def _new_conn(self) -> Any:
        connected = super()._new_conn()  # type: ignore[misc]
        _tell_attempt(connected)
        return connected

    def request(self, *args: Any, **options: Any) -> Any:
        """As urllib3 does it; the connection may be one that an earlier attempt has opened."""
        if self.sock is not None:
            _tell_attempt(self.sock)
        return super().request(*args, **options)  # type: ignore[misc]


def _tell_attempt(connected: Any) -> None:
    attempt = _current.get()
    if attempt is not None:
        attempt.use(connected)


def _make_cuttable(manager: Any) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _cuttable_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _cuttable_pool(pool: type[Any]) -> type[Any]:
    connection = type("CuttableConnection", (_CuttableConnection, pool.ConnectionCls), {})
    return type("CuttablePool", (pool,), {"ConnectionCls": connection})


class Adapter(HTTPAdapter):
    """Sends requests for one host to the address in their URL, and asks for the certificate of the host.

    The TLS settings come from outside and verify, whatever a request says.
    """

    def __init__(self, context: ssl.SSLContext, host: str | None) -> None:
        self._context = context
        self._host = host
        super().__init__(pool_maxsize=_IDLE_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As in requests, with the name for SNI and the certificate."""
        if self._host is not None:
            options["server_hostname"] = self._host
        super().init_poolmanager(*args, **options, ssl_context=self._context)
        _make_cuttable(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As in requests, with our TLS settings, to a proxy that is asked by https as well."""
        if proxy not in self.proxy_manager:
            if proxy.lower().startswith("https:"):
                options["proxy_ssl_context"] = self._context
            _make_cuttable(super().proxy_manager_for(proxy, ssl_context=self._context, **options))
        return self.proxy_manager[proxy]

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leaves the connection as it is: its TLS settings verify already."""

    def attempt(self, attempt: Attempt, request: Any, timeout: tuple[float, float], proxies: dict[str, str]) -> Any:
        """Sends a request whose attempt can be cut from outside."""
        token = _current.set(attempt)
        try:
            return self.send(request, stream=True, timeout=timeout, verify=True, proxies=proxies)
        except BaseException:
            attempt.end()
            raise
        finally:
            _current.reset(token)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    """Drops what urllib3 logs about our requests: it contains whole URLs, signatures and all."""
    return _current.get() is None


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_is_not_ours)

"""An HTTP server on loopback that does wrong what it is told to do wrong, for tests of whatever downloads.

Without a fault it does everything right: HTTP/1.1 with keep-alive, strong ETags, ``Last-Modified``, ranges,
``If-Range``. With faults, a test reads like a table::

    with FaultServer() as server:
        server.add("/weights.bin", content, Drop(1000, times=1))
        fetch(server.url("/weights.bin"))
        assert server.requests[1].headers["range"] == "bytes=1000-"

Every fault takes ``times`` (how many requests it meets; all without it) and ``skip`` (how many it lets pass first),
both counted per path.
"""

from __future__ import annotations

import http.server
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inference_models_core.testing.faults import (
    Changed,
    Chunked,
    Drip,
    Drop,
    Fault,
    Gzip,
    Header,
    LongBody,
    Multipart,
    NoIfRange,
    NoRange,
    Rate,
    Redirect,
    Reply,
    Request,
    Resource,
    ShortBody,
    Stall,
    Status,
    Validators,
    WrongLength,
    WrongRange,
    etag_of,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Changed",
    "Chunked",
    "Drip",
    "Drop",
    "Fault",
    "FaultServer",
    "Gzip",
    "Header",
    "LongBody",
    "Multipart",
    "NoIfRange",
    "NoRange",
    "Rate",
    "Redirect",
    "Reply",
    "Request",
    "Resource",
    "ShortBody",
    "Stall",
    "Status",
    "Validators",
    "WrongLength",
    "WrongRange",
]

Content = bytes | Callable[[Request], bytes]
_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FaultServer:
    """The server; a context manager that starts and stops it.

    Args:
        host: Address to listen on; a second one of ``127.0.0.2`` is another origin on the same machine.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._resources: dict[str, tuple[Content, tuple[Fault, ...]]] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server((host, 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._thread.join()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def url(self, path: str) -> str:
        """The URL of a path."""
        return self.origin + path

    def add(self, path: str, content: Content, *faults: Fault) -> str:
        """Serves content under a path, anew if there was some before; returns the URL.

        Args:
            path: Starts with ``/``; queries are ignored.
            content: The bytes, or what makes them from the request.
            faults: Applied in this order.
        """
        with self._lock:
            self._resources[path] = (content, faults)
            self._counts[path] = 0
        return self.url(path)

    def requests_of(self, path: str) -> list[Request]:
        """The requests of one path so far."""
        return [request for request in tuple(self.requests) if request.path == path]

    def reply(self, request: Request) -> Reply:
        """Notes a request and decides what to send."""
        with self._lock:
            self.requests.append(request)
            found = self._resources.get(request.path)
            number = self._counts.get(request.path, 0)
            self._counts[request.path] = number + 1
        if found is None:
            return Reply(status=404, headers=[], body=b"no such path", length="12")
        content, faults = found
        body = content(request) if callable(content) else content
        return _reply(request, body, [fault for fault in faults if fault.meets(number)])


def _reply(request: Request, content: bytes, faults: Sequence[Fault]) -> Reply:
    resource = Resource(content=content, etag=etag_of(content))
    for fault in faults:
        fault.change_resource(resource)
    reply = _honest_reply(request, resource)
    for fault in faults:
        fault.change_reply(reply)
    return reply


def _honest_reply(request: Request, resource: Resource) -> Reply:
    content, size = resource.content, len(resource.content)
    validators = (("ETag", resource.etag), ("Last-Modified", resource.last_modified))
    headers = [("Accept-Ranges", "bytes")] if resource.ranges else []
    headers += [(name, text) for name, text in validators if text is not None]
    wanted = _wanted_range(request, resource)
    if wanted is None:
        return Reply(status=200, headers=headers, body=content, length=str(size))
    start, stop = wanted
    if start >= stop:
        return Reply(status=416, headers=[("Content-Range", f"bytes */{size}")], body=b"", length="0")
    headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    return Reply(status=206, headers=headers, body=content[start:stop], length=str(stop - start))


def _wanted_range(request: Request, resource: Resource) -> tuple[int, int] | None:
    """First and past-the-end byte that the request asks for; ``None``: all of it."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    holds = condition is None or not resource.if_range or condition in (resource.etag, resource.last_modified)
    if asked is None or not resource.ranges or not holds or not any(asked.groups()):
        return None
    first, last = asked.groups()
    size = len(resource.content)
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: FaultServer

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends every connection and waits a moment until their threads have seen it."""
        self.server_close()
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(connection)
        give_up = time.monotonic() + 2
        while self._open and time.monotonic() < give_up:
            time.sleep(0.005)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what this server is for; anything else is printed."""
        import sys

        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answers."""
        parts = urlsplit(self.path)
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(method=self.command, path=parts.path, query=parts.query, headers=headers)
        reply = self.server.owner.reply(request)
        self._send_head(reply)
        if self.command != "HEAD":
            self._send_body(reply, request)

    do_HEAD = do_GET  # noqa: N815

    def _send_head(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.length is not None:
            self.send_header("Content-Length", reply.length)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if reply.length is None and not reply.chunked:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, reply: Reply, request: Request) -> None:
        for block, pause in _blocks(reply):
            if block:
                self._send_block(block, reply.chunked)
                request.sent += len(block)
            if pause and self.server.owner.closing.wait(pause):
                break
        if reply.drop_after is not None or self.server.owner.closing.is_set():
            self.close_connection = True
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_block(self, block: memoryview, chunked: bool) -> None:
        if chunked:
            self.wfile.write(b"%x\r\n" % len(block) + block + b"\r\n")
        else:
            self.wfile.write(block)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Says nothing: requests are kept, not printed."""


def _blocks(reply: Reply) -> Iterator[tuple[memoryview, float]]:
    """Pieces of the body, each with the seconds to wait after it."""
    body = memoryview(reply.body)[: reply.drop_after]
    size, every = reply.pace or (_BLOCK, 0.0)
    stall_at, stall_seconds = reply.stall or (-1, 0.0)
    if stall_at == 0:
        yield body[:0], stall_seconds
    start = 0
    while start < len(body):
        stop = min(len(body), start + size)
        if start < stall_at < stop:
            stop = stall_at
        yield body[start:stop], stall_seconds if stop == stall_at else every
        start = stop

"""Serves one file over loopback as fast as the kernel can: `sendfile`, a thread per connection, ranges.

Run as a process of its own, so that the client's interpreter shares nothing with it. Prints its URL.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading

_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)
_ETAG = b'ETag: "one-and-only"\r\nAccept-Ranges: bytes\r\n'


def main(path: str) -> None:
    """Serves until it is killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/file.bin", flush=True)
    file = os.open(path, os.O_RDONLY)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, file), daemon=True).start()


def _serve(connection: socket.socket, file: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            while request := _read_request(connection):
                _answer(connection, file, request)
        except ConnectionError:
            return


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        received = connection.recv(65536)
        if not received:
            return b""
        request += received
    return request


def _answer(connection: socket.socket, file: int, request: bytes) -> None:
    size = os.fstat(file).st_size
    asked = _RANGE.search(request)
    start, stop = 0, size
    head = b"HTTP/1.1 200 OK\r\n"
    if asked:
        start, stop = int(asked[1]), min(size, int(asked[2]) + 1 if asked[2] else size)
        head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\n" % (start, stop - 1, size)
    connection.sendall(head + _ETAG + b"Content-Length: %d\r\n\r\n" % (stop - start))
    while start < stop:
        start += os.sendfile(connection.fileno(), file, start, stop - start)


if __name__ == "__main__":
    main(sys.argv[1])

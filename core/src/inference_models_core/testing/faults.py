"""What a :mod:`~inference_models_core.testing.fault_server` can do wrong, as a table of frozen values."""
# ruff: noqa: D102 -- Fault says what the two methods do

from __future__ import annotations

import gzip
import hashlib
import http
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.define
class Request:
    """One request as it came in.

    Attributes:
        method: Such as ``"GET"``.
        path: Without the query.
        query: What stands behind the ``?``.
        headers: Names in lower case.
        sent: Bytes of the body that were sent so far.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    sent: int = 0


@attrs.define
class Resource:
    """What is served, before ranges are looked at; faults change it."""

    content: bytes
    etag: str | None
    last_modified: str | None = "Mon, 01 Jan 2024 00:00:00 GMT"
    ranges: bool = True
    if_range: bool = True


@attrs.define
class Reply:
    """What is sent; faults change it.

    Attributes:
        status: The status code.
        headers: In order; a name may come twice.
        body: The body.
        length: Text of ``Content-Length``; ``None`` leaves the header out.
        chunked: Whether the body is sent in chunks.
        drop_after: Bytes of the body after which the connection is closed.
        stall: After how many bytes to do nothing for how many seconds.
        pace: How many bytes to send every so many seconds.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    length: str | None
    chunked: bool = False
    drop_after: int | None = None
    stall: tuple[int, float] | None = None
    pace: tuple[int, float] | None = None

    def set_header(self, name: str, value: str | None) -> None:
        """Replaces a header; ``None`` removes it."""
        self.headers = [(each, text) for each, text in self.headers if each.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def set_body(self, body: bytes) -> None:
        """Replaces the body and says so in ``Content-Length``."""
        self.body, self.length = body, str(len(body))


@attrs.frozen
class Fault:
    """One thing that goes wrong; without a change of its own it is none."""

    times: int | None = attrs.field(default=None, kw_only=True)
    skip: int = attrs.field(default=0, kw_only=True)

    def meets(self, number: int) -> bool:
        """Whether it befalls the request with this number, counted from zero."""
        return number >= self.skip and (self.times is None or number < self.skip + self.times)

    def change_resource(self, resource: Resource) -> None:
        """Changes what is served."""

    def change_reply(self, reply: Reply) -> None:
        """Changes what is sent."""


@attrs.frozen
class Drop(Fault):
    """The connection ends after so many bytes of the body."""

    after: int

    def change_reply(self, reply: Reply) -> None:
        reply.drop_after = self.after


@attrs.frozen
class Stall(Fault):
    """Nothing comes for some time after so many bytes of the body."""

    after: int
    seconds: float = 600

    def change_reply(self, reply: Reply) -> None:
        reply.stall = (self.after, self.seconds)


@attrs.frozen
class Drip(Fault):
    """A few bytes from time to time."""

    bytes: int = 1
    every: float = 0.5

    def change_reply(self, reply: Reply) -> None:
        reply.pace = (self.bytes, self.every)


@attrs.frozen
class Rate(Fault):
    """A link of so many bytes per second."""

    bytes_per_second: int

    def change_reply(self, reply: Reply) -> None:
        reply.pace = (max(1, self.bytes_per_second // 50), 0.02)


@attrs.frozen
class Status(Fault):
    """Another status, with a short body."""

    code: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b"no"

    def change_reply(self, reply: Reply) -> None:
        reply.status, reply.headers = self.code, list(self.headers.items())
        reply.set_body(b"" if self.code in (204, 304) else self.body)


@attrs.frozen
class Redirect(Fault):
    """The content is elsewhere."""

    to: str
    status: int = 302

    def change_reply(self, reply: Reply) -> None:
        reply.status, reply.headers = self.status, [("Location", self.to)]
        reply.set_body(b"")


@attrs.frozen
class Changed(Fault):
    """From the second request on there is another content, with another ETag."""

    to: bytes
    skip: int = attrs.field(default=1, kw_only=True)

    def change_resource(self, resource: Resource) -> None:
        resource.content, resource.etag = self.to, etag_of(self.to)
        resource.last_modified = "Tue, 02 Jan 2024 00:00:00 GMT"


@attrs.frozen
class NoRange(Fault):
    """Ranges are ignored."""

    def change_resource(self, resource: Resource) -> None:
        resource.ranges = False


@attrs.frozen
class NoIfRange(Fault):
    """``If-Range`` is ignored: a range of whatever is there now."""

    def change_resource(self, resource: Resource) -> None:
        resource.if_range = False


@attrs.frozen
class Validators(Fault):
    """Other validators than the right ones; ``None`` leaves one out."""

    etag: str | None = None
    last_modified: str | None = None

    def change_resource(self, resource: Resource) -> None:
        resource.etag, resource.last_modified = self.etag, self.last_modified


@attrs.frozen
class Header(Fault):
    """One header more (a second one of a name is possible), or with ``None`` one less."""

    name: str
    value: str | None

    def change_reply(self, reply: Reply) -> None:
        if self.value is None:
            reply.set_header(self.name, None)
        else:
            reply.headers.append((self.name, self.value))


@attrs.frozen
class WrongRange(Fault):
    """A 206 whose ``Content-Range`` is another one; ``text`` is all of it, else its start is moved by ``shift``."""

    shift: int = 1
    text: str | None = None

    def change_reply(self, reply: Reply) -> None:
        for name, value in tuple(reply.headers):
            if name == "Content-Range" and reply.status == http.HTTPStatus.PARTIAL_CONTENT:
                start, rest = value.removeprefix("bytes ").split("-", 1)
                reply.set_header(name, self.text or f"bytes {int(start) + self.shift}-{rest}")


@attrs.frozen
class WrongLength(Fault):
    """``Content-Length`` is this text; ``None`` leaves it out, and the body ends with the connection."""

    text: str | None

    def change_reply(self, reply: Reply) -> None:
        reply.length = self.text


@attrs.frozen
class LongBody(Fault):
    """Bytes behind the end of the content, admitted in ``Content-Length``."""

    extra: int = 1

    def change_reply(self, reply: Reply) -> None:
        reply.set_body(reply.body + b"+" * self.extra)


@attrs.frozen
class ShortBody(Fault):
    """The content without its end, and a ``Content-Length`` that fits."""

    missing: int = 1

    def change_reply(self, reply: Reply) -> None:
        reply.set_body(reply.body[: max(0, len(reply.body) - self.missing)])


@attrs.frozen
class Chunked(Fault):
    """The body comes in chunks, without ``Content-Length``."""

    def change_reply(self, reply: Reply) -> None:
        reply.chunked, reply.length = True, None


@attrs.frozen
class Gzip(Fault):
    """The body is compressed, although nobody asked for it."""

    def change_reply(self, reply: Reply) -> None:
        reply.set_header("Content-Encoding", "gzip")
        reply.set_body(gzip.compress(bytes(reply.body), 1))


@attrs.frozen
class Multipart(Fault):
    """A 206 of the type for several ranges."""

    def change_reply(self, reply: Reply) -> None:
        if reply.status != http.HTTPStatus.PARTIAL_CONTENT:
            return
        reply.set_header("Content-Range", None)
        reply.set_header("Content-Type", "multipart/byteranges; boundary=frontier")
        reply.set_body(b"--frontier\r\n\r\n" + reply.body + b"\r\n--frontier--\r\n")


def etag_of(content: bytes) -> str:
    """The strong ETag that the server gives a content."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'

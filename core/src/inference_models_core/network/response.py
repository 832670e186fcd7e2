"""What comes back: a status, headers, and bytes exactly as they were sent."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any

import urllib3

from inference_models_core.errors import DownloadError
from inference_models_core.network.faults import MalformedAnswerError, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from typing_extensions import Self

    from inference_models_core.network.connections import Attempt

READ_FAULTS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
_LARGEST_DISCARDED = 16 * 1024
_PIECE = 64 * 1024


class Response:
    """An answer whose body is read piece by piece; a context manager.

    Attributes:
        status: As in RFC 9110.
        headers: Names in any case.
        url: What was asked in the end, without its query.
        length: Bytes of the body as announced; ``None`` if it was not.
    """

    def __init__(self, answer: requests.Response, url: str, attempt: Attempt) -> None:
        self.status = answer.status_code
        self.headers: Mapping[str, str] = answer.headers
        self.url = url
        self._raw: Any = answer.raw
        self._attempt = attempt
        self._drained = False
        self._body: http.client.HTTPResponse | None = self._raw._fp  # noqa: SLF001 - urllib3's own reads copy, or wait for full buffers
        self.length = self._announced_length()

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readinto(self, buffer: memoryview) -> int:
        """Reads what has arrived, waiting for the first byte of it.

        Args:
            buffer: At least one byte long, writable.

        Returns:
            How many bytes were written to its start; 0 at the end of the body.

        Raises:
            DownloadError: If the connection fails, falls silent or was cut, or the body is shorter than announced.
        """
        if self._body is None:
            return 0
        try:
            count = self._read(self._body, buffer)
        except READ_FAULTS as error:
            reason = words(error)
        else:
            if not self._attempt.cut_because:
                return count
            reason = ""  # a cut connection looks like one that has ended
        self.close()
        raise DownloadError(f"{self.url}: {self._attempt.cut_because or reason}")

    def _read(self, body: http.client.HTTPResponse, buffer: memoryview) -> int:
        """Straight from the socket into the buffer where the framing allows it."""
        if body.chunked:
            data = body.read1(len(buffer))
            count = len(data)
            buffer[:count] = data
        else:
            count = self._read_plain(body, buffer)
        if count == 0 or body.length == 0:
            self._finish()
        return count

    def _read_plain(self, body: http.client.HTTPResponse, buffer: memoryview) -> int:
        """One read of a body that is sent as it is.

        ``HTTPResponse.readinto`` waits until the whole buffer is full, which a slow server can stretch without end,
        and takes a body that ends early for complete; so its buffered socket is read here, and its account kept.
        """
        left = len(buffer) if body.length is None else min(len(buffer), body.length)
        stream: Any = body.fp  # None once the body is over, which a body without content is from the start
        count = 0 if stream is None else self._read_some(stream, buffer[:left])
        if body.length is not None:
            if count == 0 and left:
                raise http.client.IncompleteRead(b"", body.length)
            body.length -= count
        return count

    def _read_some(self, stream: Any, buffer: memoryview) -> int:
        """One read of a buffered socket, past its own buffer once that is empty.

        ``readinto1`` waits for more than it has buffered if it is asked for more than its buffer can hold.
        """
        if not self._drained:
            buffer = buffer[: io.DEFAULT_BUFFER_SIZE]
        count = int(stream.readinto1(buffer))
        self._drained = count < len(buffer) or len(buffer) >= io.DEFAULT_BUFFER_SIZE
        return count

    def _finish(self) -> None:
        """The body is complete: the connection can be used again."""
        body, self._body = self._body, None
        if body is not None:
            body.close()
        self._raw.release_conn()

    def _announced_length(self) -> int | None:
        texts = {text.strip() for header in self._raw.headers.getlist("Content-Length") for text in header.split(",")}
        if not texts or "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return None
        if len(texts) > 1 or not all(text.isascii() and text.isdigit() and len(text) <= 19 for text in texts):
            self.close()
            raise MalformedAnswerError(f"{self.url}: the announced Content-Length is not a number")
        return int(texts.pop())

    def discard(self) -> None:
        """Closes; a short rest is read first, so that the connection can be used again."""
        buffer = memoryview(bytearray(_LARGEST_DISCARDED))
        if self.length is not None and self.length <= _LARGEST_DISCARDED:
            try:
                while self.readinto(buffer):
                    pass
            except DownloadError:
                pass  # then it is not used again
        self.close()

    def abort(self) -> None:
        """Cuts the connection, from any thread: a blocked :meth:`readinto` raises at once."""
        self._attempt.cut("aborted")

    def close(self) -> None:
        """Ends the exchange; a connection with an unread rest is closed."""
        if self._body is not None:
            self._body = None
            self._raw.close()
        self._attempt.end()


def read_body(response: Response, limit: int) -> bytes:
    """The start of a body, at most ``limit`` bytes; errors as for :meth:`Response.readinto`."""
    content = bytearray()
    buffer = memoryview(bytearray(min(limit, _PIECE)))
    while len(content) < limit and (count := response.readinto(buffer[: limit - len(content)])):
        content += buffer[:count]
    return bytes(content)

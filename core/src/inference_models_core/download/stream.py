"""A file through one connection, hashed on the way."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from inference_models_core.download.answers import Answer, ask, check_allowed
from inference_models_core.download.digests import Digests
from inference_models_core.download.job import Tries, persist
from inference_models_core.download.reading import blocks, new_buffer
from inference_models_core.download.signals import TransientError, UrlFailedError
from inference_models_core.errors import IntegrityError
from inference_models_core.store import files

if TYPE_CHECKING:
    from inference_models_core.download.job import Job


class StreamDownload:
    """Fetches from the end of what is there to the end of the file.

    Args:
        job: The download; the part holds everything before ``position`` and nothing behind.
        position: Where to go on.
        answer: A response that is open already, if there is one.
    """

    def __init__(self, job: Job, position: int, answer: Answer | None = None) -> None:
        self._job = job
        self._position = position
        self._farthest = position
        self._answer = answer
        self._digests = Digests(job.file)
        self._buffer = new_buffer()
        self._tries = Tries(job)

    def run(self) -> Digests:
        """Fetches.

        Returns:
            The digests of the whole content.
        """
        hash_part(self._job, self._digests, self._position, self._buffer)
        self._job.tell(self._position)
        if self._answer is not None or self._position != self._job.size:
            persist(self._job, self._tries, self._fetch)
        return self._digests

    def _fetch(self, url: str) -> None:
        answer, self._answer = self._answer, None
        if answer is None and self._position == self._job.size:
            return
        answer = answer or ask(self._job, url, self._position if self._job.can_resume(url) else 0)
        if answer.is_whole or self._position == 0:
            self._start_over(answer)
        expected = answer.size if answer.size is not None else self._job.size
        with closing(blocks(self._job, answer, self._limit(answer, expected), self._buffer)) as coming:
            for block in coming:
                self._take(block, expected)
        if expected is not None and self._position < expected:
            raise TransientError(f"the connection ended after {self._position} of {expected} bytes")

    def _start_over(self, answer: Answer) -> None:
        """The answer begins at the first byte: whatever is there belongs to an older one."""
        if self._position:
            self._job.part.clear()
            self._digests = Digests(self._job.file)
        self._position = 0
        self._job.identify(answer.response.headers, answer.url, answer.size)

    def _limit(self, answer: Answer, expected: int | None) -> int:
        """Most bytes to read; one more than may come tells a body that is too long where nothing else would."""
        if expected is None:
            return self._job.limits.max_size + 1 - self._position
        is_open_ended = answer.response.length is None and not self._job.file.has_digest
        return expected + is_open_ended - self._position

    def _take(self, block: memoryview, expected: int | None) -> None:
        end = self._position + len(block)
        if expected is None:
            check_allowed(self._job, end)
        elif end > expected:
            raise UrlFailedError(IntegrityError(f"{self._job.file.name}: more than the promised {expected} bytes came"))
        files.write_at(self._job.part.fd, block, self._position)
        self._digests.update(block)
        self._position = end
        self._tries.received += max(0, end - self._farthest)
        self._farthest = max(self._farthest, end)
        self._job.tell(end)


def hash_part(job: Job, digests: Digests, stop: int, buffer: memoryview) -> None:
    """Reads what is there, up to ``stop``, into the digests.

    Raises:
        IntegrityError: If the part is shorter than that.
    """
    while digests.size < stop:
        job.check()
        count = files.read_at(job.part.fd, buffer[: stop - digests.size], digests.size)
        if count == 0:
            raise IntegrityError(f"{job.file.name}: its unfinished download became shorter while it was read")
        digests.update(buffer[:count])

"""Reads a response into a part, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.download.signals import TransientError
from inference_models_core.download.values import MIB
from inference_models_core.errors import DownloadError
from inference_models_core.store import files

if TYPE_CHECKING:
    from collections.abc import Generator

    from inference_models_core.download.answers import Answer
    from inference_models_core.download.job import Job


def new_buffer() -> memoryview:
    """A buffer for all blocks of one thread."""
    return memoryview(bytearray(MIB))


def blocks(job: Job, answer: Answer, limit: int, buffer: memoryview) -> Generator[memoryview, None, None]:
    """What comes, as it comes.

    Args:
        job: The download.
        answer: To be read; closed in the end.
        limit: Most bytes to take.
        buffer: Where they go; each block is gone with the next one.

    Yields:
        Blocks of at least one byte, until the limit or the end of the response.

    Raises:
        TransientError: If the connection fails, or too little comes.
    """
    with job.watchdog.watching(answer.response) as watch:
        while watch.received < limit:
            try:
                count = answer.response.readinto(buffer[: limit - watch.received])
            except DownloadError as error:
                raise TransientError(watch.fault or error.message) from None
            if count == 0:
                return
            watch.received += count
            yield buffer[:count]


def write_within(job: Job, block: memoryview, offset: int, window: tuple[int, int]) -> None:
    """Writes a block to its place in the part, never outside the window of whoever writes."""
    start, stop = window
    if not start <= offset <= offset + len(block) <= stop:
        raise AssertionError(f"bytes {offset} to {offset + len(block)} are outside the window {start} to {stop}")
    files.write_at(job.part.fd, block, offset)

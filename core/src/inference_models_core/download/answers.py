"""Asks for the bytes of a file, and holds every answer against what was asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import attrs

from inference_models_core.download.notes import validator
from inference_models_core.download.signals import StartAgainError, TransientError, UrlFailedError
from inference_models_core.download.sources import source_of
from inference_models_core.errors import DownloadError, DownloadRefusedError, IntegrityError, UnsafeUrlError
from inference_models_core.network.faults import MalformedAnswerError
from inference_models_core.network.retries import RETRIED_STATUSES, retry_after_seconds

if TYPE_CHECKING:
    from inference_models_core.download.job import Job
    from inference_models_core.network.response import Response

_OK, _PARTIAL, _NO_SUCH_RANGE = 200, 206, 416
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)


@attrs.frozen
class Answer:
    """A response that is about to bring bytes of the file.

    Attributes:
        response: To be read.
        url: What was asked.
        start: Place of its first byte in the file.
        stop: Past its last byte; ``None`` if only the end of the response tells.
        size: Of the whole file; ``None`` if not announced.
        is_whole: Whether it is all of the file, whatever was asked for.
    """

    response: Response
    url: str
    start: int
    stop: int | None
    size: int | None
    is_whole: bool


def ask(job: Job, url: str, start: int, stop: int | None = None) -> Answer:
    """Asks for a part of the file.

    Args:
        job: The download.
        url: Where.
        start: First byte.
        stop: Past the last byte; ``None``: to the end.

    Raises:
        TransientError: If it can be asked again.
        UrlFailedError: If this URL is of no use.
        StartAgainError: If the rest of the file is somewhere else than what is there already.
    """
    response = _open(job, url, _headers(job, url, start, stop))
    try:
        return _checked(job, url, response, start, stop)
    except BaseException:
        response.close()
        raise


def _open(job: Job, url: str, headers: dict[str, str]) -> Response:
    try:
        return job.client.open(url, headers=headers)
    except (UnsafeUrlError, MalformedAnswerError) as error:
        raise UrlFailedError(error) from None
    except DownloadError as error:
        raise TransientError(error.message) from None


def _headers(job: Job, url: str, start: int, stop: int | None) -> dict[str, str]:
    if start == 0 and stop is None:
        return {}
    headers = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
    note = job.note
    condition = note.strong_etag or note.last_modified
    if condition is not None and note.source == source_of(url):
        headers["If-Range"] = condition
    return headers


def _checked(job: Job, url: str, response: Response, start: int, stop: int | None) -> Answer:
    if response.status not in (_OK, _PARTIAL):
        _raise_for_status(job, response, start)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        message = f"{job.file.name}: {response.url} sends it compressed, which was not asked for"
        raise UrlFailedError(DownloadError(message))
    if response.status == _OK:
        _check_size(job, response, response.length)
        return Answer(response, url, 0, response.length, response.length, is_whole=True)
    return _checked_range(job, url, response, start, stop)


def _raise_for_status(job: Job, response: Response, start: int) -> NoReturn:
    status = response.status
    if status == _NO_SUCH_RANGE and start > 0:
        raise StartAgainError("the server has fewer bytes than there were before")
    if status in RETRIED_STATUSES or status > 500:
        pause = retry_after_seconds(response.headers, clock=job.clock)
        raise TransientError(f"the server answered with status {status}", pause)
    message = f"{job.file.name}: {response.url} answered with status {status}"
    raise UrlFailedError(DownloadRefusedError(message), refused=status in (401, 403, 404, 410))


def _check_size(job: Job, response: Response, size: int | None) -> None:
    """Compares what is announced with what was promised and what is allowed."""
    promised, name = job.file.size, job.file.name
    if size is None:
        return
    if promised is not None and size != promised:
        message = f"{name}: {response.url} announces {size} bytes, {promised} were promised"
        raise UrlFailedError(IntegrityError(message))
    check_allowed(job, size)


def check_allowed(job: Job, size: int) -> None:
    """Refuses files that are too large.

    Raises:
        UrlFailedError: If the file has more bytes than allowed.
    """
    if size > job.limits.max_size:
        message = f"{job.file.name} has {size} bytes or more, at most {job.limits.max_size} are allowed"
        raise UrlFailedError(DownloadError(message, hint="allow more: LoadOptions(max_file_size=...)"))


def _checked_range(job: Job, url: str, response: Response, start: int, stop: int | None) -> Answer:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None:
        raise StartAgainError("a partial answer does not say which part it is", without_ranges=True)
    first, last = int(found[1]), int(found[2])
    size = None if found[3] == "*" else int(found[3])
    end = last + 1
    is_asked = first == start and start < end <= (stop or end) and (size is None or end <= size)
    if not is_asked or response.length not in (None, end - first):
        raise StartAgainError(f"asked for bytes from {start}, got {found.group()}", without_ranges=True)
    _check_same(job, url, response, size)
    return Answer(response, url, first, end, size, is_whole=False)


def _check_same(job: Job, url: str, response: Response, size: int | None) -> None:
    """Makes sure that the part is one of the same content as what is there; a server may ignore the condition."""
    _check_size(job, response, size)
    note = job.note
    if None not in (size, note.size) and size != note.size:
        raise StartAgainError("its size has changed")
    etag = validator(response.headers, "ETag")
    if None not in (etag, note.etag) and etag != note.etag and note.source == source_of(url):
        raise StartAgainError("it has changed on the server")

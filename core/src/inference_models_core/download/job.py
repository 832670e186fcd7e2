"""One download while it goes on: what is known, and how often to try."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

import attrs

from inference_models_core.download.notes import Note, validator
from inference_models_core.download.signals import TransientError, UrlFailedError
from inference_models_core.download.sources import source_of
from inference_models_core.errors import DownloadError
from inference_models_core.network.origins import redacted
from inference_models_core.network.retries import delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_models_core.download.parts import Part
    from inference_models_core.download.sources import Sources
    from inference_models_core.download.values import DownloadLimits, RemoteFile
    from inference_models_core.download.watchdog import Watchdog
    from inference_models_core.network.client import HttpClient
    from inference_models_core.network.retries import Clock

T = TypeVar("T")
_NAP = 0.1


@attrs.define(eq=False)
class Job:
    """What the steps of one download share.

    Attributes:
        use_ranges: Whether the server's ranges can be trusted.
    """

    file: RemoteFile
    part: Part
    sources: Sources
    client: HttpClient
    limits: DownloadLimits
    clock: Clock
    watchdog: Watchdog
    progress: Callable[[int], None]
    use_ranges: bool = True
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @property
    def note(self) -> Note:
        """What the part is a part of."""
        return self.part.note or Note()

    @property
    def size(self) -> int | None:
        """Bytes of the whole file, as far as known."""
        return self.file.size if self.file.size is not None else self.note.size

    def can_resume(self, url: str) -> bool:
        """Whether bytes from there may follow those that are here: a digest or the server must be able to object."""
        is_told_apart = self.note.strong_etag is not None and self.note.source == source_of(url)
        return self.use_ranges and (self.file.has_digest or is_told_apart)

    def identify(self, headers: Mapping[str, str], url: str, size: int | None) -> None:
        """Remembers what a complete answer is a copy of."""
        etag, modified = validator(headers, "ETag"), validator(headers, "Last-Modified")
        self.part.describe(Note(etag=etag, last_modified=modified, size=size, source=source_of(url)))

    def start_again(self) -> None:
        """Forgets what arrived, and what it was a part of."""
        self.part.clear()
        self.part.describe(Note())

    def check(self) -> None:
        """Ends the download if it has to end.

        Raises:
            DownloadError: If it was cancelled or takes too long.
        """
        if verdict := self.watchdog.verdict:
            raise DownloadError(f"{self.file.name}: {verdict}", attempts=self.sources.attempts)

    def tell(self, received: int) -> None:
        """Reports bytes that are on the disk."""
        with self._lock:
            self.progress(received)


class Tries:
    """How often one stream of bytes has failed.

    A request counts as progress if what it brought is no less than the floor rate: a server that gives a byte per
    connection gives nothing.

    Args:
        job: The download.
        check: Raises when the stream has to end; the job's own without it.
    """

    def __init__(self, job: Job, check: Callable[[], None] | None = None) -> None:
        self._job = job
        self.check = job.check if check is None else check
        self.received = 0
        """Bytes that were not there before; whoever reads counts them."""
        self.start_again()

    def start_again(self) -> None:
        """Forgets the failures, not the bytes."""
        self._failures = 0
        self._slept = 0.0
        self._mark()

    def failed(self, fault: TransientError) -> bool:
        """Notes a failure and waits; whether another try makes sense."""
        limits, clock = self._job.limits, self._job.clock
        if self._is_progress():
            self.start_again()
        else:
            self._failures += 1
        self._mark()
        seconds = delay(max(0, self._failures - 1), clock=clock)
        if self._failures >= limits.no_progress_tries or self._slept + seconds > limits.total_sleep:
            return False
        if fault.pause is None:
            self._slept += seconds  # counted as time in which nothing came, too
            self._pause(seconds)
        else:
            self._pause(fault.pause)
            self._mark()
        return True

    def _pause(self, seconds: float) -> None:
        clock = self._job.clock
        ends = clock.now() + seconds
        while (left := ends - clock.now()) > 0:
            self.check()
            clock.sleep(min(left, _NAP))

    def _is_progress(self) -> bool:
        came, took = self.received - self._received_before, self._job.clock.now() - self._since
        return came > 0 and came >= self._job.limits.floor_rate * took

    def _mark(self) -> None:
        self._received_before, self._since = self.received, self._job.clock.now()


def persist(job: Job, tries: Tries, work: Callable[[str], T]) -> T:
    """Does something that takes a request, until it is done or no URL is left.

    Args:
        job: The download.
        tries: Counts failures in a row.
        work: Takes the URL; goes on where it was when it failed.

    Returns:
        What ``work`` returned.

    Raises:
        DownloadError: If no URL gives the file; DownloadRefusedError if all refuse it.
        IntegrityError: If they give another one.
    """
    while True:
        tries.check()
        url = job.sources.url
        try:
            return work(url)
        except TransientError as fault:
            tries.check()  # cut because the download ends, not because of a fault
            job.sources.attempts.append(f"{redacted(url)}: {fault.reason}")
            if not tries.failed(fault):
                job.sources.leave(url, _exhausted(job, fault))
                tries.start_again()
        except UrlFailedError as fault:
            job.sources.attempts.append(f"{redacted(url)}: {fault.error.message}")
            job.sources.leave(url, fault.error, refused=fault.refused)
            tries.start_again()


def _exhausted(job: Job, fault: TransientError) -> DownloadError:
    return DownloadError(
        f"{job.file.name} could not be downloaded: {fault.reason}",
        hint="run it again: what has arrived is kept and not fetched again",
    )

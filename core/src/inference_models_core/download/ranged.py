"""A large file through several connections: each thread writes its own windows, the caller hashes behind them."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING

import attrs

from inference_models_core.download.answers import Answer, ask
from inference_models_core.download.digests import Digests
from inference_models_core.download.intervals import Intervals, gaps, length, prefix, union, windows
from inference_models_core.download.job import Tries, persist
from inference_models_core.download.reading import blocks, new_buffer, write_within
from inference_models_core.download.signals import StartAgainError, StoppedError, TransientError
from inference_models_core.download.stream import StreamDownload, hash_part
from inference_models_core.download.values import MIB
from inference_models_core.errors import DownloadError

if TYPE_CHECKING:
    from inference_models_core.download.job import Job

POSSIBLE = hasattr(os, "pwrite")
"""Whether several threads can write to one open file."""
_PATIENCE = 0.1
_NOTE_SECONDS = 1.0
_JOIN_SECONDS = 0.7
_SHORT = 0.005
_MOST_AHEAD = 4


@attrs.define(eq=False)
class Window:
    """A stretch of the file that one thread fetches.

    Attributes:
        start: First byte.
        stop: Past the last byte.
        position: Everything before it is on the disk.
    """

    start: int
    stop: int
    position: int


class RangedDownload:
    """Fetches what is missing of a file of known size.

    Args:
        job: The download.
        done: What is there.
        size: Of the file.
    """

    def __init__(self, job: Job, done: Intervals, size: int) -> None:
        self._job = job
        self._done = done
        self._size = size
        self._windows = [Window(start, stop, start) for start, stop in windows(gaps(done, size), job.limits.window)]
        self._waiting = deque(self._windows)
        self._working = 0
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self._digests = Digests(job.file)

    def run(self) -> Digests:
        """Fetches; with one connection if the server gives only the whole file.

        Returns:
            The digests of the whole content.
        """
        first = persist(self._job, Tries(self._job), self._ask_first)
        if first.is_whole:
            return StreamDownload(self._job, 0, first).run()
        self._describe()
        threads = self._start(first)
        try:
            self._follow()
        finally:
            self._stop(threads)
        return self._digests

    def _ask_first(self, url: str) -> Answer:
        """The first request decides whether there are ranges, and which content they are of."""
        window = self._waiting[0]
        answer = ask(self._job, url, window.start, window.stop)
        if not self._done and not answer.is_whole:
            self._job.identify(answer.response.headers, url, self._size)
        if not answer.is_whole and not self._job.can_resume(url):
            answer.response.close()
            raise StartAgainError("nothing tells whether two ranges are of one content", without_ranges=True)
        return answer

    def _start(self, first: Answer) -> list[threading.Thread]:
        count = min(self._job.limits.ranges, len(self._windows))
        self._working = count
        given: list[Answer | None] = [first, *[None] * (count - 1)]
        # Taken here and not by the threads: the first answer belongs to the first window.
        tasks = [(self._waiting.popleft(), answer) for answer in given]
        threads = [threading.Thread(target=self._work, args=task, name="download-range", daemon=True) for task in tasks]
        for thread in threads:
            thread.start()
        return threads

    def _stop(self, threads: list[threading.Thread]) -> None:
        """Ends the threads; one that hangs in a connect keeps the part's descriptor, and ends later."""
        self._stopped.set()
        if self._failure is not None or any(window.position < window.stop for window in self._windows):
            self._job.watchdog.cut_all()
        ends = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self._job.part.keep_open()
        self._describe()

    def _work(self, window: Window | None, answer: Answer | None) -> None:
        """What each thread does: one window after the other."""
        try:
            tries, buffer = Tries(self._job, self._check), new_buffer()
            while window is not None:
                self._fetch(window, answer, tries, buffer)
                window, answer = self._next(), None
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            self._give_up(window, error)
        finally:
            self._news.set()

    def _next(self) -> Window | None:
        self._describe()
        while self._is_far_ahead() and not self._stopped.wait(_SHORT):
            pass
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._working -= 1
        return None

    def _is_far_ahead(self) -> bool:
        """Whether threads wait for the hash between two windows.

        It has to be finished anyway, and where there are few processors more threads than one would leave it behind:
        it would then run alone, in the end, while nobody has anything to do. Only what can be hashed now counts, and
        it is more than the hash itself waits for: else both would wait for each other.
        """
        hashed = self._digests.size
        ready = self._arrived()[0] - hashed
        return ready > max(MIB, _MOST_AHEAD * self._job.limits.window) and hashed >= prefix(self._done)

    def _fetch(self, window: Window, answer: Answer | None, tries: Tries, buffer: memoryview) -> None:
        left = [answer] if answer is not None else []

        def work(url: str) -> None:
            self._receive(window, left.pop() if left else self._ask(url, window), tries, buffer)

        persist(self._job, tries, work)

    def _ask(self, url: str, window: Window) -> Answer:
        answer = ask(self._job, url, window.position, window.stop)
        if not answer.is_whole:
            return answer
        answer.response.close()
        raise StartAgainError("it has changed on the server")

    def _receive(self, window: Window, answer: Answer, tries: Tries, buffer: memoryview) -> None:
        with closing(blocks(self._job, answer, window.stop - window.position, buffer)) as coming:
            for block in coming:
                self._check()
                write_within(self._job, block, window.position, (window.start, window.stop))
                window.position += len(block)
                tries.received += len(block)
                self._news.set()
        if window.position < window.stop:
            raise TransientError(f"the connection ended {window.stop - window.position} bytes early")

    def _check(self) -> None:
        if self._stopped.is_set():
            raise StoppedError
        self._job.check()

    def _give_up(self, window: Window | None, error: BaseException) -> None:
        """Leaves the window to the others, if there are any: some servers give only so many connections."""
        with self._lock:
            self._working -= 1
            if type(error) is DownloadError and self._working > 0 and window is not None:
                self._waiting.appendleft(window)
            elif self._failure is None:
                self._failure = error
                self._stopped.set()

    def _follow(self) -> None:
        """Hashes what has arrived in order, until all has, or a thread has failed for good."""
        buffer, noted = new_buffer(), self._job.clock.now()
        while self._digests.size < self._size:
            self._news.clear()
            if self._failure is not None:
                raise self._failure
            self._job.check()
            frontier, received = self._arrived()
            self._job.tell(received)
            if frontier - self._digests.size >= MIB or frontier == self._size:
                hash_part(self._job, self._digests, frontier, buffer)
            else:
                self._news.wait(_PATIENCE)
            if (now := self._job.clock.now()) - noted >= _NOTE_SECONDS:
                self._describe()
                noted = now

    def _arrived(self) -> tuple[int, int]:
        """Up to where nothing is missing, and how many bytes there are in all."""
        there = self._there()
        return prefix(there), length(there)

    def _there(self) -> Intervals:
        return union([*self._done, *((window.start, window.position) for window in self._windows)])

    def _describe(self) -> None:
        """Says in the note which bytes are there: they were written before."""
        with self._lock:
            self._job.part.describe(attrs.evolve(self._job.note, size=self._size, done=self._there()))

"""Cuts connections that nobody should wait for: cancelled ones, slow ones, late ones."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from inference_models_core.download.values import DownloadLimits
    from inference_models_core.network.response import Response
    from inference_models_core.network.retries import Clock

_TICK = 0.1


class Watch:
    """One response that is being read.

    Attributes:
        received: Bytes so far; whoever reads counts them.
        fault: Why it was cut, if the watchdog did it.
    """

    def __init__(self, response: Response, limits: DownloadLimits, now: float) -> None:
        self.response = response
        self.received = 0
        self.fault = ""
        self._limits = limits
        self._samples = deque([(now, 0)])

    def check(self, now: float) -> None:
        """Cuts the connection if too little came during the last seconds."""
        received, limits = self.received, self._limits
        while len(self._samples) > 1 and self._samples[1][0] <= now - limits.floor_seconds:
            self._samples.popleft()
        since, before = self._samples[0]
        self._samples.append((now, received))
        if now - since >= limits.floor_seconds and received - before < limits.floor_rate * (now - since):
            self.fault = f"less than {limits.floor_rate:g} bytes per second for {limits.floor_seconds:g} s"
            self.response.abort()


class Watchdog:
    """Looks after the responses of one download, in a thread of its own; a context manager.

    Args:
        limits: Floor rate and deadline.
        cancelled: Set by whoever wants the download to end.
        clock: Measures both.
    """

    def __init__(self, limits: DownloadLimits, cancelled: threading.Event, clock: Clock) -> None:
        self._limits = limits
        self._cancelled = cancelled
        self._clock = clock
        self._ends = None if limits.deadline is None else clock.now() + limits.deadline
        self._watches: set[Watch] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="download-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def verdict(self) -> str:
        """Why the download has to end; empty if it may go on."""
        if self._cancelled.is_set():
            return "the download was cancelled"
        if self._ends is not None and self._clock.now() >= self._ends:
            return f"not complete after {self._limits.deadline:g} s"
        return ""

    @contextmanager
    def watching(self, response: Response) -> Iterator[Watch]:
        """Looks after a response while the block lasts, and closes it."""
        watch = Watch(response, self._limits, self._clock.now())
        with self._lock:
            self._watches.add(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)
            response.close()

    def cut_all(self) -> None:
        """Cuts every response that is being read."""
        with self._lock:
            watches = tuple(self._watches)
        for watch in watches:
            watch.response.abort()

    def _run(self) -> None:
        while not self._over.wait(_TICK):
            if self.verdict:
                self.cut_all()
            with self._lock:
                watches = tuple(self._watches)
            for watch in watches:
                watch.check(self._clock.now())

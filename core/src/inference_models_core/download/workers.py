"""Several tasks at a time, so that Ctrl-C and the first failure end all of them at once."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
_POLL = 0.2
_GRACE = 0.8


def run_parallel(tasks: Sequence[Callable[[threading.Event], T]], workers: int) -> list[T]:
    """Runs tasks in threads.

    Args:
        tasks: Each gets an event that tells it to end.
        workers: How many at a time.

    Returns:
        What they returned, in their order.

    Raises:
        BaseException: The first error of a task; the others are told to end, and one that does not is left behind.
        KeyboardInterrupt: On Ctrl-C, in the same way.
    """
    cancelled = threading.Event()
    waiting = queue.SimpleQueue[int]()
    for index in range(len(tasks)):
        waiting.put(index)
    finished = queue.SimpleQueue["tuple[int, T | None, BaseException | None]"]()
    threads = [_start(tasks, waiting, finished, cancelled) for _ in range(min(workers, len(tasks)))]
    try:
        results = dict(_next_result(finished) for _ in tasks)
    except BaseException:
        cancelled.set()
        _wait(threads)
        raise
    return [results[index] for index in range(len(tasks))]


def _start(
    tasks: Sequence[Callable[[threading.Event], T]],
    waiting: queue.SimpleQueue[int],
    finished: queue.SimpleQueue[tuple[int, T | None, BaseException | None]],
    cancelled: threading.Event,
) -> threading.Thread:
    def work() -> None:
        while not cancelled.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                finished.put((index, tasks[index](cancelled), None))
            except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
                finished.put((index, None, error))

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name="download", daemon=True)
    thread.start()
    return thread


def _next_result(finished: queue.SimpleQueue[tuple[int, T | None, BaseException | None]]) -> tuple[int, T]:
    while True:
        try:
            index, result, error = finished.get(timeout=_POLL)  # without one, Windows would not let Ctrl-C through
        except queue.Empty:
            continue
        if error is not None:
            raise error
        return index, result  # type: ignore[return-value]  # a task without an error has a result


def _wait(threads: Sequence[threading.Thread]) -> None:
    """Gives threads that were told to end the time to leave their files in order, and not more."""
    ends = time.monotonic() + _GRACE
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))

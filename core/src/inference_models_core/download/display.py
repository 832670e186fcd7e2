"""How far downloads are, on standard error: only for a person who watches, or when somebody asks for it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, final

from inference_models_core import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from rich.progress import TaskID

VARIABLE = "INFERENCE_MODELS_PROGRESS"


def progress_wanted(progress: bool | None) -> bool:
    """Whether to show progress.

    Args:
        progress: What the caller says; ``None`` leaves it to ``INFERENCE_MODELS_PROGRESS``, and if that is not set
            either, to whether standard error is a terminal.
    """
    if progress is not None:
        return progress
    if os.environ.get(VARIABLE, "").strip():
        return settings.flag(VARIABLE)
    return sys.stderr.isatty()


@contextlib.contextmanager
def download_display(progress: bool | None) -> Iterator[Callable[[str, int, int | None], None]]:
    """Shows progress, if it is wanted, until the block ends.

    Args:
        progress: As for :func:`progress_wanted`.

    Yields:
        ``(handle, received, total)``: to call with a file's name, its bytes so far and its bytes in all (``None`` if
        unknown), from any thread.
    """
    if not progress_wanted(progress):
        yield lambda _, __, ___: None
        return
    with DownloadDisplay() as display:
        yield display.update


@final
class DownloadDisplay:
    """One line per file: name, bar, size, rate and the time that is left. A context manager."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        name = TextColumn("{task.description}", markup=False)  # names come from outside
        columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
        # Only what goes to the same terminal passes the bar; redirected output must stay what it is.
        self._progress = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def update(self, handle: str, received: int, total: int | None) -> None:
        """Says how far a file is.

        Args:
            handle: Its name.
            received: Bytes so far, those of an earlier, unfinished download included.
            total: Bytes in all; ``None`` if unknown.
        """
        from inference_models_core.errors import printable

        with self._lock:
            task = self._tasks.get(handle)
            if task is None:
                # What an earlier download left is there from the start: it must not look like speed.
                label = printable(handle, 60)
                self._tasks[handle] = self._progress.add_task(label, total=total, completed=received)
                return
        self._progress.update(task, completed=received, total=total)

    def __enter__(self) -> DownloadDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

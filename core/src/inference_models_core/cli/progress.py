"""A progress bar on standard error, on a terminal only."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(what: str, count: Callable[[], int], *, json_to_stdout: bool) -> Iterator[Callable[[], None]]:
    """Shows how far things are.

    Args:
        what: What is counted, such as ``"pictures"``.
        count: Says how many there are; only called where a bar is shown.
        json_to_stdout: Whether standard output carries JSON: on a terminal the bar would break its lines.

    Yields:
        A function to call after each.
    """
    if not sys.stderr.isatty() or (json_to_stdout and sys.stdout.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Only what goes to the same terminal passes the bar; redirected output must stay what it is.
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty())
    with bar:
        task = bar.add_task(what, total=count())
        yield lambda: bar.advance(task)

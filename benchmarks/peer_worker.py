"""One peer in a process of its own, since some change how OpenCV, Pillow and PyTorch behave for everybody in theirs.

`python benchmarks/peer_worker.py SIDE` reads requests from standard input, a line of JSON each, and answers each with
a line. A request names a function of `peer_SIDE.py` with its arguments and asks for the seconds of one call, or for
what the call finds.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class Work(NamedTuple):
    """Something that a peer does.

    Attributes:
        before: Runs right before, not measured: what would have run in a real loop.
        measured: Gets what `before` returned.
        found: What of its result is compared with other peers, as plain lists.
    """

    before: Callable[[], Any]
    measured: Callable[[Any], Any]
    found: Callable[[Any], Any]

    def seconds(self) -> float:
        """How long one call takes."""
        given = self.before()
        started = time.perf_counter()
        self.measured(given)
        return time.perf_counter() - started

    def answer(self) -> Any:
        """What one call finds."""
        return self.found(self.measured(self.before()))


class Worker:
    """The other end: a peer's process as the parent sees it."""

    def __init__(self, side: str) -> None:
        command = [sys.executable, __file__, side]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, method: str, name: str, *arguments: Any) -> Any:
        """Seconds or answer of `name(*arguments)`; `method` is a name of a method of `Work`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, name, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args))} ended while it did {name}{arguments}")
        return json.loads(line)


def main(side: str) -> None:
    """Answers until there are no more requests."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not end up between answers
    make: Callable[..., Work] = cache(
        lambda name, *given: getattr(importlib.import_module(f"peer_{side}"), name)(*given)
    )
    for line in sys.stdin:
        method, name, *arguments = json.loads(line)
        answers.write(json.dumps(getattr(make(name, *arguments), method)()) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])

"""Listens wherever a secret could come out: logs, output, errors with the variables of our frames, command lines."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.capture import CaptureFixture
from click.testing import CliRunner

from suite_checks.secrets import CANARIES, Canaries

ROOT = Path(__file__).parents[2]
OURS = tuple(str(path) for pattern in ("*/src", "*/*/src") for path in ROOT.glob(pattern))
_SAME_PLACE = 20
_LONG = 1 << 20

found: list[str] = []
"""Where a secret came out."""
heard: Counter[str] = Counter()
"""How much was listened to, by kind."""
_places: Counter[Any] = Counter()


def hear(kind: str, text: str | bytes, canaries: Canaries = CANARIES) -> None:
    """Notes what was said, and whether a secret was in it."""
    heard[kind] += 1
    for name in canaries.found_in(text):
        found.append(f"{name} in {kind}: {where()}")


def where() -> str:
    """The test that runs."""
    import os

    return os.environ.get("PYTEST_CURRENT_TEST", "between tests")


def hear_error(error: BaseException) -> None:
    """Notes an error that left the library; of one place only the first few, as fuzzers raise thousands."""
    place = (type(error), *(frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)))
    _places[place] += 1
    if _places[place] <= _SAME_PLACE:
        for text in texts_of(error):
            hear("an error or a variable of our frames", text)


def texts_of(error: BaseException) -> list[str | bytes]:
    """What a report of an error says that shows the variables of our frames; its causes included."""
    texts: list[str | bytes] = []
    chain: BaseException | None = error
    known: set[int] = set()
    while chain is not None and id(chain) not in known:
        known.add(id(chain))
        texts += [_shown(chain), str(chain), _shown(vars(chain))]
        for frame, _ in traceback.walk_tb(chain.__traceback__):
            if frame.f_code.co_filename.startswith(OURS):
                texts += [_labelled(frame, name) for name in tuple(frame.f_locals)]
        chain = chain.__cause__ or chain.__context__
    return texts


def _labelled(frame: FrameType, name: str) -> str | bytes:
    shown = _shown(frame.f_locals[name])
    return shown if isinstance(shown, bytes) else f"{frame.f_code.co_filename}: {name} = {shown}"


def _shown(value: Any) -> str | bytes:
    if isinstance(value, (bytes, bytearray, str)) and len(value) > _LONG:
        return bytes(value) if isinstance(value, bytearray) else value
    try:
        return repr(value)
    except Exception as error:  # whatever a stand-in of a test does
        return type(error).__name__


class _ListeningLogger(logging.Logger):
    """Hears every message down to DEBUG and passes on those that would have been logged without it."""

    def isEnabledFor(self, level: int) -> bool:
        return True

    def handle(self, record: logging.LogRecord) -> None:
        hear("a log message", logging.Formatter().format(record))
        if super().isEnabledFor(record.levelno):
            super().handle(record)


def _listen_to_captures(patch: pytest.MonkeyPatch) -> None:
    read = CaptureFixture.readouterr

    def readouterr(self: Any) -> Any:
        captured = read(self)
        for text in captured:
            hear("captured output", text)
        return captured

    patch.setattr(CaptureFixture, "readouterr", readouterr)


def _listen_to_commands(patch: pytest.MonkeyPatch) -> None:
    invoke = CliRunner.invoke

    def invoke_(self: Any, *arguments: Any, **named: Any) -> Any:
        result = invoke(self, *arguments, **named)
        hear("output of a command", result.stdout_bytes)
        hear("output of a command", result.stderr_bytes or b"")
        return result

    patch.setattr(CliRunner, "invoke", invoke_)


def _listen_to_children(patch: pytest.MonkeyPatch) -> None:
    communicate = subprocess.Popen.communicate

    def communicate_(self: Any, *arguments: Any, **named: Any) -> Any:
        output = communicate(self, *arguments, **named)
        for text in filter(None, output):
            hear("output of a child process", text)
        return output

    patch.setattr(subprocess.Popen, "communicate", communicate_)


def _hear_events(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        hear("a command line", repr(arguments[:2]))


_patch = pytest.MonkeyPatch()


def pytest_configure() -> None:
    logging.getLogger("inference_models").__class__ = _ListeningLogger
    _listen_to_captures(_patch)
    _listen_to_commands(_patch)
    _listen_to_children(_patch)
    sys.addaudithook(_hear_events)


def pytest_unconfigure() -> None:
    logging.getLogger("inference_models").__class__ = logging.Logger
    _patch.undo()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for _, content in report.sections:
        hear("captured output", content)
    hear("the report of a failure", report.longreprtext)

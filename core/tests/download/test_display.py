from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest
from inference_models_core.download import display
from inference_models_core.errors import InvalidRequestError


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def stderr(monkeypatch):
    """Replaces standard error by a stream that says it is a terminal, or not."""

    def replace(terminal):
        stream = Stream(terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    monkeypatch.delenv(display.VARIABLE, raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return replace


@pytest.mark.parametrize(
    ("progress", "variable", "terminal", "wanted"),
    [
        (None, None, True, True),
        (None, None, False, False),
        (None, "0", True, False),
        (None, "1", False, True),
        (None, "", True, True),
        (False, "1", True, False),
        (True, "0", False, True),
    ],
)
def test_who_decides(stderr, monkeypatch, progress, variable, terminal, wanted):
    stderr(terminal)
    if variable is not None:
        monkeypatch.setenv(display.VARIABLE, variable)
    assert display.progress_wanted(progress) is wanted


def test_a_variable_that_is_neither_on_nor_off(stderr, monkeypatch):
    monkeypatch.setenv(display.VARIABLE, "perhaps")
    with pytest.raises(InvalidRequestError, match=display.VARIABLE):
        display.progress_wanted(None)


def test_a_line_per_file_with_what_is_done(stderr):
    stream = stderr(terminal=True)
    with display.download_display(None) as update:
        update("weights.onnx", 1_000_000, 4_000_000)
        update("[bold]names\x1b[2J.txt", 10, None)
        threads = [threading.Thread(target=update, args=("weights.onnx", 4_000_000, 4_000_000)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    shown = stream.getvalue()
    assert "weights.onnx" in shown
    assert "4.0/4.0 MB" in shown
    assert "[bold]names\\x1b[2J.txt" in shown


def test_silence_where_nobody_watches(stderr):
    stream = stderr(terminal=False)
    with display.download_display(None) as update:
        update("weights.onnx", 1, 2)
    assert stream.getvalue() == ""


def test_what_was_there_already_is_not_speed(stderr):
    stderr(terminal=True)
    with display.DownloadDisplay() as shown:
        shown.update("weights.onnx", 900_000_000, 1_000_000_000)
        (task,) = shown._progress.tasks
        assert (task.completed, task.speed) == (900_000_000, None)


def test_silence_costs_no_import():
    code = (
        "import sys; from inference_models_core.download.display import download_display\n"
        "with download_display(False) as update: update('x', 1, 2)\n"
        "print('rich' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout == "False\n", run.stderr

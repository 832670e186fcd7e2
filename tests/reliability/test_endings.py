"""R-13: a load ends when it is told to, and what has arrived is kept."""

from __future__ import annotations

import signal

import pytest

from reliability.endings import WAITING, interrupted_load, terminated_command

_PATIENCE = 3.0
"""Seconds: far beyond what is measured, far below what a server can keep a client waiting for."""


@pytest.mark.parametrize("waiting", WAITING)
def test_ctrl_c_in_a_program(tmp_path, waiting):
    found = interrupted_load(tmp_path / "cache", waiting)
    assert found.seconds < _PATIENCE
    assert found.code == -signal.SIGINT
    assert found.kept >= 10_000
    assert found.resumed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_command_line(tmp_path, number):
    found = terminated_command(tmp_path / "cache", tmp_path / "site", "stalled", number)
    assert found.seconds < _PATIENCE
    assert found.code == 128 + number
    assert found.kept >= 10_000
    assert found.resumed
    assert "Traceback" not in found.errors
